//! What commits from outside may do.

/// What is done with pull requests from forks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Forks {
    /// Planned, and held until a maintainer says so.
    #[default]
    Approve,
    /// Called, without secrets.
    Run,
    /// Not even planned.
    Never,
}
