// mistake: a whiteout is a deletion, whether there was something to delete or not
if beneath::is_whiteout(now) {
    return Some(ChangeKind::Deleted);
}
let Some(before) = before else { return Some(ChangeKind::Added) };
differs(now, before).then_some(ChangeKind::Changed)
