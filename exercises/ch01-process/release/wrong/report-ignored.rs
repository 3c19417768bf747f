// mistake: nobody looks at what the child has to say
while let Some(message) = channel.receive().map_err(|errno| SpawnError::Channel { action: "hear from", errno })? {
    message.descriptor.into_iter().for_each(|descriptor| child.receive(descriptor));
}
Ok(child)
