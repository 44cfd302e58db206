//! For which branches and tags something is.

use crate::domain::event::Event;
use crate::domain::pattern::{PatternError, Patterns};

/// Filter patterns over branches and tags: `main` and `v*` over the names of both, `refs/heads/main`
/// over the whole reference. As everywhere, the last that matches decides, and `!` decides against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refs(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    admits: bool,
    /// It is written with `refs/` in front.
    whole: bool,
    pattern: Patterns,
}

impl Refs {
    /// Compiles every pattern of a list; the first that is none is the error.
    pub fn new(patterns: &[String]) -> Result<Self, PatternError> {
        let one = |written: &String| {
            let (admits, rest) = match written.strip_prefix('!') {
                Some(rest) => (false, rest),
                None => (true, written.as_str()),
            };
            let pattern = Patterns::new(&[rest.to_owned()])
                .map_err(|error| PatternError { pattern: written.clone(), ..error })?;
            Ok(Pattern { admits, whole: rest.starts_with("refs/"), pattern })
        };
        patterns.iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a whole reference (`refs/heads/main`) is meant.
    pub fn matches(&self, reference: &str) -> bool {
        let short = ["refs/heads/", "refs/tags/"].iter().find_map(|it| reference.strip_prefix(it));
        let means = |pattern: &&Pattern| match (pattern.whole, short) {
            (true, _) => pattern.pattern.matches(reference),
            (false, short) => short.is_some_and(|short| pattern.pattern.matches(short)),
        };
        self.0.iter().rev().find(means).is_some_and(|pattern| pattern.admits)
    }
}

/// The branch or tag of the code that runs for an event; none where anybody may have chosen the
/// commit, or nothing tells where it is from.
///
/// Of a pull request that is its head's branch, never its base: what is kept for `main` must not
/// reach code that only asks to become part of it.
pub(super) fn running(event: &Event) -> Option<String> {
    let branch = |name: &str| (!name.is_empty()).then(|| format!("refs/heads/{name}"));
    let repository = event.repository.as_ref();
    let default = || repository.and_then(|repository| branch(&repository.default_branch));
    match event.event_type.as_str() {
        "push" => event.branch.as_deref().and_then(branch),
        "tag" => event.tag.as_deref().map(|tag| format!("refs/tags/{tag}")),
        // A draft's tag is not there yet, and the default branch is built in its place.
        "release" => {
            let release = event.release.as_ref().filter(|release| !release.draft)?;
            Some(format!("refs/tags/{}", release.tag)).filter(|_| !release.tag.is_empty())
        }
        "pull_request" | "pull_request_review" | "pull_request_review_comment" => {
            let pull = event.pull_request.as_ref().filter(|pull| !pull.fork)?;
            branch(&pull.head.reference)
        }
        "merge_group" | "workflow_dispatch" => event.reference.clone(),
        "repository_dispatch" | "schedule" | "manual" | "upstream" => {
            event.reference.clone().or_else(default)
        }
        _ => None,
    }
}
