//! Pulls and pushes against Debian's docker-registry, as it is, behind TLS, passwords and tokens, and behind a proxy that
//! does what networks do. What comes is compared with what `skopeo` has put there, and the other way round.

/// Ends a test as *skipped* where the programs are missing that the image comes from.
macro_rules! needs_programs {
    () => {
        fn here() {}
        let test = std::any::type_name_of_val(&here).trim_end_matches("::here");
        if ["docker-registry", "skopeo"]
            .into_iter()
            .any(|name| testkit::lacks(test, testkit::Need::Program(name, name)))
        {
            return;
        }
    };
}

mod support {
    pub(crate) mod faults;
    pub(crate) mod fixture;
    pub(crate) mod server;
    pub(crate) mod shelf;
    pub(crate) mod tokens;
    pub(crate) mod tree;
}
mod auth;
mod broken;
mod deceit;
mod exercises;
mod killed;
mod pull;
mod push;
