// mistake: each comparison leaves all but one range
match ranges {
    [] => vec![give_back(default)],
    [range] => decide(&range.answer, width, default),
    _ => {
        let (low, high) = ranges.split_at(1);
        branch(Test::GreaterOrEqual, high[0].from, dispatch(high, width, default), dispatch(low, width, default))
    }
}
