//! What `cargo wb` does to and for the machine: look at it, install what is missing, build, test, measure.

pub(crate) mod bench;
pub(crate) mod book;
pub(crate) mod doctor;
mod facts;
mod links;
mod packages;
mod pages;
mod release;
mod stages;
pub(crate) mod test;
pub(crate) mod try_it;
