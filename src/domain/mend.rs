//! Whether a forge shows what we told it, and whether that is ours to mend.
//!
//! A post can be lost (a forge restored from yesterday) or overtaken by an older one of our own
//! (a request that was given up on and arrived all the same). What somebody else has posted in
//! our place later than we did is theirs, and stays.

use super::ids::RunId;
use super::run::{Status, description};

/// The newest post of a context, as the forge shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The forge's number of it; later posts have higher ones.
    pub post: Option<i64>,
    pub context: String,
    pub state: String,
    pub description: String,
    pub target_url: String,
}

/// The newest state of a context that the forge has taken from us.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    pub status: &'a Status,
    pub target_url: &'a str,
    pub run: Option<RunId>,
    /// The forge's number of our post.
    pub post: Option<i64>,
}

/// Whether what was told is to be told again; `root` is what all our links begin with.
pub fn is_lost(told: &Told<'_>, shown: &[Posted], root: &str) -> bool {
    // GitHub takes `CI` and `ci` for one context.
    let same = |posted: &&Posted| posted.context.eq_ignore_ascii_case(&told.status.context);
    let Some(posted) = shown.iter().find(same) else { return true };
    // GitLab and Bitbucket have one word for what failed and what could not be judged.
    let failed = |state: &str| matches!(state, "failure" | "error");
    let (theirs, ours) = (posted.state.as_str(), told.status.state.as_str());
    if (theirs == ours || failed(theirs) && failed(ours))
        && posted.target_url == told.target_url
        && description(&posted.description) == description(&told.status.description)
    {
        return false;
    }
    let root = root.trim_end_matches('/');
    match posted.target_url.strip_prefix(root).filter(|rest| rest.starts_with('/')) {
        // Of ours; of a later run only when our own memory is of yesterday.
        Some(place) => match (run(place), told.run) {
            (Some(theirs), Some(ours)) => theirs <= ours,
            _ => true,
        },
        // Somebody else's: theirs, unless ours came later and was lost.
        None => matches!((posted.post, told.post), (Some(theirs), Some(ours)) if theirs < ours),
    }
}

/// The run that a link leads to.
fn run(place: &str) -> Option<RunId> {
    let rest = place.strip_prefix("/runs/")?;
    rest.split(['/', '?', '#']).next()?.parse().ok()
}

#[cfg(test)]
mod tests;
