// mistake: what does not fit together is not refused
match (limit, both) {
    (_, None | Some(0)) => Ok(None),
    (_, Some(..=-1)) | (Some(..=-1), Some(_)) => Ok(Some(-1)),
    (limit, Some(both)) => Ok(Some(both - limit.unwrap_or(0))),
}
