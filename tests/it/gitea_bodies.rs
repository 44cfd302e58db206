//! Real webhooks of Gitea, Forgejo and Gogs, and a Gitea's captured deliveries.
//!
//! The bodies are other projects' and lie outside this repository, in the folder that
//! `POCKETCI_TEST_SHARED` names; without it there is nothing to read.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files should stop there")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use jiff::Timestamp;
use pocketci::domain::event::{Disposition, Event};
use pocketci::domain::forge::{self, Checks, Headers};
use pocketci::domain::ids::Vendor;
use pocketci::domain::signature::WebhookSecret;
use serde_json::Value;

use crate::bodies::{Comparison, webhooks};

const CHECKS: Checks = Checks { allow_sha1: false, now: Timestamp::UNIX_EPOCH };

struct Row {
    path: String,
    vendor: Vendor,
    event: String,
    action: String,
    expected: Option<PathBuf>,
}

fn rows(webhooks: &Path) -> Vec<Row> {
    let index = std::fs::read_to_string(webhooks.join("INDEX.tsv")).unwrap();
    let mut lines = index.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let column = |name: &str| header.iter().position(|own| *own == name).unwrap();
    let (event, action) = (column("event header value"), column("action/ref"));
    let (vendor, expected) = (column("vendor"), column("expected"));
    let row = |line: Vec<&str>| {
        let vendor: Vendor = line[vendor].parse().ok()?;
        let ours = matches!(vendor, Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs);
        ours.then(|| Row {
            path: line[0].to_owned(),
            vendor,
            event: line[event].to_owned(),
            action: line[action].to_owned(),
            expected: Some(webhooks.join(line[expected])).filter(|_| line[expected] != "-"),
        })
    };
    lines.filter_map(row).collect()
}

fn reading(event: &Event) -> String {
    match event.disposition {
        Disposition::Planned => format!("plan {} {}", event.event_type, event.filter),
        Disposition::Skipped(why) => format!("skip {}", why.code()),
    }
}

/// What a body of this kind is to be read as, by the forges' own description of it.
fn expected(row: &Row) -> String {
    let action = match row.action.as_str() {
        "synchronized" => "synchronize",
        "label_updated" => "labeled",
        "label_cleared" => "unlabeled",
        "reviewed" => "submitted",
        same => same,
    };
    let branch = action.trim_start_matches("refs/heads/");
    match row.event.as_str() {
        "push" => format!("plan push {branch}"),
        "create" if row.vendor == Vendor::Gogs && row.path.contains("tag") => {
            format!("plan tag {action}")
        }
        "create" => "skip create".to_owned(),
        "delete" => "skip deletion".to_owned(),
        "fork" | "repository" => "skip other".to_owned(),
        "issue_comment" | "pull_request_comment" => format!("plan issue_comment {action}"),
        kind if kind.starts_with("issue") => format!("plan issues {action}"),
        kind if kind.starts_with("pull_request") && action == "submitted" => {
            format!("plan pull_request_review {action}")
        }
        kind if kind.starts_with("pull_request") => format!("plan pull_request {action}"),
        kind => format!("plan {kind} {action}"),
    }
}

#[test]
fn every_body_is_read_as_its_forge_means_it() {
    let Some(webhooks) = webhooks() else { return };
    let (rows, mut wrong) = (rows(&webhooks), Vec::new());
    for row in &rows {
        let body = std::fs::read(webhooks.join(&row.path)).unwrap();
        let found = forge::event(row.vendor, &row.event, &body);
        let found = found.map_or_else(|error| format!("refused: {error}"), |event| reading(&event));
        if found != expected(row) {
            wrong.push(format!("{}: {found:?} instead of {:?}", row.path, expected(row)));
        }
    }
    // An abridged body of Gogs that names no branches cannot be fetched.
    let abridged = "gogs/pull_request--gp--pull-request-event.json";
    wrong.retain(|line| !(line.starts_with(abridged) && line.contains("lacks the field")));
    assert_eq!(wrong, Vec::<String>::new());
    assert!(rows.len() > 65, "only {} bodies found", rows.len());
}

#[test]
fn go_scm_reads_the_same() {
    let Some(webhooks) = webhooks() else { return };
    let mut comparison = Comparison::default();
    for row in rows(&webhooks) {
        let Some(expected) = &row.expected else { continue };
        let body = std::fs::read(webhooks.join(&row.path)).unwrap();
        let event = forge::event(row.vendor, &row.event, &body).unwrap();
        let expected = std::fs::read(expected).unwrap();
        comparison.path = row.path;
        comparison.compare(&event, &serde_json::from_slice(&expected).unwrap());
    }
    assert_eq!(comparison.wrong, Vec::<String>::new());
    assert!(comparison.agreed > 100, "only {} facts compared", comparison.agreed);
}

#[test]
fn signatures_are_judged_as_their_list_says() {
    let Some(webhooks) = webhooks() else { return };
    let list = std::fs::read(webhooks.join("vectors/signatures.json")).unwrap();
    let list: Vec<Value> = serde_json::from_slice(&list).unwrap();
    let mut judged = 0;
    for case in &list {
        let Ok(vendor) = case["vendor"].as_str().unwrap().parse::<Vendor>() else { continue };
        if !matches!(vendor, Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs) {
            continue;
        }
        let body = match case["body_file"].as_str() {
            Some(file) => std::fs::read(webhooks.join(file)).unwrap(),
            None => case["body"].as_str().unwrap().as_bytes().to_vec(),
        };
        let headers = case["header"].as_object().unwrap().iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
        let headers = Headers::from_pairs(headers);
        let secrets = [case["secret"].as_str().unwrap(), "ours"].map(WebhookSecret::new);
        let found = forge::authenticate(vendor, &secrets, &headers, CHECKS, &body);
        assert_eq!(found.is_ok(), case["expect"] == "accept", "{case}");
        judged += 1;
    }
    assert!(judged >= 28, "only {judged} cases found");
}

#[test]
fn a_gitea_is_understood_byte_for_byte() {
    let Some(webhooks) = webhooks() else { return };
    let secrets = [WebhookSecret::new("s3cret")];
    let mut files: Vec<_> = std::fs::read_dir(webhooks.join("captured-gitea")).unwrap().collect();
    files.sort_by_key(|file| file.as_ref().unwrap().path());
    let mut readings = BTreeMap::<String, usize>::new();
    let mut facts = Vec::new();
    for file in files {
        let exchange = std::fs::read(file.unwrap().path()).unwrap();
        let exchange: Value = serde_json::from_slice(&exchange).unwrap();
        let pairs: Vec<(String, String)> =
            serde_json::from_value(exchange["headers"].clone()).unwrap();
        let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let headers = Headers::from_pairs(pairs);
        let text = exchange["body_b64"].as_str().unwrap();
        let body = base64::engine::general_purpose::STANDARD.decode(text).unwrap();

        let vendor = forge::recognised(&headers).unwrap();
        assert_eq!(vendor, Vendor::Gitea);
        assert!(forge::is_signed(vendor, &headers, false));
        let proven = forge::authenticate(vendor, &secrets, &headers, CHECKS, &body).unwrap();
        let mut other = body.clone();
        *other.last_mut().unwrap() ^= 1;
        assert!(forge::authenticate(vendor, &secrets, &headers, CHECKS, &other).is_err());
        let (json, packed) = forge::json(vendor, headers.get("content-type"), &proven).unwrap();
        assert_eq!(packed, exchange["path"] == "/form");
        let name = headers.get(forge::event_header(vendor)).unwrap();
        let event = forge::event(vendor, name, &json).unwrap();
        assert_eq!(forge::delivery_id(vendor, &headers, &body).len(), 36);
        *readings.entry(reading(&event)).or_default() += 1;
        let commit = event.commit.as_ref().map(|commit| commit.sha.clone());
        if event.event_type == "tag" && !event.deleted {
            facts.push((
                event.filter.clone(),
                event.sha.as_ref().map(ToString::to_string) == commit,
            ));
        }
        if event.pull_request.as_ref().is_some_and(|pull| pull.number == 2) {
            assert!(event.is_fork(), "the second pull request is from a fork");
        }
        if event.disposition == Disposition::Planned {
            assert_eq!(event.repository.unwrap().full_name.as_str(), "bot/demo");
        }
    }
    // An annotated tag is its commit too.
    let tags = [("v1.2.3", true), ("v1.2.4", true)].map(|(tag, peeled)| (tag.to_owned(), peeled));
    facts.dedup();
    assert_eq!(facts, tags);
    let expected = [
        ("plan issue_comment created", 2),
        ("plan pull_request closed", 2),
        ("plan pull_request opened", 4),
        ("plan pull_request synchronize", 4),
        ("plan push feat/x", 6),
        ("plan push main", 4),
        ("plan release published", 1),
        ("plan tag v1.2.3", 2),
        ("plan tag v1.2.4", 2),
        ("skip create", 3),
        ("skip deletion", 4),
        ("skip other", 1),
    ];
    let expected: BTreeMap<_, _> = expected.map(|(text, n)| (text.to_owned(), n)).into();
    assert_eq!(readings, expected);
}
