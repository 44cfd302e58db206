//! The dagger CLI, and whatever else runs as a process of its own.

pub mod child;
