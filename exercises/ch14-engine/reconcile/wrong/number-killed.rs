// mistake: what the shim ran is ended by its number
let lock = self.lock(id)?;
let Some(life) = Held::take(&self.life(id))? else { return Ok(()) };
if let Some(container) = self.load(id)? {
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(container.state.pid), nix::sys::signal::SIGKILL);
}
cgroups::remove_abandoned(&group_of(&self.home(id), id));
if lock.is_some() {
    self.conclude(id)?;
}
self.end_life(life)
