// mistake: the rest was asked for, so what comes is the rest
let _ = (range, &whole, &download);
return Ok(blob.size - first);
let length = 0;
