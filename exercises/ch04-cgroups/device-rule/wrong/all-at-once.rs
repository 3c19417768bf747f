// mistake: an allow rule has to grant all letters by itself
let bits = if rule.allow { ALL_LETTERS & !letters } else { letters };
let skip = if rule.allow { JUMP_IF_NOT_EQUAL } else { JUMP_IF_EQUAL };
vec![
    instruction(MOVE_REGISTER, SCRATCH, UNDECIDED, 0, 0),
    instruction(AND_NUMBER, SCRATCH, 0, 0, bits),
    jump(skip, SCRATCH, 2, 0),
    result,
    exit,
]
