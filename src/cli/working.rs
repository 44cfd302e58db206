//! What `plan` and `run` share: the event, the changed files and the specs of a working copy, or
//! what was saved in their place; and the plan that they give.

pub(super) mod files;
mod place;
mod choice;
pub(crate) mod planning;

pub(crate) use choice::EventChoice;
pub(crate) use place::{Place, has_diff};
pub(crate) use planning::Planned;
