//! Lists of processors and memory nodes, as the kernel writes them: `0-3,7`.

use std::collections::BTreeSet;

/// No machine has more of either, and a list must not be all of our memory.
const LARGEST: usize = 4096;

/// The numbers in `list`, each once. An empty list has none.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse(list: &str) -> Result<BTreeSet<usize>, String> {
    let number = |text: &str| match text.trim().parse::<usize>() {
        Ok(number) if number < LARGEST => Ok(number),
        _ => Err(format!("{text:?} in {list:?} is no number below {LARGEST}")),
    };
    let mut ranges = Vec::new();
    for part in list.split(',').filter(|_| !list.trim().is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (number(first)?, number(last)?);
        if first > last {
            return Err(format!("{part:?} in {list:?} goes backwards"));
        }
        ranges.push((first, last));
    }
    ranges.sort_unstable();
    let (mut found, mut next) = (BTreeSet::new(), 0);
    for (first, last) in ranges {
        // What was said before costs no time, either.
        found.extend(first.max(next)..=last);
        next = next.max(last + 1);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ranges() {
        assert_eq!(parse("0-3, 7"), Ok(BTreeSet::from([0, 1, 2, 3, 7])));
        assert_eq!(parse(""), Ok(BTreeSet::new()));
        let long = "0-4095,".repeat(100_000) + "1";
        assert_eq!(parse(&long).map(|all| all.len()), Ok(4096), "however often it is said");
        for wrong in [",", "1-", "-1", "3-2", "0x1", "0-18446744073709551615", "4096"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
