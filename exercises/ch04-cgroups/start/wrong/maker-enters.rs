// mistake: children are in the group of their maker, so the maker goes in first
self.entrance()?.enter()?;
Ok(spawn.start(inside)?)
