//! The map of the crate, in reading order.
//!
//! `domain` decides and does nothing else; `store`, `git`, `dagger` and `forge_client` each touch
//! one outside and do not know one another; `sign_in` asks who people are; `worker` and `web` bring them together and meet only
//! in the store; `agent` wires, `cli` speaks to people.

pub mod domain;

pub mod config;
pub mod crash;
pub mod secrets;
pub mod store;
pub mod git;
pub mod dagger;
pub mod forge_client;
pub mod onward;
pub mod sign_in;
pub mod health;

pub mod worker;
pub mod web;
pub mod agent;
pub mod cli;
