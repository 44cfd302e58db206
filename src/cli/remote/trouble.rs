//! What can go wrong between a command and the agent, and what to do about it.

use std::error::Error as _;
use std::io;
use std::path::Path;

use http::StatusCode;
use serde::Deserialize;

use crate::cli::Failure;
use crate::cli::output::plain;

/// Why the agent did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(super) struct Trouble {
    kind: Kind,
    text: String,
    hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// There is no answer, or one that says to come back: asking again may help.
    Passing,
    /// It cannot be reached like this, however often it is tried.
    Unreachable,
    /// What was asked for makes no sense to the agent.
    Bad,
}

/// The part of a problem's JSON that people read.
#[derive(Debug, Deserialize)]
struct Problem {
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: String,
}

impl Trouble {
    fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), hint: None }
    }

    pub(super) fn unreachable(text: impl Into<String>) -> Self {
        Self::new(Kind::Unreachable, text)
    }

    pub(super) fn passing(text: impl Into<String>) -> Self {
        Self::new(Kind::Passing, text)
    }

    /// Says what to do about it.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Whether asking again may help.
    pub(super) fn passes(&self) -> bool {
        self.kind == Kind::Passing
    }

    /// Whether the agent understood, and there is no such thing.
    pub(super) fn is_bad(&self) -> bool {
        self.kind == Kind::Bad
    }

    /// The agent's socket cannot be used.
    pub(super) fn socket(path: &Path, error: &io::Error) -> Self {
        let path = path.display();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                Self::passing(format!("No agent answers at `{path}`")).hint(
                    "is it running? `pocketci-agent serve` starts it; POCKETCI_DATA_DIR says where \
                     its data is, --server or POCKETCI_URL name an agent elsewhere",
                )
            }
            io::ErrorKind::PermissionDenied => {
                Self::unreachable(format!("`{path}` may be used by the agent's user alone"))
                    .hint("run this as its user, or set POCKETCI_URL and POCKETCI_TOKEN")
            }
            _ => Self::passing(format!("Cannot use the agent's socket `{path}`: {error}")),
        }
    }

    /// A request that had no answer.
    pub(super) fn network(place: &str, socket: Option<&Path>, error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut source = error.source();
        let mut words = Vec::new();
        while let Some(cause) = source {
            if let (Some(path), Some(io)) = (socket, cause.downcast_ref::<io::Error>())
                && io.raw_os_error().is_some()
            {
                return Self::socket(path, io);
            }
            let text = cause.to_string();
            // Most causes repeat what is below them.
            if !words.iter().any(|known: &String| known.contains(&text)) {
                words.push(text);
            }
            source = cause.source();
        }
        let why = words.pop().unwrap_or_else(|| error.to_string());
        let text = format!("Cannot reach the agent at {place}: {}", plain(&why));
        Self::passing(text).hint("is the address right, and is the agent running?")
    }

    /// An answer that is not what was asked for.
    pub(super) fn refused(place: &str, has_token: bool, status: StatusCode, body: &[u8]) -> Self {
        let problem = serde_json::from_slice::<Problem>(body).ok();
        let said = problem.map(|it| if it.detail.is_empty() { it.title } else { it.detail });
        let said = said.filter(|text| !text.is_empty()).map(|text| plain(&text));
        let text =
            said.clone().unwrap_or_else(|| format!("The agent at {place} answered {status}"));
        match status {
            StatusCode::UNAUTHORIZED if has_token => {
                Self::unreachable(format!("{place} does not take the token: {text}"))
                    .hint("is POCKETCI_TOKEN of that agent, and not revoked?")
            }
            StatusCode::UNAUTHORIZED => {
                Self::unreachable(format!("{place} asks who you are: {text}")).hint(
                    "set POCKETCI_TOKEN; `pocketci-agent tokens create` makes one on the agent's \
                     machine",
                )
            }
            StatusCode::FORBIDDEN => {
                Self::unreachable(format!("{place} does not allow it: {text}"))
                    .hint("it takes a token with a wider scope")
            }
            StatusCode::NOT_FOUND if said.is_none() => {
                Self::unreachable(format!("{place} knows no such address"))
                    .hint("is it a pocketci-agent, and as new as this program?")
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::unreachable(format!("The agent at {place} cannot do this"))
                    .hint("is it as new as this program?")
            }
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Self::passing(text),
            _ if status.is_client_error() => Self::new(Kind::Bad, text),
            _ if status.is_redirection() => {
                Self::unreachable(format!("{place} sends its visitors elsewhere ({status})"))
                    .hint("name the address itself, with https where it has it")
            }
            _ => Self::unreachable(text),
        }
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        let failure = match trouble.kind {
            Kind::Bad => Self::bad_input(trouble.text),
            Kind::Passing | Kind::Unreachable => Self::unreachable(trouble.text),
        };
        match trouble.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
