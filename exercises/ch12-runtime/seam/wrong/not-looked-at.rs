// mistake: exec will say whether the program is there
if let Some(door) = last.door {
    gate.done();
    door.wait().map_err(failed("wait to be started"))?;
}
last.hooks()?;
Ok(program.exec_with(gate, kept)?)
