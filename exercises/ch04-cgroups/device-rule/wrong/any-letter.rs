// mistake: one letter in common with the rule is enough to allow
vec![
    instruction(MOVE_REGISTER, SCRATCH, UNDECIDED, 0, 0),
    instruction(AND_NUMBER, SCRATCH, 0, 0, letters),
    jump(JUMP_IF_EQUAL, SCRATCH, 2, 0),
    result,
    exit,
]
