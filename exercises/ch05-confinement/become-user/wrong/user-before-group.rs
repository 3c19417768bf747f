// mistake: setresuid before setresgid
for capability in Capabilities::all().iter().filter(|capability| !sets.bounding.contains(*capability)) {
    remove_capability_from_bounding_set(kernel_set(capability.bit()))
        .map_err(|error| failed(format!("drop {capability} from the bounding set"))(errno(error)))?;
}
set_keep_capabilities(true).map_err(|error| failed("keep capabilities")(errno(error)))?;
setgroups(groups).map_err(failed("set the supplementary group ids"))?;
setresuid(user, user, user).map_err(failed(format!("set user id {user}")))?;
setresgid(group, group, group).map_err(failed(format!("set group id {group}")))?;
apply(sets)
