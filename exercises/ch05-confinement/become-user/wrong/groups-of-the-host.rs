// mistake: the supplementary groups stay
for capability in Capabilities::all().iter().filter(|capability| !sets.bounding.contains(*capability)) {
    remove_capability_from_bounding_set(kernel_set(capability.bit()))
        .map_err(|error| failed(format!("drop {capability} from the bounding set"))(errno(error)))?;
}
set_keep_capabilities(true).map_err(|error| failed("keep capabilities")(errno(error)))?;
setresgid(group, group, group).map_err(failed(format!("set group id {group}")))?;
setresuid(user, user, user).map_err(failed(format!("set user id {user}")))?;
apply(sets)
