//! Which repositories an entry of the agent's file is about.

use crate::domain::glob::Globs;
use crate::domain::ids::{RepoName, Vendor};

/// Globs over `owner/name`, each for every forge or for one; a leading `!` excludes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repositories(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    excludes: bool,
    /// `github`, `gitea:work`; none: every forge.
    forge: Option<String>,
    /// In lower case: no forge tells names apart by case.
    names: Globs,
}

/// A text that names no repositories.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadMatch(String);

impl Repositories {
    /// Compiles every glob of a list; the first that is none is the error.
    pub fn new(patterns: &[String]) -> Result<Self, BadMatch> {
        let patterns = patterns.iter().map(|pattern| Pattern::new(pattern));
        let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
        if patterns.iter().all(|pattern| pattern.excludes) {
            let text = "it only excludes: put what is meant in front, as in `[\"**\", \"!a/b\"]`";
            return Err(BadMatch(text.to_owned()));
        }
        Ok(Self(patterns))
    }

    /// Whether a repository is meant: by one of the globs, and by none that excludes.
    pub fn matches(&self, forge: &str, repo: &RepoName) -> bool {
        let name = repo.as_str().to_lowercase();
        let here = |pattern: &&Pattern| {
            let at = pattern.forge.as_deref().is_none_or(|named| named == forge);
            at && pattern.names.matches(&name)
        };
        let mut meant = false;
        for pattern in self.0.iter().filter(here) {
            if pattern.excludes {
                return false;
            }
            meant = true;
        }
        meant
    }
}

impl Pattern {
    fn new(written: &str) -> Result<Self, BadMatch> {
        let (excludes, rest) = match written.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, written),
        };
        let (forge, names) = split(rest);
        if names.is_empty() || !(names.contains('/') || names.starts_with("**")) {
            let text = format!("`{written}` names no repository: write `owner/name` or `owner/*`");
            return Err(BadMatch(text));
        }
        let names = Globs::new(&[names.to_lowercase()]);
        let names =
            names.map_err(|error| BadMatch(format!("`{written}` is not a glob: {}", error.why)))?;
        Ok(Self { excludes, forge: forge.map(str::to_owned), names })
    }
}

/// The forge in front, if there is one: `gitea:work/owner/name`, and `github/owner/name`, where
/// two slashes tell it from an owner of that name.
fn split(pattern: &str) -> (Option<&str>, &str) {
    let Some((first, rest)) = pattern.split_once('/') else { return (None, pattern) };
    let vendor = first.split_once(':').map_or(first, |(vendor, _)| vendor);
    let instance = first.contains(':');
    if vendor.parse::<Vendor>().is_ok() && (instance || rest.contains('/') || rest == "**") {
        (Some(first), rest)
    } else {
        (None, pattern)
    }
}
