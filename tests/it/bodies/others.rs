//! Real webhooks of GitLab and of both Bitbuckets: each is read as the kind that the index gives
//! it, agrees with what go-scm makes of it, and survives being damaged.

use std::path::Path;

use jiff::Timestamp;
use pocketci::domain::event::{Disposition, Event};
use pocketci::domain::forge::{Headers, PayloadError, bitbucket, bitbucket_server, gitlab};
use pocketci::domain::ids::Vendor;
use pocketci::domain::signature::WebhookSecret;
use pocketci::domain::trigger::{self, TriggerExtra};
use proptest::prelude::*;
use serde_json::Value;

use super::webhooks;

struct Row {
    path: String,
    vendor: Vendor,
    event: String,
    /// What kind of thing happened, and what is special about the body.
    cases: Vec<String>,
    expected: Option<String>,
}

fn rows(webhooks: &Path) -> Vec<Row> {
    let index = std::fs::read_to_string(webhooks.join("INDEX.tsv")).unwrap();
    let mut lines = index.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let column = |name: &str| header.iter().position(|own| *own == name).unwrap();
    let (event, vendor) = (column("event header value"), column("vendor"));
    let (expected, cases) = (column("expected"), column("cases"));
    let row = |line: Vec<&str>| {
        let vendor = match line[vendor] {
            "gitlab" => Vendor::Gitlab,
            "bitbucket-cloud" => Vendor::Bitbucket,
            "bitbucket-server" => Vendor::BitbucketServer,
            _ => return None,
        };
        Some(Row {
            path: line[0].to_owned(),
            vendor,
            event: line[event].to_owned(),
            cases: line[cases].split(',').map(str::to_owned).collect(),
            expected: Some(line[expected].to_owned()).filter(|path| path != "-"),
        })
    };
    lines.filter_map(row).collect()
}

fn events(vendor: Vendor, name: &str, body: &[u8]) -> Result<Vec<Event>, PayloadError> {
    match vendor {
        Vendor::Gitlab => gitlab::event(name, body).map(|event| vec![event]),
        Vendor::Bitbucket => bitbucket::events(name, body),
        _ => bitbucket_server::events(name, body),
    }
}

/// The event in few words: `plan push`, `skip deletion`, `plan pull_request opened merged fork`.
fn reading(event: &Event) -> String {
    let mut words = match event.disposition {
        Disposition::Planned => format!("plan {}", event.event_type),
        Disposition::Skipped(why) => format!("skip {}", why.code()),
    };
    if !matches!(event.event_type.as_str(), "push" | "tag") && words.starts_with("plan") {
        words = format!("{words} {}", event.filter);
    }
    if let Some(pull) = &event.pull_request {
        for (is, word) in [(pull.merged, " merged"), (pull.fork, " fork"), (pull.draft, " draft")] {
            words.push_str(if is { word } else { "" });
        }
    }
    words
}

/// What the index says of a body, in the same words. Where it says only `pr-edited`, the body says
/// what was edited.
fn expected(row: &Row) -> String {
    if is_broken(row) {
        return "The webhook's body lacks the field `object_attributes.iid`".to_owned();
    }
    let has = |case: &str| row.cases.iter().any(|own| own == case);
    let last = row.path.rsplit("--").next().unwrap_or_default();
    let kind = match row.cases[0].as_str() {
        "push" | "branch-create" => "plan push",
        "tag" => "plan tag",
        "branch-delete" | "tag-delete" => "skip deletion",
        "pr-opened" => "plan pull_request opened",
        "pr-reopened" => "plan pull_request reopened",
        "pr-closed" | "pr-deleted" => "plan pull_request closed",
        "pr-merged" => "plan pull_request closed merged",
        // Nobody can tell from the body alone.
        "pr-synchronize" if row.vendor == Vendor::Bitbucket => "plan pull_request updated",
        "pr-synchronize" => "plan pull_request synchronize",
        "pr-modified" if last.contains("toref") => "plan pull_request synchronize",
        "pr-modified" => "plan pull_request edited",
        "pr-edited" => match last {
            // The latter lost one and got another.
            "HookPullRequestAssigned.json" | "HookPullRequestUnassigned.json" => {
                "plan pull_request assigned"
            }
            "HookPullRequestMilestoned.json" => "plan pull_request milestoned",
            "HookPullRequestDemilestoned.json" => "plan pull_request demilestoned",
            "HookPullRequestLabelsAdded.json" => "plan pull_request labeled",
            "HookPullRequestLabelsUpdated.json" => "plan pull_request labeled",
            "HookPullRequestReviewRequestDel.json" => "plan pull_request review_request_removed",
            "pull_request_review_ready.json" => "plan pull_request converted_to_draft",
            _ => "plan pull_request edited",
        },
        "pr-approval" | "pr-reviewer-approved" => "plan pull_request_review submitted",
        "pr-unapproved" | "pr-reviewer-unapproved" => "plan pull_request_review dismissed",
        "pr-reviewer-updated" => "plan pull_request review_requested",
        "comment-on-pr" | "comment-on-issue" => "plan issue_comment created",
        "pr-comment_deleted" => "plan issue_comment deleted",
        "pr-comment-edited" => "plan issue_comment edited",
        "comment-on-commit" | "repo:comment:added" => "plan commit_comment created",
        "repo:comment:edited" => "plan commit_comment edited",
        "issue" if last.contains("closed") => "plan issues closed",
        "issue" | "issue:created" => "plan issues opened",
        "issue:updated" => "plan issues edited",
        "release" => "plan release published",
        "pipeline" | "build" | "deployment" => "skip echo",
        kind if kind.starts_with("repo:commit_status") => "skip echo",
        "diagnostics:ping" => "skip ping",
        _ => "skip other",
    };
    let about_pull = kind.contains("pull_request");
    let fork = if has("fork") && about_pull { " fork" } else { "" };
    let draft = if has("draft") { " draft" } else { "" };
    format!("{kind}{fork}{draft}")
}

/// Its names end with a blank, which no GitLab writes.
fn is_broken(row: &Row) -> bool {
    row.path.ends_with("--group_merge_request.json")
}

#[test]
fn every_body_is_read_as_its_kind() {
    let Some(webhooks) = webhooks() else { return };
    let rows = rows(&webhooks);
    let mut wrong = Vec::new();
    for row in &rows {
        let body = std::fs::read(webhooks.join(&row.path)).unwrap();
        let found = match events(row.vendor, &row.event, &body) {
            Ok(events) => reading(&events[0]),
            Err(error) => error.to_string(),
        };
        if found != expected(row) {
            wrong.push(format!("{}: {found:?} instead of {:?}", row.path, expected(row)));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(rows.len() > 140, "only {} bodies found", rows.len());
}

#[test]
fn every_body_makes_event_triggers() {
    let Some(webhooks) = webhooks() else { return };
    for row in rows(&webhooks).into_iter().filter(|row| !is_broken(row)) {
        let body = std::fs::read(webhooks.join(&row.path)).unwrap();
        let has = |case: &str| row.cases.iter().any(|own| own == case);
        for event in events(row.vendor, &row.event, &body).unwrap() {
            let json = trigger::value(&event, TriggerExtra::default());
            let (path, planned) = (&row.path, event.disposition == Disposition::Planned);
            assert!(!planned || json["repository"]["full_name"].is_string(), "{path}");
            // Every commit is known, or known to be missing.
            let pull = event.event_type.starts_with("pull_request");
            assert_eq!(event.sha.is_none() && pull, event.lacks.head.is_some(), "{path}");
            let commit = matches!(event.event_type.as_str(), "push" | "tag" | "commit_comment");
            assert!(!planned || !commit || event.sha.is_some(), "{path}");
            assert_eq!(event.lacks.action, event.filter == "updated", "{path}");
            assert_eq!(event.forced, has("forced"), "{path}");
            assert!(!has("branch-create") || event.created, "{path}");
            if let Some(base) = event.nameless_base() {
                assert!(row.vendor == Vendor::Gitlab && base.starts_with("refs/heads/"), "{path}");
            }
            // What it is judged by alone is not kept with it.
            let event = Event { author: None, commented_at: None, ..event };
            let kept = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<Event>(&kept).unwrap(), event, "{path}");
        }
    }
}

/// Which facts of go-scm's are not so: it builds a fork's name from the display name of its
/// owner, calls a merge request ready that has just become a draft, and makes the branch and the
/// address of a build those of its repository.
fn is_known_difference(row: &Row, what: &str) -> bool {
    let ready = row.path.ends_with("pull_request_review_ready.json") && what == "action";
    let fork = row.vendor == Vendor::Gitlab && what == "head repository";
    // The default branch of a Data Center repository is in no body.
    let branch = row.vendor == Vendor::BitbucketServer && what == "default branch";
    let build = row.event.starts_with("repo:commit_status") && what != "sha";
    ready || fork || branch || build || row.cases[0] == "pipeline"
}

#[test]
fn go_scm_reads_the_same() {
    let Some(webhooks) = webhooks() else { return };
    let (mut agreed, mut wrong) = (0, Vec::new());
    for row in rows(&webhooks) {
        let Some(expected) = &row.expected else { continue };
        let body = std::fs::read(webhooks.join(&row.path)).unwrap();
        let theirs: Value =
            serde_json::from_slice(&std::fs::read(webhooks.join(expected)).unwrap()).unwrap();
        let event = events(row.vendor, &row.event, &body).unwrap().remove(0);
        for (what, ours, theirs) in facts(&event, &theirs) {
            let Some(theirs) = theirs.filter(|text| !text.is_empty()) else { continue };
            if ours.as_deref() == Some(theirs.as_str()) {
                agreed += 1;
            } else if !is_known_difference(&row, what) {
                wrong.push(format!("{}: {what}: {ours:?} instead of {theirs:?}", row.path));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(agreed > 200, "only {agreed} facts compared");
}

type Fact = (&'static str, Option<String>, Option<String>);

fn facts(event: &Event, theirs: &Value) -> Vec<Fact> {
    let text = |pointer: &str| {
        let found = theirs.pointer(pointer)?;
        found.as_str().map(str::to_owned).or_else(|| found.as_u64().map(|n| n.to_string()))
    };
    let sha = |pointer: &str| text(pointer).filter(|sha| !sha.starts_with("0000000"));
    let repository = event.repository.as_ref();
    let name = text("/Repo/Namespace").zip(text("/Repo/Name"));
    // Of pull requests, what is known of the commit; of a deletion, the one that was there.
    let head = event.sha.as_ref().map(ToString::to_string);
    let head = head.or(event.lacks.head.as_ref().map(ToString::to_string));
    let head = if event.deleted { event.before.as_ref().map(ToString::to_string) } else { head };
    let before = event.before.as_ref().map(ToString::to_string);
    let short = event.branch.clone().or(event.tag.clone());
    let mut facts: Vec<Fact> = vec![
        (
            "repository",
            repository.map(|it| it.full_name.to_string()),
            name.map(|(owner, name)| format!("{owner}/{name}")),
        ),
        ("default branch", repository.map(|it| it.default_branch.clone()), text("/Repo/Branch")),
        ("clone URL", repository.map(|it| it.clone_url.clone()), text("/Repo/Clone")),
        ("ref", event.reference.clone(), text("/Ref")),
        ("short ref", short, text("/Ref/Name")),
        ("sha", head.clone(), sha("/After")),
        ("sha", head.clone(), sha("/Ref/Sha")),
        ("sha", head.clone(), sha("/Commit/Sha").filter(|_| !event.deleted)),
        ("before", before, sha("/Before")),
        (
            "comment",
            event.comment.as_ref().map(|comment| comment.author.clone()),
            text("/Comment/Author/Login"),
        ),
    ];
    let action = text("/Action").map(|action| match action.as_str() {
        "updated" => "edited".to_owned(),
        "synchronized" => "synchronize".to_owned(),
        "review_ready" => "ready_for_review".to_owned(),
        "merged" => "closed".to_owned(),
        "deleted" if event.event_type == "pull_request" => "closed".to_owned(),
        _ => action,
    });
    if matches!(event.event_type.as_str(), "push" | "tag") {
        let ours = if event.deleted { "deleted" } else { "created" };
        facts.push(("action", Some(ours.to_owned()), action));
    } else {
        facts.push(("action", Some(event.filter.clone()), action));
    }
    let Some(pull) = &event.pull_request else { return facts };
    let number = text("/PullRequest/Number").or(text("/Issue/Number"));
    facts.push(("number", Some(pull.number.to_string()), number));
    facts.push(("author", Some(pull.author.clone()), text("/PullRequest/Author/Login")));
    facts.push(("title", Some(pull.title.clone()), text("/PullRequest/Title")));
    if event.event_type.starts_with("pull_request") {
        facts.push(("sha", head, sha("/PullRequest/Sha")));
        facts.push(("head", Some(pull.head.reference.clone()), text("/PullRequest/Source")));
        facts.push(("base", Some(pull.base.reference.clone()), text("/PullRequest/Target")));
        let base = pull.base.sha.as_ref().map(ToString::to_string);
        facts.push(("base sha", base, sha("/PullRequest/Base/Sha")));
        facts.push(("head repository", pull.head.repository.clone(), text("/PullRequest/Fork")));
        let merged = theirs.pointer("/PullRequest/Merged").map(ToString::to_string);
        facts.push(("merged", Some(pull.merged.to_string()), merged));
    }
    facts
}

#[test]
fn signatures_are_judged_as_their_list_says() {
    let Some(webhooks) = webhooks() else { return };
    let list = std::fs::read(webhooks.join("vectors/signatures.json")).unwrap();
    let list: Vec<Value> = serde_json::from_slice(&list).unwrap();
    let mut judged = 0;
    for case in list {
        let body = match case["body_file"].as_str() {
            Some(file) => std::fs::read(webhooks.join(file)).unwrap(),
            None => case["body"].as_str().unwrap().as_bytes().to_vec(),
        };
        let headers = case["header"].as_object().unwrap().iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
        let headers = Headers::from_pairs(headers);
        let secrets = [WebhookSecret::new(case["secret"].as_str().unwrap())];
        let at = headers.get("webhook-timestamp").and_then(|at| at.parse().ok());
        let now = Timestamp::from_second(at.unwrap_or_default()).unwrap();
        let found = match case["vendor"].as_str().unwrap() {
            "gitlab" => gitlab::authenticate(&secrets, &headers, now, &body),
            "bitbucket-cloud" => bitbucket::authenticate(&secrets, &headers, &body),
            "bitbucket-server" => bitbucket_server::authenticate(&secrets, &headers, &body),
            _ => continue,
        };
        judged += 1;
        let accept = case["expect"].as_str().unwrap().starts_with("accept");
        assert_eq!(found.is_ok(), accept, "{case}");
    }
    assert!(judged >= 16, "only {judged} cases found");
}

#[test]
fn mutated_bodies_are_read_or_refused() {
    let Some(webhooks) = webhooks() else { return };
    let read = |row: Row| {
        let body = std::fs::read(webhooks.join(&row.path)).unwrap();
        (row.vendor, row.event, body)
    };
    let bodies: Vec<_> = rows(&webhooks).into_iter().map(read).collect();
    let change = (any::<prop::sample::Index>(), any::<u8>());
    let changes = proptest::collection::vec(change, 1..8);
    let strategy = (any::<prop::sample::Index>(), changes, any::<bool>());
    proptest!(|((which, changes, cut) in strategy)| {
        let (vendor, event, body) = which.get(&bodies);
        let mut body = body.clone();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
            if cut {
                body.truncate(at.max(1));
            }
        }
        if let Ok(events) = events(*vendor, event, &body) {
            prop_assert!(!events.is_empty());
        }
    });
}

proptest! {
    #[test]
    fn one_value_of_another_kind_is_read_or_refused(
        which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        value in prop_oneof![
            Just(Value::Null), Just(Value::from(-1)), Just(Value::from("")),
            Just(Value::from("refs/heads/a b")), Just(Value::from(vec![1])),
            Just(serde_json::json!({})), Just(Value::from(true)), Just(Value::from(1.5)),
        ],
    ) {
        let Some(webhooks) = webhooks() else { return Ok(()) };
        let mut rows = rows(&webhooks);
        let row = rows.swap_remove(which.index(rows.len()));
        let body = std::fs::read(webhooks.join(&row.path)).unwrap();
        let mut body: Value = serde_json::from_slice(&body).unwrap();
        let mut pointers = Vec::new();
        collect(&body, String::new(), &mut pointers);
        let pointer: &String = place.get(&pointers);
        if let Some(found) = body.pointer_mut(pointer) {
            *found = value;
        }
        let found = events(row.vendor, &row.event, &serde_json::to_vec(&body).unwrap());
        for event in found.into_iter().flatten() {
            let planned = event.disposition == Disposition::Planned;
            prop_assert!(!planned || event.repository.is_some());
        }
    }
}

fn collect(value: &Value, at: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                collect(inner, format!("{at}/{name}"), pointers);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                collect(inner, format!("{at}/{index}"), pointers);
            }
        }
        _ => {}
    }
    pointers.push(at);
}
