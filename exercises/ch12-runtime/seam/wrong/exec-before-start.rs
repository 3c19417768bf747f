// mistake: when everything is made, the program may as well run
program.check()?;
last.hooks()?;
Ok(program.exec_with(gate, kept)?)
