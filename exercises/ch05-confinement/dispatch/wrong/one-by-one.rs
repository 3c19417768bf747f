// mistake: each comparison leaves all but one range
match ranges {
    [] => program.give_back(default),
    [range] => decide(program, &range.answer, width, default),
    _ => {
        let (low, high) = ranges.split_at(1);
        let at_or_above = dispatch(program, high, width, default);
        let below = dispatch(program, low, width, default);
        program.branch(Test::GreaterOrEqual, high[0].from, at_or_above, below)
    }
}
