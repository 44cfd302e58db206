//! Why a fetch brought nothing, as far as libgit2's errors tell; knows nothing of mirrors.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use git2::{ErrorClass, ErrorCode};

use super::Signals;
use crate::git::GitError;

/// Why a fetch brought nothing.
#[derive(Clone)]
pub(super) enum Failure {
    /// The server has it not, or does not give it by its id; another way may work.
    Absent(String),
    /// The conversation broke off: a daemon hangs up on a commit that it does not give, and so
    /// does a network.
    Cut(String),
    /// No other way would fare better.
    Fatal(Fatal),
}

/// A failure that is one whatever else is tried.
#[derive(Clone)]
pub(super) enum Fatal {
    Refused(String),
    Unreachable(String),
    Abandoned,
}

impl Fatal {
    pub(super) fn into_error(self, url: &str) -> GitError {
        let url = url.to_owned();
        match self {
            Self::Refused(why) => GitError::Refused { url, why },
            Self::Unreachable(why) => GitError::Unreachable { url, why },
            Self::Abandoned => {
                GitError::Deadline { url, after: Duration::ZERO, why: "nobody waits for it" }
            }
        }
    }
}

impl Failure {
    pub(super) fn why(&self) -> &str {
        match self {
            Self::Absent(why) | Self::Cut(why) => why,
            Self::Fatal(Fatal::Refused(why) | Fatal::Unreachable(why)) => why,
            Self::Fatal(Fatal::Abandoned) => "",
        }
    }

    pub(super) fn of(error: &git2::Error, signals: &Signals) -> Self {
        let why = error.message().to_owned();
        if signals.abandoned.load(Ordering::Relaxed) {
            return Self::Fatal(Fatal::Abandoned);
        }
        let refusal = signals.refusal.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(refusal) = refusal {
            return Self::Fatal(Fatal::Refused(refusal));
        }
        let status = why.rsplit_once("http status code: ").and_then(|(_, code)| code.parse().ok());
        match (status, error.class(), error.code()) {
            (Some(401 | 403 | 404 | 410), ..) | (_, _, ErrorCode::Auth | ErrorCode::Owner) => {
                Self::Fatal(Fatal::Refused(why))
            }
            (Some(_), ..) => Self::Fatal(Fatal::Unreachable(why)),
            // What not having it looks like: over http and from a daemon that give commits by their
            // ids, from a server that gives none by its id, and from a folder.
            (_, _, ErrorCode::Eof) => Self::Absent(why),
            (_, ErrorClass::Net, _) if why.contains("not our ref") => Self::Absent(why),
            (_, ErrorClass::Invalid, _) if why.contains(NEVER_BY_ID) => Self::Absent(why),
            (_, ErrorClass::Reference, _) => Self::Absent(why),
            (_, ErrorClass::Net, _) if why.contains("cannot redirect") => {
                Self::Fatal(Fatal::Refused(why))
            }
            (_, ErrorClass::Os | ErrorClass::Net, _) if why.contains("socket") => Self::Cut(why),
            _ => Self::Fatal(Fatal::Unreachable(why)),
        }
    }
}

/// What libgit2 says of a server that gives no commit by its id.
pub(super) const NEVER_BY_ID: &str = "cannot fetch a specific object";
