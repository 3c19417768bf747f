//! Pulls and pushes against Debian's docker-registry, as it is, behind TLS, passwords and tokens, and behind a proxy that
//! does what networks do. What comes is compared with what `skopeo` has put there, and the other way round.

mod support {
    pub(crate) mod faults;
    pub(crate) mod fixture;
    pub(crate) mod server;
    pub(crate) mod tokens;
    pub(crate) mod tree;
}
mod auth;
mod broken;
mod deceit;
mod killed;
mod pull;
mod push;
