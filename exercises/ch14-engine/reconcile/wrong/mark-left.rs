// mistake: the mark goes with the process that had it
let lock = self.lock(id)?;
let Some(_life) = Held::take(&self.life(id))? else { return Ok(()) };
cgroups::remove_abandoned(&group_of(&self.home(id), id));
if lock.is_some() {
    self.conclude(id)?;
}
Ok(())
