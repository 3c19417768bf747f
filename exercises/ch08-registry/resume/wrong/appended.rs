// mistake: the rest was asked for, so what comes is the rest
let _ = (range, &whole, &download, response);
Ok(blob.size - first)
