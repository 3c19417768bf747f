//! What is said of a container along with its lines.

use std::collections::BTreeMap;

/// Whose log it is.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The container's id, 64 digits.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its image's id, with `sha256:`.
    pub image_id: &'a str,
    /// Its image's name.
    pub image_name: &'a str,
    /// What it runs.
    pub command: &'a [String],
    /// Its labels.
    pub labels: &'a BTreeMap<String, String>,
    /// Its variables, as `NAME=value`.
    pub env: &'a [String],
}
