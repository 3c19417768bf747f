// mistake: whatever belongs to a container is in its group
if let Ok(group) = self.cgroup() {
    group.kill()?;
}
init.map_or(Ok(()), |_| Ok(()))
