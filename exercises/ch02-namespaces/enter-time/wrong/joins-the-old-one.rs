// mistake: "time" instead of "time_for_children"
unshare(Kind::Time.clone_flag()).map_err(TimeError::Unshare)?;
if !lines.is_empty() {
    fs::write("/proc/self/timens_offsets", &lines)
        .map_err(|source| TimeError::Offsets { offsets: lines.clone(), source })?;
}
Handle::open(Kind::Time, "/proc/self/ns/time")?.join()?;
Ok(())
