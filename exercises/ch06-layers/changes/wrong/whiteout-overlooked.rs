// mistake: whatever is in the upper layer is a file
let Some(before) = before else { return Some(ChangeKind::Added) };
differs(now, before).then_some(ChangeKind::Changed)
