// mistake: > where >= is meant
match ranges {
    [] => program.give_back(default),
    [range] => decide(program, &range.answer, width, default),
    _ => {
        let (low, high) = ranges.split_at(middle(ranges));
        let above = dispatch(program, high, width, default);
        let below = dispatch(program, low, width, default);
        program.branch(Test::Greater, high[0].from, above, below)
    }
}
