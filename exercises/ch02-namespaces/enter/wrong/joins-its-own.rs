// mistake: namespaces that are shared with the target are joined too
let mut handles = Vec::new();
for &kind in kinds {
    handles.push(Handle::open(kind, target.link(kind))?);
}
handles.sort_by_key(Handle::kind);
handles.iter().try_for_each(Handle::join)?;
Ok(Entered { kinds: handles.iter().map(Handle::kind).collect() })
