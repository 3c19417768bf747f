// mistake: the rule fits the device, so it decides
let _ = letters;
vec![result, exit]
