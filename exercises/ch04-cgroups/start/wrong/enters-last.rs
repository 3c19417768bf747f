// mistake: inside() is called first, and returns only if it fails
let entrance = self.entrance()?;
let pending = spawn.start(|gate| -> Result<Infallible, Failure> {
    let outcome = inside(gate).map_err(Into::into);
    entrance.enter()?;
    outcome
})?;
Ok(pending)
