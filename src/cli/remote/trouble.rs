//! What can go wrong between a command and the agent, and what to do about it.

use std::error::Error as _;
use std::io;
use std::path::Path;

use http::StatusCode;
use serde::Deserialize;

use crate::cli::output::plain;
use crate::cli::{Failure, NAME};

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
    /// What was asked for is not there.
    Missing,
    /// Whoever asks may not do it.
    Forbidden,
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
        matches!(self.kind, Kind::Bad | Kind::Missing)
    }

    /// Says what to do about it at this path of the API.
    pub(super) fn at(mut self, path: &str) -> Self {
        let path = path.strip_prefix("/api/v1/").unwrap_or(path);
        let (what, id) = path.split_once('/').unwrap_or((path, ""));
        let id = id.split('/').next().unwrap_or_default();
        let hint = match (self.kind, what) {
            (Kind::Missing, "runs" | "deliveries") => {
                let one = if what == "runs" { "run" } else { "delivery" };
                if self.text == format!("There is no such {one}") {
                    self.text = format!("There is no {one} {id}");
                }
                format!("`{NAME} {what} list` shows those there are")
            }
            (Kind::Missing, "trigger") => {
                "it is written `owner/name`, of another forge than GitHub `gitea/owner/name`; one \
                 that has no runs yet takes a token of the scope `admin`, or the agent's own machine"
                    .to_owned()
            }
            (Kind::Forbidden, what) => {
                let scope = if what == "tokens" { "admin" } else { "operate" };
                format!(
                    "it takes a token of a wider scope: `{NAME} tokens create --name NAME --scope \
                     {scope}` makes one on the agent's machine"
                )
            }
            _ => return self,
        };
        self.hint(hint)
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
        // As OpenSSL puts it; neither becomes right by asking again.
        if why.contains("wrong version number") {
            return Self::unreachable(format!("The agent at {place} does not speak https"))
                .hint("name its address with `http://`, or that of the proxy in front of it");
        }
        if why.contains("certificate") {
            return Self::unreachable(text)
                .hint("where its authority is one of your own, SSL_CERT_FILE names that");
        }
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
            StatusCode::UNAUTHORIZED => Self::unreachable(format!("{place} asks who you are"))
                .hint(
                    "set POCKETCI_TOKEN; `pocketci-agent tokens create` makes one on the agent's \
                     machine",
                ),
            StatusCode::FORBIDDEN => {
                Self::new(Kind::Forbidden, format!("{place} does not allow it: {text}"))
            }
            StatusCode::NOT_FOUND if said.is_none() => {
                Self::unreachable(format!("{place} knows no such address"))
                    .hint("is it a pocketci-agent, and as new as this program?")
            }
            StatusCode::NOT_FOUND => Self::new(Kind::Missing, text),
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
            Kind::Bad | Kind::Missing => Self::bad_input(trouble.text),
            Kind::Passing | Kind::Unreachable | Kind::Forbidden => Self::unreachable(trouble.text),
        };
        match trouble.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
