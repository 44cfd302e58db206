//! One test binary: stories and checks over the whole crate.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod arrows;
mod bodies;
mod gitea_bodies;
mod check;
mod command_line;
mod demo;
mod goldens;
mod hostile;
mod matching;
mod recorded_steps;
mod redaction;
mod run_command;
mod stand_in;
mod stories;
mod traces;
mod world;
