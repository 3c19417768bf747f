// mistake: setgroups is denied for root's containers too
let line = |range: &IdRange| format!("{} {} {}\n", range.inside, range.outside, range.count);
let lines = |map: &IdMap| map.ranges().iter().map(line).collect::<Vec<_>>().concat();
write("setgroups", "deny".into())?;
write("uid_map", lines(users))?;
write("gid_map", lines(groups))
