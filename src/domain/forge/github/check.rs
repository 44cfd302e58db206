//! Check runs on GitHub: the requests that create, change and list them, and their answers.

use http::Request;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::wire::{Field, Id, List, Object, Part};
use super::app::AppId;
use super::rest;
use crate::domain::check::{Check, Conclusion, Standing};
use crate::domain::ids::{RepoName, Sha};
use crate::domain::mend::Posted;

/// Annotations that GitHub takes in one request.
const ANNOTATIONS: usize = 50;
/// Characters of a summary or a text; GitHub takes 65,535.
const LONGEST: usize = 60_000;

/// The request that makes a check run, without credentials.
pub fn create_request(api: &str, repo: &RepoName, sha: &Sha, check: &Check) -> Request<Vec<u8>> {
    let mut body = body(check, true);
    body["head_sha"] = json!(sha);
    let url = format!("{}/check-runs", rest::repository(api, repo));
    rest::post(&url, body.to_string().into_bytes())
}

/// The request that changes one. GitHub adds its annotations to those that are there already:
/// `annotate` says whether they are to be sent.
pub fn update_request(
    api: &str,
    repo: &RepoName,
    id: i64,
    check: &Check,
    annotate: bool,
) -> Request<Vec<u8>> {
    let url = format!("{}/check-runs/{id}", rest::repository(api, repo));
    rest::patch(&url, body(check, annotate).to_string().into_bytes())
}

fn body(check: &Check, annotate: bool) -> Value {
    let mut body = json!({"name": check.name, "status": status(check.standing)});
    if let Standing::Completed(conclusion) = check.standing {
        body["conclusion"] = json!(word(conclusion));
    }
    if !check.details_url.is_empty() {
        body["details_url"] = json!(check.details_url);
    }
    body["external_id"] = json!(check.reference);
    if let Some(at) = check.started_at {
        body["started_at"] = json!(format!("{at:.0}"));
    }
    if let Some(at) = check.completed_at {
        body["completed_at"] = json!(format!("{at:.0}"));
    }
    let mut output = json!({"title": check.title, "summary": short(&check.summary)});
    if let Some(text) = &check.text {
        output["text"] = json!(short(text));
    }
    if annotate && !check.marks.is_empty() {
        let marks = check.marks.iter().take(ANNOTATIONS).map(|mark| {
            json!({
                "path": mark.path,
                "start_line": mark.line,
                "end_line": mark.line,
                "start_column": mark.column,
                "end_column": mark.column + mark.width.saturating_sub(1),
                "annotation_level": "failure",
                "message": short(&mark.message),
            })
        });
        output["annotations"] = marks.collect();
    }
    body["output"] = output;
    let actions = check.buttons.iter().map(|button| {
        json!({
            "label": button.label(),
            "description": button.description(),
            "identifier": button.identifier(),
        })
    });
    body["actions"] = actions.collect();
    body
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

fn status(standing: Standing) -> &'static str {
    match standing {
        Standing::Queued => "queued",
        Standing::InProgress => "in_progress",
        Standing::Completed(_) => "completed",
    }
}

fn word(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Success => "success",
        Conclusion::Failure => "failure",
        Conclusion::TimedOut => "timed_out",
        Conclusion::Cancelled => "cancelled",
        Conclusion::ActionRequired => "action_required",
    }
}

/// The request for a page, from 1, of the check runs of a commit, the newest of each name; of one
/// name alone, and then the older ones too, where it is given.
pub fn list_request(
    api: &str,
    repo: &RepoName,
    sha: &Sha,
    name: Option<&str>,
    page: usize,
) -> Request<Vec<u8>> {
    let (repo, per_page) = (rest::repository(api, repo), rest::PER_PAGE);
    let which = match name {
        Some(name) => format!("check_name={}&filter=all", rest::segment(name)),
        None => "filter=latest".to_owned(),
    };
    rest::get(&format!("{repo}/commits/{sha}/check-runs?{which}&per_page={per_page}&page={page}"))
}

/// A check run as GitHub shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub number: i64,
    /// What it is known by to whoever made it.
    pub reference: String,
    pub completed: bool,
    pub annotated: bool,
    /// In the words of a status: what mends statuses mends these.
    pub posted: Posted,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Page {
    check_runs: List<Object<Entry>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    id: Field<u64>,
    name: Field<String>,
    status: Field<String>,
    conclusion: Field<String>,
    details_url: Field<String>,
    external_id: Field<String>,
    output: Part<Output>,
    app: Part<App>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Output {
    title: Field<String>,
    annotations_count: Field<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct App {
    id: Field<Id>,
    client_id: Field<String>,
}

/// Reads an answer to a [`list_request`]: the check runs of this App, and how many entries there
/// were; none when it is no such answer.
pub fn list(body: &[u8], own: &AppId) -> Option<(Vec<Shown>, usize)> {
    let page: Field<Object<Page>> = serde_json::from_slice(body).ok()?;
    let page = page.part()?;
    let all = page.check_runs.get()?.len();
    let ours = page.check_runs.items().filter(|Object(entry)| {
        let app = entry.app.part();
        app.is_some_and(|app| {
            let number = app.id.get().is_some_and(|Id(id)| id == own.as_str());
            number || app.client_id.filled() == Some(own.as_str())
        })
    });
    Some((ours.filter_map(|Object(entry)| shown(entry)).collect(), all))
}

fn shown(entry: &Entry) -> Option<Shown> {
    let number = i64::try_from(*entry.id.get()?).ok()?;
    let completed = entry.status.filled() == Some("completed");
    let state = match (completed, entry.conclusion.filled()) {
        (false, _) | (true, Some("action_required")) => "pending",
        (true, Some("success")) => "success",
        (true, _) => "failure",
    };
    let output = entry.output.part();
    Some(Shown {
        number,
        reference: entry.external_id.text(),
        completed,
        annotated: output
            .and_then(|output| output.annotations_count.get())
            .is_some_and(|count| *count > 0),
        posted: Posted {
            post: Some(number),
            context: entry.name.text(),
            state: state.to_owned(),
            description: output.map(|output| output.title.text()).unwrap_or_default(),
            target_url: entry.details_url.text(),
        },
    })
}

#[cfg(test)]
mod tests;
