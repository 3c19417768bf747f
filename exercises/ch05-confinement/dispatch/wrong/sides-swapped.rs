// mistake: the low part is where the comparison holds
match ranges {
    [] => program.give_back(default),
    [range] => decide(program, &range.answer, width, default),
    _ => {
        let (low, high) = ranges.split_at(middle(ranges));
        let at_or_above = dispatch(program, low, width, default);
        let below = dispatch(program, high, width, default);
        program.branch(Test::GreaterOrEqual, high[0].from, at_or_above, below)
    }
}
