// mistake: a denial counts only when it covers all that is asked
let keep = ALL_LETTERS & !letters;
vec![instruction(AND_NUMBER, UNDECIDED, 0, 0, keep), jump(JUMP_IF_NOT_EQUAL, UNDECIDED, 2, 0), result, exit]
