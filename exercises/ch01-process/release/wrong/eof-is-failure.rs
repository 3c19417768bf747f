// mistake: the end of the channel is taken for a broken connection
loop {
    let message = channel.receive().map_err(|errno| SpawnError::Channel { action: "hear from", errno })?;
    let Some(message) = message else {
        return Err(SpawnError::Channel { action: "hear from", errno: Errno::ECONNRESET });
    };
    match message.bytes.split_first() {
        Some((&FAILED, json)) => return Err(SpawnError::Inside(parse_failure(json))),
        _ => message.descriptor.into_iter().for_each(|descriptor| child.receive(descriptor)),
    }
}
