// mistake: the first message ends the conversation
let message = channel.receive().map_err(|errno| SpawnError::Channel { action: "hear from", errno })?;
let Some(message) = message else { return Ok(child) };
match message.bytes.split_first() {
    Some((&FAILED, json)) => Err(SpawnError::Inside(parse_failure(json))),
    _ => {
        message.descriptor.into_iter().for_each(|descriptor| child.receive(descriptor));
        Ok(child)
    }
}
