//! The name that we were called by: a link named `docker` makes a `docker` of us, in help and complaints, too.

use std::path::Path;

/// What the program is called unless somebody made it another.
pub const OWN: &str = "mini-docker";

/// `docker` for who calls us so; for all others [`OWN`].
pub fn name() -> &'static str {
    let called = std::env::args_os().next().unwrap_or_default();
    if Path::new(&called).file_name().is_some_and(|name| name == "docker") { "docker" } else { OWN }
}
