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

    /// A variable of the operator's: `GITEA_TOKEN`, `BITBUCKET_SERVER_URL`.
    pub fn variable(self, what: &str) -> String {
        let prefix = self.as_str().to_ascii_uppercase().replace('-', "_");
        format!("{prefix}_{what}")
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

/// The name of one of several forges of a vendor: up to 30 lower-case letters, digits, `-`, `_` and
/// `.`, the first a letter or a digit, so that it fits a URL, a column and a condition's name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Instance {
    text: [u8; Instance::LONGEST],
    length: u8,
}

impl Instance {
    const LONGEST: usize = 30;

    /// The name.
    pub fn as_str(&self) -> &str {
        // Only ASCII gets in.
        std::str::from_utf8(&self.text[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instance({})", self.as_str())
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Instance {
    type Err = BadName;

    fn from_str(given: &str) -> Result<Self, BadName> {
        let safe = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
        let begins = given.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !begins || !given.bytes().all(safe) || given.len() > Self::LONGEST {
            return Err(BadName::new(
                given,
                "a forge's name (up to 30 lower-case letters, digits, `-`, `_`, `.`)",
            ));
        }
        let mut text = [0; Self::LONGEST];
        text[..given.len()].copy_from_slice(given.as_bytes());
        Ok(Self { text, length: given.len() as u8 })
    }
}

/// One forge that the agent works for: a vendor, and a name where there are several of it.
///
/// Its text (`github`, `gitea:work`) is what the database, URLs and logs know it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ForgeId {
    vendor: Vendor,
    instance: Option<Instance>,
}

impl ForgeId {
    /// The vendor's forge of that name; the one without a name is set up by variables.
    pub fn new(vendor: Vendor, instance: Option<Instance>) -> Self {
        Self { vendor, instance }
    }

    /// Which kind of forge it is.
    pub fn vendor(self) -> Vendor {
        self.vendor
    }

    /// Its name among those of its vendor.
    pub fn instance(self) -> Option<Instance> {
        self.instance
    }
}

impl From<Vendor> for ForgeId {
    fn from(vendor: Vendor) -> Self {
        Self { vendor, instance: None }
    }
}

impl PartialEq<Vendor> for ForgeId {
    fn eq(&self, vendor: &Vendor) -> bool {
        *self == Self::from(*vendor)
    }
}

impl fmt::Display for ForgeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.instance {
            Some(instance) => write!(f, "{}:{instance}", self.vendor),
            None => self.vendor.fmt(f),
        }
    }
}

impl FromStr for ForgeId {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        match text.split_once(':') {
            Some((vendor, name)) => Ok(Self::new(vendor.parse()?, Some(name.parse()?))),
            None => Ok(text.parse::<Vendor>()?.into()),
        }
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

/// The beginning of a commit id, at least seven digits of it and fewer than all: what Bitbucket
/// Cloud names a pull request's commits by. The forge's API makes it whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShortSha(String);

impl ShortSha {
    /// The digits there are.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a commit's id begins like this.
    pub fn begins(&self, sha: &Sha) -> bool {
        sha.as_str().starts_with(&self.0)
    }
}

impl fmt::Display for ShortSha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ShortSha {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if hex && (7..40).contains(&text.len()) && text.bytes().any(|b| b != b'0') {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadName::new(text, "the beginning of a commit id"))
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
                serializer.collect_str(self)
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

text_serde!(Vendor, Instance, ForgeId, Sha, ShortSha, RepoName);

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
