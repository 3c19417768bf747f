//! Declared, and filled in by its chapter.
