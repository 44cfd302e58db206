//! A stand-in for the `dagger` CLI.
fn main() {}
