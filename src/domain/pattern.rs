//! Filter patterns, in the language of GitHub Actions.

/// A list of filter patterns, compiled.
#[derive(Debug, Clone, PartialEq)]
pub struct Patterns;
