// mistake: > where >= is meant
match ranges {
    [] => vec![give_back(default)],
    [range] => decide(&range.answer, width, default),
    _ => {
        let (low, high) = ranges.split_at(middle(ranges));
        branch(Test::Greater, high[0].from, dispatch(high, width, default), dispatch(low, width, default))
    }
}
