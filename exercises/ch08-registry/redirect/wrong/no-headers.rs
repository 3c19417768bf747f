// mistake: what was said to the first server is not for the second one
if !same_origin(first, &to) {
    request.headers.clear();
}
request.uri = to;
request
