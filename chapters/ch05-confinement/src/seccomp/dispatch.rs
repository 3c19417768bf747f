//! From a call's number to its answer, in few comparisons.
//!
//! A profile of 360 names would be 360 comparisons in a row. Here the numbers are sorted, neighbours with the same answer
//! become one range, and the ranges a tree in which those that programs use most are near the root.

use std::collections::BTreeMap;

use super::bpf::{Label, Program, Test};
use super::condition::{Width, all};
use super::rules::Answer;

/// All numbers there are, in a row: from each of these on, this answer. Sorted.
#[derive(Debug, Default)]
pub(crate) struct Row(Vec<(u32, Answer)>);

impl Row {
    /// From `start` on, which is above all that is there: `answers`, whose numbers count from `start`, `gap` for the
    /// numbers between, and `beyond` for those after the last.
    pub(crate) fn section(&mut self, start: u32, answers: BTreeMap<u32, Answer>, gap: &Answer, beyond: &Answer) {
        let last = answers.last_key_value().map(|(number, _)| *number);
        self.0.push((start, gap.clone()));
        for (number, answer) in answers {
            let from = start + number;
            // The gap behind the number before is empty.
            self.0.pop_if(|(gap_from, _)| *gap_from == from);
            let behind = if Some(number) == last { beyond } else { gap };
            self.0.extend([(from, answer), (from + 1, behind.clone())]);
        }
    }

    /// Neighbours with the same answer made one. `hot` are numbers that deserve a short way.
    pub(crate) fn ranges(self, hot: &[u32]) -> Vec<Range> {
        let mut ranges: Vec<Range> = Vec::new();
        for (from, answer) in self.0 {
            if ranges.last().is_none_or(|last| last.answer != answer) {
                let weight = if answer.conditional.is_empty() { RARE } else { CONDITIONAL };
                ranges.push(Range { from, answer, weight });
            }
        }
        for number in hot {
            let place = ranges.partition_point(|range| range.from <= *number);
            if let Some(range) = place.checked_sub(1).and_then(|place| ranges.get_mut(place)) {
                range.weight += HOT;
            }
        }
        ranges
    }
}

/// Numbers from `from` up to the next range have the same answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range {
    from: u32,
    answer: Answer,
    /// How often it is asked for, compared with the others.
    weight: u32,
}

/// A call that programs make all the time.
const HOT: u32 = 100;
/// A call with conditions. Since Linux 5.11 the kernel remembers which native calls are allowed whatever their arguments,
/// and runs the filter for the others only.
const CONDITIONAL: u32 = 50;
/// Any other range.
const RARE: u32 = 1;

/// A tree over the ranges. The accumulator holds the number.
// ANCHOR: dispatch
pub(crate) fn dispatch(program: &mut Program, ranges: &[Range], width: Width, default: u32) -> Label {
    // ANCHOR: ex_dispatch
    match ranges {
        [] => program.give_back(default),
        [range] => decide(program, &range.answer, width, default),
        _ => {
            let (low, high) = ranges.split_at(middle(ranges));
            let at_or_above = dispatch(program, high, width, default);
            let below = dispatch(program, low, width, default);
            program.branch(Test::GreaterOrEqual, high[0].from, at_or_above, below)
        }
    }
    // ANCHOR_END: ex_dispatch
}
// ANCHOR_END: dispatch

/// Where to cut two or more ranges in two, so that both sides weigh about the same: 1 or more, less than their number.
// ANCHOR: middle
fn middle(ranges: &[Range]) -> usize {
    let total: u32 = ranges.iter().map(|range| range.weight).sum();
    let mut left = 0;
    let difference = |place: &usize| {
        left += ranges[place - 1].weight;
        left.abs_diff(total - left)
    };
    (1..ranges.len()).min_by_key(difference).unwrap_or(1)
}
// ANCHOR_END: middle

/// The first alternative that applies, or else the answer otherwise.
fn decide(program: &mut Program, answer: &Answer, width: Width, default: u32) -> Label {
    let otherwise = program.give_back(answer.otherwise.unwrap_or(default));
    answer.conditional.iter().rev().fold(otherwise, |next, (args, action)| {
        let holds = program.give_back(*action);
        all(program, args, width, holds, next)
    })
}
