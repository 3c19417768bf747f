// mistake: names are compared as they are written
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
                challenge.parameters.push((word.to_owned(), value));
            }
        }
        _ if !word.is_empty() && (spaces > 0 || rest.0.is_empty() || rest.0.starts_with(',')) => {
            challenges.push(Challenge { scheme: word.to_owned(), parameters: Vec::new() });
            continue;
        }
        _ => {}
    }
    rest.take(|byte| byte != b',');
}
