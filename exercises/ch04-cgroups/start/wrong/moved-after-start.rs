// mistake: the child is moved by its maker, when it runs already
let pending = spawn.start(inside)?;
self.add(pending.pid())?;
Ok(pending)
