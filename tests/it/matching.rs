//! The original's own cases, on what `dagger` really listed for its modules.

use std::collections::BTreeMap;

use pocketci::domain::event::Event;
use pocketci::domain::function::Module;
use pocketci::domain::plan::{Changes, Decision, Places, Plan, Policy, SecretAccess, plan};
use pocketci::domain::spec::{GitDepth, OnInterrupt, SecretUse, Spec, Target};

use crate::goldens::shared;

fn event(vendor: &str, kind: &str, filter: &str) -> Event {
    let event = serde_json::json!({
        "vendor": vendor, "event_type": kind, "filter": filter, "disposition": "planned",
        "created": false, "deleted": false, "forced": false,
    });
    serde_json::from_value(event).expect("the event is written above")
}

fn spec() -> Spec {
    let secret = |name: &str, from_env: &str| SecretUse {
        name: name.to_owned(),
        from_env: from_env.to_owned(),
    };
    Spec {
        path: "pocketci.yaml".to_owned(),
        folder: String::new(),
        name: String::new(),
        target: Target::Module("ci".to_owned()),
        events: None,
        paths: None,
        secrets: vec![
            secret("ghUsername", "GITHUB_USERNAME"),
            secret("ghPassword", "GITHUB_TOKEN"),
        ],
        ignore: None,
        timeout: None,
        run_timeout: None,
        cancel_superseded: None,
        max_parallel: None,
        concurrency: None,
        on_interrupt: OnInterrupt::Retry,
        summary: true,
        git_depth: GitDepth::default(),
        functions: BTreeMap::new(),
    }
}

fn planned(listing: &str, event: &Event, changed: &[&str]) -> Option<Plan> {
    let listing = shared(&format!("dagger/listings/{listing}.json"))?;
    let module = Module::parse(listing.as_bytes()).expect("dagger answered this");
    let changes = Changes::Files(changed.iter().map(|file| (*file).to_owned()).collect());
    let policy = Policy { fork: false, secret: &|_, _| SecretAccess::Available };
    let plan = plan(event, &spec(), &module, &changes, &policy);
    assert_eq!(plan.functions.len(), module.functions.len());
    Some(plan)
}

/// Expects calls as `level function flags`, in any order of the functions.
#[track_caller]
fn check(listing: &str, on: (&str, &str, &str), changed: &[&str], expected: &[&str]) {
    let Some(plan) = planned(listing, &event(on.0, on.1, on.2), changed) else { return };
    let places = Places { module_tree: "", source: "S", event_trigger: "E" };
    let calls = plan.calls.iter().map(|call| {
        // Behind `call --progress=plain -m /ci`.
        format!("{} {}", call.level, call.argv(places)[4..].join(" "))
    });
    assert_eq!(calls.collect::<Vec<_>>(), expected, "{listing}: {:?}", plan.reason);
    assert_eq!(plan.decision == Decision::Call, !expected.is_empty());
}

const OPENED: (&str, &str, &str) = ("github", "pull_request", "opened");

#[test]
fn level_by_level() {
    check(
        "dispatch-filter",
        OPENED,
        &[],
        &["1 on-github-pull-request-opened --src=S --event-trigger=E"],
    );
    check(
        "dispatch-event",
        OPENED,
        &[],
        &["2 on-github-pull-request --src=S --event-trigger=E --filter=opened"],
    );
    check(
        "dispatch-vendor",
        OPENED,
        &[],
        &["5 on-github --src=S --event-trigger=E --filter=opened --event=pull_request"],
    );
    check(
        "dispatch",
        OPENED,
        &[],
        &["6 dispatch --src=S --event-trigger=E --filter=opened --event=pull_request \
           --vendor=github"],
    );
}

#[test]
fn prefixes() {
    check(
        "dispatch-suffix",
        OPENED,
        &[],
        &[
            "2 lint-on-github-pull-request --src=S --event-trigger=E --filter=opened",
            "2 test-on-github-pull-request --src=S --event-trigger=E --filter=opened",
        ],
    );
}

#[test]
fn nothing_matches() {
    check("dispatch-none", OPENED, &[], &[]);
    check("dispatch-match-vendor", OPENED, &[], &[]);
    check("dispatch-match-filter", OPENED, &[], &[]);
    check("dispatch-match-event", OPENED, &[], &[]);
    check("dispatch-changed-files", OPENED, &["README.md"], &[]);
    check("dispatch-filter", ("github", "pull_request", "closed"), &[], &[]);
}

#[test]
fn changed_files() {
    check(
        "dispatch-changed-files",
        OPENED,
        &["main.go", "go.mod"],
        &["2 lint-on-github-pull-request --src=S --event-trigger=E --filter=opened \
           --on-changes=main.go,go.mod"],
    );
    check(
        "dispatch-changed-files",
        OPENED,
        &["a/b.py"],
        &["2 test-on-github-pull-request --src=S --event-trigger=E --filter=opened \
           --on-changes=a/b.py"],
    );
}

#[test]
fn defaults_as_matchers() {
    check(
        "dispatch-match-vendor",
        ("gitlab", "push", "main"),
        &[],
        &["6 dispatch --src=S --event-trigger=E --filter=main --event=push --vendor=gitlab"],
    );
    check(
        "dispatch-match-filter",
        ("github", "pull_request", "synchronize"),
        &[],
        &["2 on-github-pull-request --src=S --event-trigger=E --filter=synchronize"],
    );
    check(
        "dispatch-match-event",
        ("github", "push", "main"),
        &[],
        &["5 on-github --src=S --event-trigger=E --filter=main --event=push"],
    );
}

#[test]
fn the_first_version_with_secrets_only() {
    let call = "6 dispatch --src=S --event-trigger=E --gh-username=env:GITHUB_USERNAME \
                --gh-password=env:GITHUB_TOKEN";
    check("v1-dispatch", OPENED, &["a"], &[call]);
    check("v1-dispatch", ("github", "push", "main"), &["a"], &[call]);
    check("v1-dispatch", ("github", "tag", "v1.2.3"), &["a"], &[call]);
    check("v1-dispatch", ("github", "issues", "opened"), &["a"], &[]);
}

#[test]
fn the_readme_of_the_second_version() {
    let secrets = "--gh-username=env:GITHUB_USERNAME --gh-password=env:GITHUB_TOKEN";
    let push = format!("1 on-github-push-main --src=S --event-trigger=E {secrets}");
    check("v2-readme", ("github", "push", "main"), &["a"], &[&push]);
    check("v2-readme", ("github", "push", "dev"), &["a"], &[]);
    check("v2-readme", ("github", "tag", "main"), &["a"], &[]);
    let pull =
        format!("2 on-github-pull-request --src=S --event-trigger=E --filter=edited {secrets}");
    check("v2-readme", ("github", "pull_request", "edited"), &["a"], &[&pull]);
    let lint = "2 lint-on-github-pull-request --src=S --event-trigger=E --filter=reopened";
    let test = format!(
        "2 test-on-github-pull-request --src=S --event-trigger=E --filter=reopened \
         --on-changes=x/y.go {secrets}"
    );
    let reopened = ("github", "pull_request", "reopened");
    check("v2-readme-matchers", reopened, &["x/y.go"], &[lint, &test]);
    check("v2-readme-matchers", reopened, &["x/y.md"], &[lint]);
    check("v2-readme-matchers", ("github", "pull_request", "closed"), &["x/y.go"], &[]);
}

#[test]
fn tags() {
    // The original called a tag a push.
    check(
        "dispatch",
        ("github", "tag", "v1.2.3"),
        &["a"],
        &["6 dispatch --src=S --event-trigger=E --filter=v1.2.3 --event=tag --vendor=github"],
    );
    check("dispatch-match-event", ("github", "tag", "v1.2.3"), &["a"], &[]);
    check("dispatch-vendor", ("gitea", "tag", "v1.2.3"), &["a"], &[]);
}

#[test]
fn a_merge_request() {
    check(
        "dispatch",
        ("gitlab", "pull_request", "opened"),
        &["a"],
        &[
            "6 dispatch --src=S --event-trigger=E --filter=opened --event=pull_request --vendor=gitlab",
        ],
    );
}

/// What the CLI answers for modules that cannot be called.
#[test]
fn listings_without_functions() {
    #[track_caller]
    fn check(case: &str, expected: &str) {
        let Some(listing) = shared(&format!("dagger/recorded/03-errors/{case}/stdout")) else {
            return;
        };
        let error = Module::parse(listing.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    check("query-nosdk", "The module `ci` has no functions");
    check("goci-bad-query", "The module `goci` has no objects");
    check("query-nomain", "The module `other` has no object `Other`, only");
}
