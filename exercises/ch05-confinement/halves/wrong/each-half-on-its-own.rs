// mistake: both halves must pass the test
let low_test = program.branch(test, low(value), yes, no);
let low_half = load_low(program, comparison, low_test);
let high_test = program.branch(test, high(value), low_half, no);
load_high(program, comparison, high_test)
