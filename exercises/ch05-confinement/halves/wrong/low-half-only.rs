// mistake: the high half is forgotten
let mut steps = load_low;
steps.push(Step::Compare(test, low, yes, no));
steps
