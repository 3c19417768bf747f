// mistake: the namespaces are joined in whatever order the caller named them
let mut handles = Vec::new();
for &kind in kinds {
    let handle = Handle::open(kind, target.link(kind))?;
    if !handle.is_ours()? {
        handles.push(handle);
    }
}
handles.iter().try_for_each(Handle::join)?;
Ok(Entered { kinds: handles.iter().map(Handle::kind).collect() })
