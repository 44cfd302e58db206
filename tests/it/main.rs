//! One test binary: stories and checks over the whole crate.

mod bodies;
mod goldens;
mod matching;
mod stand_in;
