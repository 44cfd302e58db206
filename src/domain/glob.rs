//! Globs over changed files: `paths` and `onChanges`.
//!
//! A glob means what it means to `globset` with `literal_separator` (`*` and `?` stop at a slash,
//! `**` does not) and `empty_alternates`. A leading `!` excludes. Paths are relative to wherever
//! the caller says; this module knows no repository.

use std::fmt;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// A list of globs, compiled; a leading `!` excludes.
///
/// A path matches when one of the globs without `!` matches it and none with `!` does, in any
/// order. A list of exclusions alone matches everything that it does not exclude; an empty list
/// matches nothing.
#[derive(Clone)]
pub struct Globs {
    patterns: Vec<String>,
    included: GlobSet,
    excluded: GlobSet,
}

/// A text that is not a glob.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{glob}` is not a glob: {why}")]
pub struct GlobError {
    /// As written.
    pub glob: String,
    /// What is wrong with it.
    pub why: String,
}

impl Globs {
    /// Compiles every glob of a list; the first that is none is the error.
    pub fn new(patterns: &[String]) -> Result<Self, GlobError> {
        let mut included = GlobSetBuilder::new();
        let mut excluded = GlobSetBuilder::new();
        let mut only_exclusions = !patterns.is_empty();
        for pattern in patterns {
            if let Some(glob) = pattern.strip_prefix('!') {
                excluded.add(compile(pattern, glob)?);
            } else {
                only_exclusions = false;
                included.add(compile(pattern, pattern)?);
            }
        }
        if only_exclusions {
            included.add(compile("**", "**")?);
        }
        let whole = |set: GlobSetBuilder| {
            set.build().map_err(|error| GlobError {
                glob: patterns.join(","),
                why: error.kind().to_string(),
            })
        };
        Ok(Self {
            patterns: patterns.to_vec(),
            included: whole(included)?,
            excluded: whole(excluded)?,
        })
    }

    /// Whether a path, with slashes and without one in front, is meant.
    pub fn matches(&self, path: &str) -> bool {
        self.included.is_match(path) && !self.excluded.is_match(path)
    }

    /// The globs as written, for messages and for keeping.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }
}

fn compile(written: &str, glob: &str) -> Result<globset::Glob, GlobError> {
    let built = GlobBuilder::new(glob).literal_separator(true).empty_alternates(true).build();
    built.map_err(|error| GlobError { glob: written.to_owned(), why: error.kind().to_string() })
}

/// Takes a comma-separated list of globs apart; commas between braces belong to the glob
/// (`*.{rs,toml}`), and so does one behind a backslash.
pub fn split(list: &str) -> Vec<String> {
    let mut globs = vec![String::new()];
    let (mut depth, mut escaped) = (0_usize, false);
    for c in list.chars() {
        match c {
            ',' if depth == 0 && !escaped => {
                globs.push(String::new());
                continue;
            }
            '{' if !escaped => depth += 1,
            '}' if !escaped => depth = depth.saturating_sub(1),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        if let Some(last) = globs.last_mut() {
            last.push(c);
        }
    }
    // An unclosed brace would swallow the rest of the list; as separate globs the message names
    // the one that is wrong.
    if depth > 0 {
        globs = list.split(',').map(str::to_owned).collect();
    }
    globs.iter().map(|glob| glob.trim().to_owned()).filter(|glob| !glob.is_empty()).collect()
}

impl fmt::Debug for Globs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Globs").field(&self.patterns).finish()
    }
}

impl PartialEq for Globs {
    /// Two lists are equal when they are written alike.
    fn eq(&self, other: &Self) -> bool {
        self.patterns == other.patterns
    }
}

impl Eq for Globs {}

#[cfg(test)]
mod tests;
