//! The rules of matching, as tables: functions in a line each, an event, what becomes of them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::domain::event::{Disposition, Event, PullRequest, PullRequestSide};
use crate::domain::function::{Argument, ArgumentKind, Function, Module};
use crate::domain::ids::Vendor;
use crate::domain::spec::{Command, GitDepth, Matchers, OnInterrupt, SecretUse, Spec, Target};

mod levels;
mod matchers;
mod passing;
mod reasons;

/// An event on GitHub: `push main`, `tag v1`, `pull_request opened`, `issues`.
pub(in crate::domain) fn event(title: &str) -> Event {
    let (kind, filter) = title.split_once(' ').unwrap_or((title, ""));
    let side = |reference: &str| PullRequestSide {
        reference: reference.to_owned(),
        sha: None,
        repository: Some("franela/pocketci".to_owned()),
    };
    let pull_request = (kind == "pull_request").then(|| PullRequest {
        number: 7,
        title: String::new(),
        url: String::new(),
        action: filter.to_owned(),
        author: "alice".to_owned(),
        draft: false,
        merged: false,
        fork: false,
        labels: Vec::new(),
        head: side("feature"),
        base: side("main"),
    });
    Event {
        vendor: Vendor::Github,
        instance: None,
        event_type: kind.to_owned(),
        filter: filter.to_owned(),
        disposition: Disposition::Planned,
        repository: None,
        reference: None,
        ref_type: None,
        branch: (kind == "push").then(|| filter.to_owned()),
        tag: (kind == "tag").then(|| filter.to_owned()),
        sha: None,
        before: None,
        lacks: crate::domain::event::Lacks::default(),
        created: false,
        deleted: false,
        forced: false,
        commit: None,
        pull_request,
        release: None,
        comment: None,
        sender: None,
        author: None,
        commented_at: None,
    }
}

/// A spec at the root with the module `ci`.
pub(in crate::domain) fn spec() -> Spec {
    Spec {
        path: "pocketci.yaml".to_owned(),
        folder: String::new(),
        name: String::new(),
        target: Target::Module("ci".to_owned()),
        events: None,
        paths: None,
        secrets: Vec::new(),
        ignore: None,
        timeout: None,
        run_timeout: None,
        cancel_superseded: None,
        max_parallel: None,
        concurrency: None,
        on_interrupt: OnInterrupt::Retry,
        summary: true,
        git_depth: GitDepth::Commits(10),
        functions: BTreeMap::new(),
    }
}

/// Arguments: `src!` (required), `filter=opened`, `n:Int!`, `onChanges:[]=["a","b"]`. The type is
/// a String, unless the name is that of something of ours or the type is written.
fn argument(text: &str) -> Argument {
    let (head, default) = match text.split_once('=') {
        Some((head, default)) => (head, Some(default)),
        None => (text, None),
    };
    let required = head.ends_with('!');
    let head = head.trim_end_matches('!');
    let (name, kind) = head.split_once(':').unwrap_or((
        head,
        match head {
            "src" => "Directory",
            "eventTrigger" => "File",
            _ => "String",
        },
    ));
    let kind = match kind {
        "String" => ArgumentKind::String,
        "[]" => ArgumentKind::StringList,
        "Directory" => ArgumentKind::Directory,
        "File" => ArgumentKind::File,
        "Secret" => ArgumentKind::Secret,
        other => ArgumentKind::Other(other.to_owned()),
    };
    let default = default.map(|text| {
        let json = text.starts_with(['[', '"']).then(|| serde_json::from_str(text).unwrap());
        json.unwrap_or(Value::String(text.to_owned()))
    });
    Argument { name: name.to_owned(), kind, default, optional: !required }
}

/// Functions: `testOnPush src! filter=main`, and `-> sync` behind it.
pub(in crate::domain) fn module(functions: &[&str]) -> Module {
    let functions = functions.iter().map(|text| {
        let (text, sync) = match text.strip_suffix(" -> sync") {
            Some(text) => (text, true),
            None => (*text, false),
        };
        let mut words = text.split(' ');
        Function {
            name: words.next().unwrap().to_owned(),
            description: String::new(),
            args: words.map(argument).collect(),
            sync,
        }
    });
    Module { name: "ci".to_owned(), constructor: Vec::new(), functions: functions.collect() }
}

pub(in crate::domain) fn files(files: &[&str]) -> Changes {
    Changes::Files(files.iter().map(|file| (*file).to_owned()).collect())
}

fn list(items: &[&str]) -> Option<Vec<String>> {
    Some(items.iter().map(|item| (*item).to_owned()).collect())
}

fn uses(name: &str, from_env: &str) -> SecretUse {
    SecretUse { name: name.to_owned(), from_env: from_env.to_owned() }
}

/// Everything that a plan is made of, with what most tests want.
struct Case {
    event: Event,
    spec: Spec,
    module: Module,
    changes: Changes,
    fork: bool,
}

fn case(title: &str, functions: &[&str]) -> Case {
    Case {
        event: event(title),
        spec: spec(),
        module: module(functions),
        changes: Changes::NoDiff,
        fork: false,
    }
}

impl Case {
    fn plan(&self) -> Plan {
        let secret = |_: &str, name: &str| match name {
            "UNSET" => SecretAccess::Unset,
            "FORBIDDEN" => SecretAccess::NotAllowed(
                "this repository may not use `FORBIDDEN` (POCKETCI_SECRETS)".to_owned(),
            ),
            _ => SecretAccess::Available,
        };
        let policy = Policy { fork: self.fork, secret: &secret };
        plan(&self.event, &self.spec, &self.module, &self.changes, &policy)
    }

    fn changed(mut self, paths: &[&str]) -> Self {
        self.changes = files(paths);
        self
    }

    fn said(mut self, function: &str, matchers: Matchers) -> Self {
        self.spec.functions.insert(function.to_owned(), matchers);
        self
    }

    fn secrets(mut self, secrets: &[(&str, &str)]) -> Self {
        self.spec.secrets = secrets.iter().map(|(name, env)| uses(name, env)).collect();
        self
    }

    /// Which functions are called, at which level: `2 testOnPush lintOnPush`, or nothing.
    #[track_caller]
    fn calls(self, expected: &str) -> Self {
        let calls = self.plan().calls;
        let level = calls.first().map(|call| call.level.to_string());
        let names = calls.iter().map(|call| call.function.clone());
        let shown: Vec<String> = level.into_iter().chain(names).collect();
        assert_eq!(shown.join(" "), expected, "{}", self.event.title());
        self
    }

    /// The arguments of the first call, as the shell would show them.
    #[track_caller]
    fn argv(self, expected: &str) -> Self {
        let plan = self.plan();
        let places = Places { module_tree: "/m", source: "/s", event_trigger: "/e" };
        let argv = plan.calls.first().map(|call| call.argv(places)).unwrap_or_default();
        assert_eq!(argv.join(" "), expected, "{:?}", plan.reason);
        self
    }

    /// The reason of one function: `skip other_event: its name asks for …`.
    #[track_caller]
    fn says(self, function: &str, expected: &str) -> Self {
        let plan = self.plan();
        let found = plan.functions.iter().find(|decision| decision.name == function).unwrap();
        let decision = match found.decision {
            Decision::Call => "call",
            Decision::Skip => "skip",
            Decision::Error => "error",
        };
        assert_eq!(format!("{decision} {}: {}", found.code, found.text), expected);
        self
    }
}
