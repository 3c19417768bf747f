// mistake: both halves must pass the test
let mut steps = load_high;
steps.push(Step::Compare(test, high, To::Next, no));
steps.extend(load_low);
steps.push(Step::Compare(test, low, yes, no));
steps
