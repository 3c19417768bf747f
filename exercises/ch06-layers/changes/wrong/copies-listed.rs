// mistake: what is in both is changed
if before.is_none() {
    return (!beneath::is_whiteout(now)).then_some(ChangeKind::Added);
}
Some(if beneath::is_whiteout(now) { ChangeKind::Deleted } else { ChangeKind::Changed })
