//! Who we are at a registry: what is kept, wherever that is.

use std::fmt;

/// The user name that says that the secret is a token.
pub(crate) const TOKEN_USER: &str = "<token>";

/// Who we are.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A user with a password, or with a token that takes its place.
    Basic {
        /// The name.
        user: String,
        /// The secret.
        password: String,
    },
    /// What is exchanged for tokens (the refresh token of `OAuth2`).
    Identity(String),
    /// A token that is used as it is.
    Registry(String),
}

impl fmt::Debug for Credentials {
    /// Without the secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { user, .. } => write!(out, "Basic({user})"),
            Self::Identity(_) => out.write_str("Identity"),
            Self::Registry(_) => out.write_str("Registry"),
        }
    }
}
