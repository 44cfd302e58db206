//! Names of things: forges, commits, repositories, deliveries, runs and calls.
//!
//! Each is parsed once, at the edge, into a type that cannot hold anything else.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is not the name it was taken for; the message shows the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct BadName {
    /// What was read, shortened to stay readable in a message.
    pub text: String,
    /// What would have been right, with its article.
    pub expected: &'static str,
}

impl BadName {
    pub(super) fn new(text: &str, expected: &'static str) -> Self {
        Self { text: text.chars().take(80).collect(), expected }
    }
}

/// Which kind of forge an event came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Vendor {
    Github,
    Gitlab,
    Gitea,
    Forgejo,
    Gogs,
    /// Bitbucket Cloud.
    Bitbucket,
    /// Bitbucket Data Center.
    BitbucketServer,
}

impl Vendor {
    /// Every vendor, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Github,
        Self::Gitlab,
        Self::Gitea,
        Self::Forgejo,
        Self::Gogs,
        Self::Bitbucket,
        Self::BitbucketServer,
    ];

    /// The name used in function names, URLs, the database and the event trigger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Gitea => "gitea",
            Self::Forgejo => "forgejo",
            Self::Gogs => "gogs",
            Self::Bitbucket => "bitbucket",
            Self::BitbucketServer => "bitbucket-server",
        }
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Vendor {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let found = Self::ALL.into_iter().find(|vendor| vendor.as_str() == text);
        found.ok_or_else(|| {
            BadName::new(
                text,
                "a forge (github, gitlab, gitea, forgejo, gogs, bitbucket, bitbucket-server)",
            )
        })
    }
}

/// A full commit id: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits, never all zero.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha(String);

impl Sha {
    /// All digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first seven digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..7]
    }
}

impl fmt::Display for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Sha {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let long = matches!(text.len(), 40 | 64);
        // Forges write a commit that does not exist as zeroes: that is an absence, not a commit.
        if hex && long && text.bytes().any(|b| b != b'0') {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadName::new(text, "a full commit id"))
        }
    }
}

/// A repository's full name on its forge, `owner/name`; groups may nest (`a/b/c`).
///
/// Each part is what forges allow and what is safe as a path component: letters, digits, `-`,
/// `_`, `.`, not starting with a dash and not only dots.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoName(String);

impl RepoName {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Everything before the last slash.
    pub fn owner(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(owner, _)| owner)
    }

    /// What follows the last slash.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(self.0.as_str(), |(_, name)| name)
    }
}

impl fmt::Display for RepoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RepoName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let good = |part: &str| {
            let safe = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
            !part.is_empty()
                && part.chars().all(safe)
                && !part.starts_with('-')
                && part.chars().any(|c| c != '.')
        };
        if text.len() <= 400 && text.contains('/') && text.split('/').all(good) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadName::new(text, "a repository (owner/name)"))
        }
    }
}

macro_rules! text_serde {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

text_serde!(Vendor, Sha, RepoName);

macro_rules! row_id {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                let number = text.parse().ok().filter(|n| *n > 0);
                number.map(Self).ok_or_else(|| BadName::new(text, "a number of ours"))
            }
        }
    )*};
}

row_id! {
    /// Our number of a stored delivery.
    DeliveryId,
    /// A run's number, as in `/runs/{id}`.
    RunId,
    /// A call's number, as in `/runs/{id}/calls/{call}`.
    CallId
}
