//! Globs over changed files: `paths` and `onChanges`.

/// A list of globs, compiled; a leading `!` excludes.
#[derive(Debug, Clone, PartialEq)]
pub struct Globs;
