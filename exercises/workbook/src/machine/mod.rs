//! What `cargo wb` does to and for the machine.

pub(crate) mod bench;
pub(crate) mod book;
pub(crate) mod doctor;
pub(crate) mod test;
pub(crate) mod try_it;
