//! The working copy that a command is started in: read only, and never fetched into.

pub struct WorkingCopy;
