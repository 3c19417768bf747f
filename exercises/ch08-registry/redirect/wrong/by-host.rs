// mistake: one host is one server
if first.host() != to.host() {
    request.headers.retain(|(name, _)| name != AUTHORIZATION);
}
request.uri = to;
request
