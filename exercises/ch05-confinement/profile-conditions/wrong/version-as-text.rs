// mistake: versions are compared as text
let has = |name: &String| {
    name.parse::<Capability>().is_ok_and(|capability| situation.capabilities.contains(capability))
};
let native = |name: &String| name == NATIVE;
let kernel = format!("{}.{}", situation.kernel.0, situation.kernel.1);
let reached = |version: &String| *version <= kernel;
let included = self.includes.as_ref().is_none_or(|includes| {
    (includes.arches.is_empty() || includes.arches.iter().any(native))
        && includes.caps.iter().all(has)
        && includes.min_kernel.as_ref().is_none_or(reached)
});
let excluded = self.excludes.as_ref().is_some_and(|excludes| {
    excludes.arches.iter().any(native)
        || excludes.caps.iter().any(has)
        || excludes.min_kernel.as_ref().is_some_and(reached)
});
included && !excluded
