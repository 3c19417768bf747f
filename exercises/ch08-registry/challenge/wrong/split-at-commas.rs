// mistake: parameters are separated by commas
rest.skip(|_| true);
for part in header.split(',') {
    let part = part.trim();
    let (scheme, pair) = match part.split_once(' ') {
        Some((scheme, pair)) if !scheme.contains('=') => (Some(scheme), pair),
        _ if !part.contains('=') => (Some(part), ""),
        _ => (None, part),
    };
    if let Some(scheme) = scheme.filter(|scheme| !scheme.is_empty()) {
        challenges.push(Challenge { scheme: scheme.to_ascii_lowercase(), parameters: Vec::new() });
    }
    if let (Some((name, value)), Some(challenge)) = (pair.split_once('='), challenges.last_mut()) {
        challenge.parameters.push((name.trim().to_ascii_lowercase(), value.trim().trim_matches('"').to_owned()));
    }
}
challenges
