// mistake: what is in the upper layer is new, unless it is a whiteout
if beneath::is_whiteout(now) {
    return before.map(|_| ChangeKind::Deleted);
}
Some(ChangeKind::Added)
