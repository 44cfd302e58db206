//! What the agent does, told from outside: given a world, when something happens on the forge,
//! then the forge, the pages and the engine show this.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on is a failed test")]

mod the_world;

mod main_job;
mod captured;
mod hooks;
mod intake;
mod door;
mod references;
mod specs;
mod listing;
mod secrets;
mod agent_file;
mod trust;
mod attacks;
mod acting;
mod approval;
mod commands_by_comment;
mod commands;
mod weather;
mod statuses;
mod catch_up;
mod restart;
mod run_timeout;
mod crash;
mod storm;
mod start;
mod taken_up;
mod nobodys_hands;
mod superseded;
mod twins;
mod every_forge;
mod side_by_side;
mod github_app;
mod fairness;
mod engine;
mod space;
mod seen_from_outside;
mod remote;
mod steps;
mod sign_in;
mod api;
mod real_gitea;
