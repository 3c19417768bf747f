// mistake: a registry knows where it keeps its layers, so whom it names may know us
let _ = first;
request.uri = to;
request
