// mistake: the kernel ends what a shim ran, so nothing is left of it
let lock = self.lock(id)?;
let Some(life) = Held::take(&self.life(id))? else { return Ok(()) };
if lock.is_some() {
    self.conclude(id)?;
}
self.end_life(life)
