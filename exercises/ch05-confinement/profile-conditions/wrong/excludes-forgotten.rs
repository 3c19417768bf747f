// mistake: only includes is looked at
let has = |name: &String| {
    name.parse::<Capability>().is_ok_and(|capability| situation.capabilities.contains(capability))
};
let native = |name: &String| name == NATIVE;
let reached = |version: &String| parse_version(version) <= situation.kernel;
self.includes.as_ref().is_none_or(|includes| {
    (includes.arches.is_empty() || includes.arches.iter().any(native))
        && includes.caps.iter().all(has)
        && includes.min_kernel.as_ref().is_none_or(reached)
})
