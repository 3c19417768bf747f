// mistake: nobody leaves the host's namespace
sethostname(hostname).map_err(set)
