// mistake: one write for each range
if !may_map_any_id() {
    write("setgroups", "deny".into())?;
}
for (name, map) in [("uid_map", users), ("gid_map", groups)] {
    for range in map.ranges() {
        write(name, format!("{} {} {}\n", range.inside, range.outside, range.count))?;
    }
}
Ok(())
