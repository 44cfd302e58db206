//! The decisions, and nothing but decisions: no async, clock, environment, files or sockets.

pub mod ids;
pub mod event;
pub mod signature;
pub mod forge;
pub mod trigger;
pub mod duration;
pub mod space;
pub mod suggest;
pub mod strcase;
pub mod glob;
pub mod pattern;
pub mod spec;
pub mod function;
pub mod names;
pub mod trust;
pub mod identity;
pub mod admission;
pub mod plan;
pub mod skip_ci;
pub mod succession;
pub mod retry;
pub mod run;
pub mod report;
pub mod mend;
pub mod redact;
pub mod rights;
