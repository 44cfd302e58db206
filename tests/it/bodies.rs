//! Real webhooks of GitHub, each read as its index says, and its signatures.
//!
//! The bodies are other projects' and lie outside this repository, in the folder that
//! `POCKETCI_TEST_SHARED` names; without it there is nothing to read.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files should stop there")]

use std::path::{Path, PathBuf};

use pocketci::domain::event::{Disposition, Event};
use pocketci::domain::forge::{self, Headers, github};
use pocketci::domain::ids::{RunId, Vendor};
use pocketci::domain::signature::WebhookSecret;
use pocketci::domain::trigger::{self, TriggerExtra};
use proptest::prelude::*;
use serde_json::Value;

mod others;

#[expect(clippy::disallowed_methods, reason = "the folder differs from machine to machine")]
pub(crate) fn webhooks() -> Option<PathBuf> {
    let shared = std::env::var_os("POCKETCI_TEST_SHARED");
    if shared.is_none() {
        println!("skipped: POCKETCI_TEST_SHARED is not set");
    }
    Some(PathBuf::from(shared?).join("webhooks"))
}

/// A row of the index about one of GitHub's bodies.
struct Row {
    path: String,
    event: String,
    /// What stands beside it: how go-scm reads the body.
    expected: Option<String>,
    /// `plan <event> <filter>`, `skip <why>` or `refused`.
    reading: String,
}

fn rows(webhooks: &Path) -> Vec<Row> {
    let index = std::fs::read_to_string(webhooks.join("INDEX.tsv")).unwrap();
    let mut lines = index.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let column = |name: &str| header.iter().position(|own| *own == name).unwrap();
    let (event, expected) = (column("event header value"), column("expected"));
    let (vendor, reading) = (column("vendor"), column("reading"));
    let row = |line: Vec<&str>| Row {
        path: line[0].to_owned(),
        event: line[event].to_owned(),
        expected: Some(line[expected].to_owned()).filter(|path| path != "-"),
        reading: line[reading].to_owned(),
    };
    lines.filter(|line| line[vendor] == "github").map(row).collect()
}

/// Whatever it is about, and whoever is taken for its sender.
#[test]
fn no_body_stops_any_forges_reader() {
    let Some(webhooks) = webhooks() else { return };
    let index = std::fs::read_to_string(webhooks.join("INDEX.tsv")).unwrap();
    let mut read = 0;
    for line in index.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let body = std::fs::read(webhooks.join(columns[0])).unwrap();
        for vendor in Vendor::ALL {
            if let Ok(events) = forge::events(vendor, columns[2], &body) {
                assert!(!events.is_empty(), "{}: {vendor}", columns[0]);
            }
        }
        read += 1;
    }
    assert!(read >= 623, "only {read} bodies found");
}

/// The event in the words of the index.
fn reading(event: &Event) -> String {
    match event.disposition {
        Disposition::Planned => format!("plan {} {}", event.event_type, event.filter),
        Disposition::Skipped(why) => format!("skip {}", why.code()),
    }
}

#[test]
fn every_body_is_read_as_its_index_says() {
    let Some(webhooks) = webhooks() else { return };
    let rows = rows(&webhooks);
    let mut wrong = Vec::new();
    for row in &rows {
        let body = std::fs::read(webhooks.join(&row.path)).unwrap();
        let found = match github::event(&row.event, &body) {
            Ok(event) => reading(&event),
            Err(_) => "refused".to_owned(),
        };
        if found != row.reading {
            wrong.push(format!("{}: {found:?} instead of {:?}", row.path, row.reading));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(rows.len() > 300, "only {} of GitHub's bodies found", rows.len());
}

#[test]
fn every_body_makes_an_event_trigger() {
    let Some(webhooks) = webhooks() else { return };
    for row in rows(&webhooks) {
        let body = std::fs::read(webhooks.join(&row.path)).unwrap();
        let Ok(event) = github::event(&row.event, &body) else { continue };
        let extra =
            TriggerExtra { delivery_id: "d", run_id: Some(RunId(1)), attempt: 1, changes: &[] };
        let json = trigger::json(&event, extra, Some(trigger::payload(&body).unwrap()));
        let json: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["payload"], serde_json::from_slice::<Value>(&body).unwrap());
        if event.disposition == Disposition::Planned {
            let repository = event.repository.unwrap();
            assert_eq!(json["repository_name"], repository.name);
            let clone_url: url::Url = repository.clone_url.parse().unwrap();
            assert!(clone_url.path().ends_with(".git"), "{}", row.path);
        }
    }
}

#[test]
fn go_scm_reads_the_same() {
    let Some(webhooks) = webhooks() else { return };
    let mut comparison = Comparison::default();
    for row in rows(&webhooks) {
        let Some(expected) = row.expected else { continue };
        let body = std::fs::read(webhooks.join(&row.path)).unwrap();
        let expected = std::fs::read(webhooks.join(expected)).unwrap();
        let event = github::event(&row.event, &body).unwrap();
        comparison.path = row.path;
        comparison.compare(&event, &serde_json::from_slice(&expected).unwrap());
    }
    assert_eq!(comparison.wrong, Vec::<String>::new());
    assert!(comparison.agreed > 200, "only {} facts compared", comparison.agreed);
}

/// Compares what both say; go-scm's fields differ from event to event and are often empty.
#[derive(Default)]
pub(crate) struct Comparison {
    pub(crate) path: String,
    pub(crate) agreed: usize,
    pub(crate) wrong: Vec<String>,
}

impl Comparison {
    pub(crate) fn compare(&mut self, event: &Event, theirs: &Value) {
        let text = |pointer: &str| {
            let found = theirs.pointer(pointer).and_then(Value::as_str);
            found.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let number = |pointer: &str| theirs.pointer(pointer).and_then(Value::as_u64);
        let sha = event.sha.as_ref().map(|sha| sha.as_str().to_owned());

        let repository = event.repository.as_ref();
        let name = text("/Repo/Namespace").zip(text("/Repo/Name"));
        let name = name.map(|(owner, name)| format!("{owner}/{name}"));
        self.fact("repository", repository.map(|r| r.full_name.to_string()), name);
        let default_branch = repository.map(|r| r.default_branch.clone());
        self.fact("default branch", default_branch, text("/Repo/Branch"));
        self.fact("clone URL", repository.map(|r| r.clone_url.clone()), text("/Repo/Clone"));

        // `Ref` is a text of a push and an object of a deployment, a creation or a deletion.
        let reference = text("/Ref").or(text("/Ref/Path"));
        self.fact("ref", event.reference.clone(), reference);
        let short = event.branch.clone().or(event.tag.clone());
        self.fact("short ref", short, text("/Ref/Name"));
        let commits = ["/After", "/Ref/Sha", "/Sha", "/Commit/Sha", "/Checks/0/Sha"];
        let commits = commits.into_iter().chain(["/Deployment/Sha"]);
        for commit in commits.filter_map(text).filter(|sha| !sha.starts_with("0000000")) {
            self.fact("sha", sha.clone(), Some(commit));
        }
        let before = text("/Before").filter(|sha| !sha.starts_with("0000000"));
        self.fact("before", event.before.as_ref().map(ToString::to_string), before);

        match text("/Action").as_deref() {
            Some("created") if ["create", "tag"].contains(&event.event_type.as_str()) => {
                assert!(event.created);
            }
            Some("deleted") if event.event_type == "delete" => assert!(event.deleted),
            action => {
                let action = action.map(|action| match action {
                    "updated" => "edited",
                    "synchronized" => "synchronize",
                    "review_ready" => "ready_for_review",
                    same => same,
                });
                self.fact("action", Some(event.filter.clone()), action.map(str::to_owned));
            }
        }
        self.fact("tag", event.release.as_ref().map(|r| r.tag.clone()), text("/Release/Tag"));
        let author = event.comment.as_ref().map(|comment| comment.author.clone());
        self.fact("comment", author, text("/Comment/Author/Login"));

        let Some(pull) = &event.pull_request else { return };
        let theirs = number("/PullRequest/Number").or(number("/Issue/Number"));
        self.fact("number", Some(pull.number), theirs);
        let author = text("/PullRequest/Author/Login").or(text("/Issue/Author/Login"));
        self.fact("author", Some(pull.author.clone()), author);
        self.fact("title", Some(pull.title.clone()), text("/PullRequest/Title"));
        self.fact("sha", sha, text("/PullRequest/Sha"));
        self.fact("head", Some(pull.head.reference.clone()), text("/PullRequest/Source"));
        self.fact("base", Some(pull.base.reference.clone()), text("/PullRequest/Target"));
        self.fact("ref", event.reference.clone(), text("/PullRequest/Head/Path"));
        let base = pull.base.sha.as_ref().map(ToString::to_string);
        self.fact("base sha", base, text("/PullRequest/Base/Sha"));
        // The head's repository, whatever it is.
        let head = text("/PullRequest/Fork");
        self.fact("fork", Some(pull.fork), head.as_ref().map(|_| head != pull.base.repository));
        self.fact("head repository", pull.head.repository.clone(), head);
    }

    fn fact<T: PartialEq + std::fmt::Debug>(
        &mut self,
        what: &str,
        ours: Option<T>,
        theirs: Option<T>,
    ) {
        if theirs.is_none() {
            return;
        }
        self.agreed += 1;
        if ours != theirs {
            self.wrong.push(format!("{}: {what}: {ours:?} instead of {theirs:?}", self.path));
        }
    }
}

#[test]
fn signatures_are_judged_as_their_list_says() {
    let Some(webhooks) = webhooks() else { return };
    let list = std::fs::read(webhooks.join("vectors/signatures.json")).unwrap();
    let list: Vec<Value> = serde_json::from_slice(&list).unwrap();
    let cases: Vec<_> = list.iter().filter(|case| case["vendor"] == "github").collect();
    assert!(cases.len() >= 12, "only {} cases found", cases.len());
    for case in cases {
        let body = match case["body_file"].as_str() {
            Some(file) => std::fs::read(webhooks.join(file)).unwrap(),
            None => case["body"].as_str().unwrap().as_bytes().to_vec(),
        };
        let headers = case["header"].as_object().unwrap().iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
        let headers = Headers::from_pairs(headers);
        let secrets = [WebhookSecret::new(case["secret"].as_str().unwrap())];
        let found = github::authenticate(&secrets, &headers, true, &body);
        assert_eq!(found.is_ok(), case["expect"] == "accept", "{case}");
        // Without leave, SHA-1 is worth nothing.
        let strict = github::authenticate(&secrets, &headers, false, &body).is_ok();
        assert_eq!(strict, found.is_ok() && headers.get("x-hub-signature-256").is_some());
    }
}

/// Every event that is read in its own way, and one that is not known.
const EVENTS: [&str; 16] = [
    "push",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "issues",
    "issue_comment",
    "commit_comment",
    "release",
    "create",
    "deployment",
    "merge_group",
    "workflow_dispatch",
    "repository_dispatch",
    "check_run",
    "status",
    "no_such_event",
];

#[test]
fn mutated_bodies_are_read_or_refused() {
    let Some(webhooks) = webhooks() else { return };
    let bodies: Vec<_> = rows(&webhooks)
        .into_iter()
        .filter(|row| row.reading.starts_with("plan"))
        .map(|row| (row.event, std::fs::read(webhooks.join(row.path)).unwrap()))
        .collect();
    let change = (any::<prop::sample::Index>(), any::<u8>());
    let changes = proptest::collection::vec(change, 1..8);
    let strategy = (any::<prop::sample::Index>(), changes, any::<bool>());
    proptest!(|((which, changes, cut) in strategy)| {
        let (event, body) = which.get(&bodies);
        let mut body = body.clone();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
            if cut {
                body.truncate(at.max(1));
            }
        }
        let _ = github::event(event, &body);
    });
}

/// JSON of the shape that bodies have, with anything anywhere.
fn any_json() -> impl Strategy<Value = Value> {
    let keys = "ref|sha|after|before|action|number|repository|full_name|pull_request|head|base|\
                repo|sender|login|release|tag_name|issue|comment|commit_id|id|deployment|labels";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "refs/heads/[a-z./]{0,8}".prop_map(Value::from),
        "[0-9a-f]{40}".prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((keys, inner), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused(
        which in 0..EVENTS.len(),
        body in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let found = github::event(EVENTS[which], &body);
        prop_assert!(serde_json::from_slice::<Value>(&body).is_ok() || found.is_err());
    }

    #[test]
    fn arbitrary_json_is_read_or_refused(which in 0..EVENTS.len(), body in any_json()) {
        let json = serde_json::to_vec(&body).unwrap();
        let found = github::event(EVENTS[which], &json);
        if let Ok(event) = found {
            prop_assert_eq!(event.disposition == Disposition::Planned && event.repository.is_none(), false);
            trigger::value(&event, TriggerExtra::default());
        } else {
            prop_assert!(!["no_such_event", "create", "status"].contains(&EVENTS[which]));
        }
    }
}
