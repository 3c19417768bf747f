// mistake: the high half is forgotten
let low_test = program.branch(test, low(value), yes, no);
load_low(program, comparison, low_test)
