// mistake: -1 is subtracted from, like any number
match (limit, both) {
    (_, None | Some(0)) => Ok(None),
    (None | Some(0), Some(both)) => Err(SwapError::Alone { both }),
    (Some(limit), Some(both)) if both > 0 && both < limit => Err(SwapError::BelowMemory { limit, both }),
    (Some(limit), Some(both)) => Ok(Some(both - limit)),
}
