//! What the book's pages say between `{{#` and `}}`, and what readers see in its place. mdBook hands the pages over before
//! it looks at them itself (`cargo wb book-pages`, a preprocessor); what is not ours is left for it.

pub(crate) mod contents;
pub(crate) mod elide;
pub(crate) mod listing;
pub(crate) mod page;
pub(crate) mod session;
pub(crate) mod shape;
mod turn;

/// The longest line of a listing: what a page shows without scrolling.
pub(crate) const WIDTH: usize = 85;
