// mistake: the number is written as it is, though v2 counts swap alone
match (limit, both) {
    (_, None | Some(0)) => Ok(None),
    (_, Some(..=-1)) | (Some(..=-1), Some(_)) => Ok(Some(-1)),
    (None | Some(0), Some(both)) => Err(SwapError::Alone { both }),
    (Some(limit), Some(both)) if both < limit => Err(SwapError::BelowMemory { limit, both }),
    (Some(_), Some(both)) => Ok(Some(both)),
}
