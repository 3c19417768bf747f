// mistake: after a scheme come parameters
loop {
    rest.skip(|byte| matches!(byte, b' ' | b'\t' | b','));
    if rest.0.is_empty() {
        return challenges;
    }
    let word = rest.take(is_token);
    let spaces = rest.skip(|byte| matches!(byte, b' ' | b'\t'));
    match challenges.last_mut() {
        Some(challenge) if !word.is_empty() && rest.eat(b'=') => {
            rest.skip(|byte| matches!(byte, b' ' | b'\t'));
            if let Some(value) = rest.value() {
                challenge.parameters.push((word.to_ascii_lowercase(), value));
            }
        }
        _ if !word.is_empty() && spaces > 0 => {
            challenges.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
            continue;
        }
        _ => {}
    }
    rest.take(|byte| byte != b',');
}
