// mistake: all that is left for start is the program
last.hooks()?;
if let Some(door) = last.door {
    program.check()?;
    gate.done();
    door.wait().map_err(failed("wait to be started"))?;
}
Ok(program.exec_with(gate, kept)?)
