// mistake: only equal high halves are right
let mut steps = load_high;
steps.push(Step::Compare(Test::Equal, high, To::Next, no));
steps.extend(load_low);
steps.push(Step::Compare(test, low, yes, no));
steps
