// mistake: with ALL added, nothing is dropped
Ok(match (all_added, all_dropped) {
    (true, _) => Self::all(),
    (false, true) => add,
    (false, false) => Self(self.0 & !drop.0 | add.0),
})
