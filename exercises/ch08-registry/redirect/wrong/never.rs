// mistake: it is safest to say nobody who we are
let _ = first;
request.headers.retain(|(name, _)| name != AUTHORIZATION);
request.uri = to;
request
