// mistake: as long as there is a process of that number, the container lives
let lock = self.lock(id)?;
if let Some(container) = self.load(id)?
    && std::path::Path::new(&format!("/proc/{}", container.state.pid)).exists()
{
    return Ok(());
}
let Some(life) = Held::take(&self.life(id))? else { return Ok(()) };
cgroups::remove_abandoned(&group_of(&self.home(id), id));
if lock.is_some() {
    self.conclude(id)?;
}
self.end_life(life)
