//! Runs to show, as the worker would store them.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::event::{
    Author, Commit, Disposition, Event, PullRequest, PullRequestSide, RefType, Repository, Sender,
};
use crate::domain::ids::{ForgeId, RepoName, RunId, Vendor};
use crate::domain::plan::{
    Action, Arg, ArgValue, Changes, Decision, FunctionDecision, Plan, PlannedCall, Reason,
};
use crate::domain::rights::{Access, Answered, Forges};
use crate::domain::spec::{GitDepth, OnInterrupt};
use crate::store::{NewDelivery, NewRun, NewRunState, RunSettings, Settlement, Store};

const SHA: &str = "2222222222222222222222222222222222222222";

pub(in crate::web) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Records a delivery and settles it into one run.
pub(in crate::web) async fn keep(store: &Store, forge_id: &str, run: NewRun) -> RunId {
    let repository = run.event.repository.as_ref().map(|it| it.full_name.to_string());
    let delivery = NewDelivery {
        forge: Vendor::Github.into(),
        forge_id: forge_id.to_owned(),
        event_name: run.event.event_type.clone(),
        repository,
        title: run.event.title(),
        headers: Vec::new(),
        body: b"{}".to_vec(),
        received_at: at(0),
        skip: None,
    };
    store.record(delivery).await.unwrap();
    let claimed = store.claim_delivery(at(1)).await.unwrap().unwrap();
    store
        .settle(claimed.id, Settlement::Planned { runs: vec![run], parts: Vec::new() }, at(2))
        .await
        .unwrap()[0]
}

/// A queued run that calls these functions, and two more that it does not call.
pub(in crate::web) fn run_of(event: Event, functions: &[&str]) -> NewRun {
    let called = functions.iter().map(|name| FunctionDecision {
        name: (*name).to_owned(),
        decision: Decision::Call,
        code: "called".to_owned(),
        text: "level 4: its name ends with OnPush".to_owned(),
        context: None,
    });
    let others = [
        ("docsOnPush", Decision::Skip, "onChanges docs/** matches none of 3 changed files"),
        ("deployOnPush", Decision::Error, "the argument `stage` is required and nothing fills it"),
    ];
    let others = others.into_iter().map(|(name, decision, text)| FunctionDecision {
        name: name.to_owned(),
        decision,
        code: "other".to_owned(),
        text: text.to_owned(),
        context: None,
    });
    NewRun {
        event,
        sha: SHA.parse().unwrap(),
        spec_path: "services/api/pocketci.yaml".to_owned(),
        spec_name: "api".to_owned(),
        plan: Plan {
            decision: Decision::Call,
            reason: None,
            calls: functions.iter().map(|name| call(name)).collect(),
            functions: called.chain(others).collect(),
            marks: Vec::new(),
        },
        settings: RunSettings {
            timeout: Duration::from_secs(3600),
            on_interrupt: OnInterrupt::Retry,
            run_timeout: None,
            git_depth: GitDepth::default(),
            summary: true,
            max_parallel: None,
            concurrency: None,
            place: None,
        },
        state: NewRunState::Queued,
        statuses: Vec::new(),
        changes: Changes::Files(vec!["main.go".to_owned()]),
    }
}

pub(in crate::web) fn nothing_matches() -> Plan {
    let text = "no function for push main".to_owned();
    let reason = Some(Reason { code: "no_function".to_owned(), text });
    Plan {
        decision: Decision::Skip,
        reason,
        calls: Vec::new(),
        functions: Vec::new(),
        marks: Vec::new(),
    }
}

fn call(function: &str) -> PlannedCall {
    let kebab = function.replace("On", "-on-").to_lowercase();
    let arg = |flag: &str, value| Arg { flag: flag.to_owned(), value };
    PlannedCall {
        function: function.to_owned(),
        context: format!("pocketci/api/{kebab}"),
        kebab,
        level: 4,
        posts_status: true,
        action: Action::Dagger {
            module: "services/api/ci".to_owned(),
            constructor: Vec::new(),
            args: vec![
                arg("src", ArgValue::Source),
                arg("filter", ArgValue::Text("it's main".to_owned())),
                arg("token", ArgValue::Secret("GITHUB_TOKEN".to_owned())),
            ],
            sync: true,
        },
        notes: Vec::new(),
    }
}

pub(in crate::web) fn push() -> Event {
    Event {
        vendor: Vendor::Github,
        instance: None,
        event_type: "push".to_owned(),
        filter: "main".to_owned(),
        disposition: Disposition::Planned,
        repository: Some(repository("https://github.com/octo/hello")),
        reference: Some("refs/heads/main".to_owned()),
        ref_type: Some(RefType::Branch),
        branch: Some("main".to_owned()),
        tag: None,
        sha: Some(SHA.parse().unwrap()),
        before: None,
        lacks: crate::domain::event::Lacks::default(),
        created: false,
        deleted: false,
        forced: false,
        commit: Some(Commit {
            sha: SHA.to_owned(),
            message: "Say hello\n\nAnd mean it.".to_owned(),
            author: Author::default(),
            timestamp: String::new(),
            url: String::new(),
        }),
        pull_request: None,
        release: None,
        comment: None,
        sender: Some(Sender { login: "alice".to_owned(), id: "123".to_owned() }),
        author: None,
        commented_at: None,
    }
}

/// A fork's pull request by somebody who tries everything.
pub(in crate::web) fn hostile() -> Event {
    let mark = "<img src=x onerror=alert(1)>\u{202e}\u{1b}[31m".to_owned();
    let side = |repository: &str| PullRequestSide {
        reference: mark.clone(),
        sha: Some(SHA.parse().unwrap()),
        repository: Some(repository.to_owned()),
    };
    Event {
        event_type: "pull_request".to_owned(),
        filter: "opened".to_owned(),
        repository: Some(repository("javascript:alert(1)")),
        branch: Some(mark.clone()),
        pull_request: Some(PullRequest {
            number: 7,
            title: format!("\"{mark}'"),
            url: "javascript:alert(1)".to_owned(),
            action: "opened".to_owned(),
            author: mark.clone(),
            draft: false,
            merged: false,
            fork: true,
            labels: Vec::new(),
            head: side("mallory/hello"),
            base: side("octo/hello"),
        }),
        sender: Some(Sender { login: mark.clone(), id: "666".to_owned() }),
        author: None,
        commented_at: None,
        ..push()
    }
}

fn repository(url: &str) -> Repository {
    Repository {
        full_name: "octo/hello".parse().unwrap(),
        owner: "octo".to_owned(),
        name: "hello".to_owned(),
        clone_url: "https://github.com/octo/hello.git".to_owned(),
        url: url.to_owned(),
        default_branch: "main".to_owned(),
        private: false,
    }
}

/// A forge with three people: 1 reads everything, 2 writes to everything, 3 only sees what everybody
/// sees. It does not answer for anybody else.
pub(in crate::web) struct PretendForges;

impl Forges for PretendForges {
    fn access<'a>(
        &'a self,
        _: ForgeId,
        _: &'a RepoName,
        person: &'a Sender,
    ) -> Answered<'a, Option<Access>> {
        Box::pin(std::future::ready(match person.id.as_str() {
            "1" => Some(Access::Read),
            "2" => Some(Access::Write),
            "3" => Some(Access::None),
            _ => None,
        }))
    }
}
