// mistake: outside comes first, as in "host:container" of docker's -v and -p
let line = |range: &IdRange| format!("{} {} {}\n", range.outside, range.inside, range.count);
let lines = |map: &IdMap| map.ranges().iter().map(line).collect::<Vec<_>>().concat();
if !may_map_any_id() {
    write("setgroups", "deny".into())?;
}
write("uid_map", lines(users))?;
write("gid_map", lines(groups))
