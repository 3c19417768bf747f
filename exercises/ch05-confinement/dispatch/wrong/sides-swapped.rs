// mistake: the low part is where the comparison holds
match ranges {
    [] => vec![give_back(default)],
    [range] => decide(&range.answer, width, default),
    _ => {
        let (low, high) = ranges.split_at(middle(ranges));
        branch(Test::GreaterOrEqual, high[0].from, dispatch(low, width, default), dispatch(high, width, default))
    }
}
