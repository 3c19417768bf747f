// mistake: only the sets of this process are reduced
set_keep_capabilities(true).map_err(|error| failed("keep capabilities")(errno(error)))?;
setgroups(groups).map_err(failed("set the supplementary group ids"))?;
setresgid(group, group, group).map_err(failed(format!("set group id {group}")))?;
setresuid(user, user, user).map_err(failed(format!("set user id {user}")))?;
apply(sets)
