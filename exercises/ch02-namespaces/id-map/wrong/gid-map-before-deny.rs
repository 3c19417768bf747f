// mistake: gid_map is written before setgroups is denied
let line = |range: &IdRange| format!("{} {} {}\n", range.inside, range.outside, range.count);
let lines = |map: &IdMap| map.ranges().iter().map(line).collect::<Vec<_>>().concat();
write("uid_map", lines(users))?;
write("gid_map", lines(groups))?;
if !may_map_any_id() {
    write("setgroups", "deny".into())?;
}
Ok(())
