//! Benchmarks: one file a chapter.
