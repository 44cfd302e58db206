//! What people ask for at a check run of ours: its buttons, and GitHub's own `Re-run`.
//!
//! It decides who is asked for what; whether the one who asks may, is somebody else's to decide.

use serde::Deserialize;

use super::super::wire::{Field, Id, Object, Part};
use super::app::{AppId, changed_installation};
use super::body::{Body, User};
use crate::domain::check::{Button, CheckId};
use crate::domain::event::Sender;
use crate::domain::ids::{RepoName, Sha};

/// Somebody's wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    pub repository: RepoName,
    pub sha: Sha,
    pub by: Sender,
    pub wish: Wish,
}

/// What somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// All runs of the commit again.
    RerunCommit,
    /// What this check run shows once more: a call, or all calls of a run.
    Rerun(CheckId),
    /// A button of this check run.
    Pressed(CheckId, Button),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AskBody {
    action: Field<String>,
    check_run: Part<CheckRun>,
    check_suite: Part<CheckSuite>,
    requested_action: Part<Requested>,
    sender: Part<User>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CheckRun {
    head_sha: Field<String>,
    external_id: Field<String>,
    app: Part<App>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CheckSuite {
    head_sha: Field<String>,
    app: Part<App>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct App {
    id: Field<Id>,
    client_id: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Requested {
    identifier: Field<String>,
}

/// Whether a delivery is for this App to act on, though nothing is planned for it: somebody asks
/// for something, or an installation's tokens are good no longer.
pub fn is_for_app(event_name: &str, body: &[u8], own: &AppId) -> bool {
    asked(event_name, body, own).is_some() || changed_installation(event_name, body).is_some()
}

/// What a delivery asks of this App; none where it asks for nothing, or another App.
pub fn asked(event_name: &str, body: &[u8], own: &AppId) -> Option<Ask> {
    if !matches!(event_name, "check_run" | "check_suite") {
        return None;
    }
    let ask: Field<Object<AskBody>> = serde_json::from_slice(body).ok()?;
    let Object(ask) = ask.take()?;
    let rest: Field<Object<Body>> = serde_json::from_slice(body).ok()?;
    let Object(rest) = rest.take()?;
    let by = rest.sender()?;
    let repository = rest.repository().ok()?.full_name;
    let action = ask.action.filled()?;
    let (sha, wish) = match event_name {
        "check_suite" => {
            let suite = ask.check_suite.part()?;
            is(&suite.app, own).then_some(())?;
            (action == "rerequested").then_some(())?;
            (suite.head_sha.parsed()?, Wish::RerunCommit)
        }
        _ => {
            let run = ask.check_run.part()?;
            is(&run.app, own).then_some(())?;
            let check = run.external_id.parsed()?;
            let wish = match action {
                "rerequested" => Wish::Rerun(check),
                "requested_action" => {
                    let button = ask.requested_action.part()?.identifier.filled()?;
                    Wish::Pressed(check, Button::from_identifier(button)?)
                }
                _ => return None,
            };
            (run.head_sha.parsed()?, wish)
        }
    };
    Some(Ask { repository, sha, by, wish })
}

fn is(app: &Part<App>, own: &AppId) -> bool {
    let Some(app) = app.part() else { return false };
    let number = app.id.get().is_some_and(|Id(id)| id == own.as_str());
    number || app.client_id.filled() == Some(own.as_str())
}

#[cfg(test)]
mod tests;
