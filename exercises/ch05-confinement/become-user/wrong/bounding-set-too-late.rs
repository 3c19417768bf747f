// mistake: the bounding set shrinks after the user id has changed
set_keep_capabilities(true).map_err(|error| failed("keep capabilities")(errno(error)))?;
setgroups(groups).map_err(failed("set the supplementary group ids"))?;
setresgid(group, group, group).map_err(failed(format!("set group id {group}")))?;
setresuid(user, user, user).map_err(failed(format!("set user id {user}")))?;
for capability in Capabilities::all().iter().filter(|capability| !sets.bounding.contains(*capability)) {
    remove_capability_from_bounding_set(kernel_set(capability.bit()))
        .map_err(|error| failed(format!("drop {capability} from the bounding set"))(errno(error)))?;
}
apply(sets)
