// mistake: nothing is needed any more, so everything is closed
if let Some(door) = last.door {
    program.check()?;
    gate.done();
    door.wait().map_err(failed("wait to be started"))?;
}
last.hooks()?;
Ok(program.exec(gate)?)
