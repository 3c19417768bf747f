// mistake: a header has one challenge
let scheme = rest.take(is_token).to_ascii_lowercase();
let mut parameters = Vec::new();
loop {
    rest.skip(|byte| matches!(byte, b' ' | b'\t' | b','));
    if rest.0.is_empty() {
        break;
    }
    let name = rest.take(is_token).to_ascii_lowercase();
    rest.skip(|byte| matches!(byte, b' ' | b'\t'));
    if rest.eat(b'=') {
        rest.skip(|byte| matches!(byte, b' ' | b'\t'));
        parameters.extend(rest.value().map(|value| (name, value)));
    }
    rest.take(|byte| byte != b',');
}
challenges.push(Challenge { scheme, parameters });
challenges
