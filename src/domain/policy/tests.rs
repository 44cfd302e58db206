use proptest::prelude::*;

use super::*;
use crate::domain::event::tests::{pull_request, push, tag};
use crate::domain::event::{Event, Release};
use crate::domain::ids::Vendor::{Gitea, Github};

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn repo(name: &str) -> RepoName {
    name.parse().unwrap()
}

fn rule(patterns: &[&str]) -> Rule {
    Rule {
        repositories: Repositories::new(&strings(patterns)).unwrap(),
        forks: None,
        trusted: None,
        dotenv: None,
        host_commands: None,
        secrets: None,
    }
}

fn policy(rules: Vec<Rule>) -> Policy {
    let defaults = Defaults { secrets: strings(&["LISTED", "EMPTY"]), ..Defaults::default() };
    Policy::new(defaults, rules, ["LISTED", "KEY", "OTHER"].map(str::to_owned).into())
}

fn secret(name: &str, variable: &str) -> SecretRule {
    let source = Source::Env(variable.to_owned());
    SecretRule { name: name.to_owned(), source, events: None, refs: None, functions: None }
}

fn with(secrets: Vec<SecretRule>) -> Policy {
    policy(vec![Rule { secrets: Some(secrets), ..rule(&["acme/*"]) }])
}

/// What a function is given under a name for an event in `acme/app`, in a word.
fn told(policy: &Policy, event: &Event, function: &str, name: &str) -> String {
    match policy.secret(Github, &repo("acme/app"), event, function, name) {
        SecretUse::Value(Source::Env(variable)) => format!("env {variable}"),
        SecretUse::Value(other) => format!("{other:?}"),
        SecretUse::Address(address) => address,
        SecretUse::Unset => "unset".to_owned(),
        SecretUse::NotAllowed { hint } => hint,
    }
}

#[test]
fn matches_name_repositories() {
    #[track_caller]
    fn check(patterns: &[&str], forge: &str, name: &str, expected: bool) {
        let repositories = Repositories::new(&strings(patterns)).unwrap();
        assert_eq!(repositories.matches(forge, &repo(name)), expected, "{patterns:?} {name}");
    }
    check(&["acme/app"], "github", "acme/app", true);
    check(&["acme/app"], "github", "acme/apps", false);
    check(&["Acme/App"], "github", "acme/aPP", true);
    check(&["acme/*"], "gitea:work", "acme/app", true);
    check(&["acme/*"], "github", "acme/group/app", false);
    check(&["acme/**"], "gitlab", "acme/group/app", true);
    check(&["**"], "github", "a/b", true);
    check(&["a/b", "c/d"], "github", "c/d", true);
    check(&["acme/*", "!acme/app"], "github", "acme/app", false);
    check(&["!acme/app", "acme/*"], "github", "acme/app", false);
    check(&["acme/*", "!gitea/acme/*"], "github", "acme/app", true);
    check(&["github/acme/app"], "github", "acme/app", true);
    check(&["github/acme/app"], "gitea", "acme/app", false);
    check(&["gitea:work/acme/app"], "gitea:work", "acme/app", true);
    check(&["gitea:work/acme/app"], "gitea", "acme/app", false);
    check(&["gitea/acme/app"], "gitea:work", "acme/app", false);
    check(&["gitea:work/**"], "gitea:work", "x/y", true);
    check(&["gitea:work/**"], "github", "x/y", false);
    check(&["github/docs"], "gitea", "github/docs", true);
}

#[test]
fn what_names_no_repository_is_an_error() {
    #[track_caller]
    fn check(patterns: &[&str], part: &str) {
        let error = Repositories::new(&strings(patterns)).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    check(&["acme"], "`acme` names no repository");
    check(&["*"], "`*` names no repository");
    check(&["gitea:work/"], "names no repository");
    check(&["acme/[a"], "is not a glob");
    check(&["!acme/app"], "only excludes");
}

#[test]
fn of_two_entries_the_later_wins_and_silence_changes_nothing() {
    let policy = policy(vec![
        Rule { forks: Some(Forks::Never), dotenv: Some(true), ..rule(&["**"]) },
        Rule { forks: Some(Forks::Run), host_commands: Some(true), ..rule(&["acme/*"]) },
        Rule { dotenv: Some(false), ..rule(&["acme/app"]) },
    ]);
    assert_eq!(policy.forks(Github, &repo("acme/app")), Forks::Run);
    assert_eq!(policy.forks(Github, &repo("else/app")), Forks::Never);
    assert!(policy.host_commands(Github, &repo("acme/app")));
    assert!(!policy.host_commands(Github, &repo("else/app")));
    assert!(!policy.dotenv(Github, &repo("acme/app")));
    assert!(policy.dotenv(Gitea, &repo("acme/other")));
}

#[test]
fn without_entries_the_variables_hold() {
    let defaults = Defaults { forks: Forks::Never, host_commands: true, secrets: Vec::new() };
    let policy = Policy::new(defaults, Vec::new(), BTreeSet::new());
    assert_eq!(policy.forks(Github, &repo("a/b")), Forks::Never);
    assert!(policy.host_commands(Github, &repo("a/b")));
    assert!(!policy.dotenv(Github, &repo("a/b")));
}

#[test]
fn users_are_trusted_by_login_or_id() {
    let trusted = vec![Trusted::Login("alice".to_owned()), Trusted::Id("7".to_owned())];
    let policy = policy(vec![Rule { trusted: Some(trusted), ..rule(&["acme/*"]) }]);
    let trusts = |name: &str, login: &str, id: &str| {
        let sender = Sender { login: login.to_owned(), id: id.to_owned() };
        policy.trusts(Github, &repo(name), &sender)
    };
    assert!(trusts("acme/app", "Alice", "1"));
    assert!(trusts("acme/app", "renamed", "7"));
    assert!(!trusts("acme/app", "mallory", "8"));
    // An id is no login, and a login no id.
    assert!(!trusts("acme/app", "7", "alice"));
    assert!(!trusts("else/app", "alice", "7"));
}

#[test]
fn without_a_file_every_repository_has_what_is_listed() {
    let policy = policy(vec![Rule { forks: Some(Forks::Run), ..rule(&["**"]) }]);
    let event = push("main", '1', '2');
    let told = |name: &str| told(&policy, &event, "testOnPush", name);
    assert_eq!(told("LISTED"), "env LISTED");
    assert_eq!(told("EMPTY"), "unset");
    assert_eq!(
        told("KEY"),
        "this repository may not use `KEY` (POCKETCI_SECRETS, or `repositories` in POCKETCI_CONFIG)"
    );
    for name in ["X_HUB_SIGNATURE", "POCKETCI_URL", "pocketci_url"] {
        assert_eq!(told(name), format!("`{name}` is the agent's own and is never handed out"));
    }
}

#[test]
fn a_file_that_speaks_of_secrets_speaks_of_all() {
    let policy = with(vec![secret("MINE", "KEY")]);
    let event = push("main", '1', '2');
    assert_eq!(told(&policy, &event, "testOnPush", "MINE"), "env KEY");
    let hint = "this repository may not use `LISTED` (`repositories` in POCKETCI_CONFIG)";
    assert_eq!(told(&policy, &event, "testOnPush", "LISTED"), hint);
    let elsewhere = policy.secret(Github, &repo("else/app"), &event, "testOnPush", "MINE");
    assert!(matches!(elsewhere, SecretUse::NotAllowed { .. }), "{elsewhere:?}");
}

#[test]
fn secrets_add_up_and_the_last_that_is_allowed_counts() {
    let events = |events: &[&str], secret| SecretRule { events: Some(strings(events)), ..secret };
    let policy = policy(vec![
        Rule { secrets: Some(vec![secret("A", "KEY")]), ..rule(&["**"]) },
        Rule {
            secrets: Some(vec![events(&["tag"], secret("A", "OTHER")), secret("B", "UNSET")]),
            ..rule(&["acme/app"])
        },
    ]);
    assert_eq!(told(&policy, &push("main", '1', '2'), "f", "A"), "env KEY");
    assert_eq!(told(&policy, &tag("v1", '2'), "f", "A"), "env OTHER");
    assert_eq!(told(&policy, &push("main", '1', '2'), "f", "B"), "unset");
}

#[test]
fn a_secret_is_for_its_events_and_functions() {
    let functions = Some(Patterns::new(&strings(&["deploy*"])).unwrap());
    let events = Some(strings(&["push"]));
    let policy = with(vec![SecretRule { events, functions, ..secret("A", "KEY") }]);
    let (push, tag) = (push("main", '1', '2'), tag("v1", '2'));
    assert_eq!(told(&policy, &push, "deployOnPush", "A"), "env KEY");
    assert_eq!(
        told(&policy, &push, "testOnPush", "A"),
        "`A` is not for `testOnPush` (its `functions` in POCKETCI_CONFIG)"
    );
    assert_eq!(
        told(&policy, &tag, "deployOnTag", "A"),
        "`A` is not for `tag` events (its `events` in POCKETCI_CONFIG)"
    );
}

/// Whether a secret for these references reaches what runs for an event.
#[track_caller]
fn reaches(refs: &[&str], event: &Event, expected: bool) {
    let refs = Some(Refs::new(&strings(refs)).unwrap());
    let policy = with(vec![SecretRule { refs, ..secret("A", "KEY") }]);
    let told = told(&policy, event, "f", "A");
    assert_eq!(told == "env KEY", expected, "{told}");
    assert!(told == "env KEY" || told.contains("`refs`") || told.contains("fork"), "{told}");
}

#[test]
fn a_secret_is_for_the_branch_or_tag_of_what_runs() {
    reaches(&["main"], &push("main", '1', '2'), true);
    reaches(&["main"], &push("main2", '1', '2'), false);
    reaches(&["main"], &push("feature/main", '1', '2'), false);
    reaches(&["release/**", "!release/old/**"], &push("release/1", '1', '2'), true);
    reaches(&["release/**", "!release/old/**"], &push("release/old/1", '1', '2'), false);
    reaches(&["v*"], &tag("v1", '2'), true);
    reaches(&["v*"], &tag("w1", '2'), false);
    // A tag that is named like a branch.
    reaches(&["main"], &tag("main", '2'), true);
    reaches(&["refs/heads/main"], &tag("main", '2'), false);
    reaches(&["refs/heads/main"], &push("main", '1', '2'), true);
    reaches(&["refs/tags/**"], &push("refs/tags/x", '1', '2'), false);
}

#[test]
fn a_secret_for_a_branch_never_reaches_a_pull_request_into_it() {
    let own = pull_request("opened", '2');
    reaches(&["main"], &own, false);
    reaches(&["feature"], &own, true);
    let mut fork = pull_request("opened", '2');
    if let Some(pull) = &mut fork.pull_request {
        pull.fork = true;
        pull.head.reference = "main".to_owned();
    }
    reaches(&["main"], &fork, false);
    reaches(&["**"], &fork, false);
}

#[test]
fn what_anybody_may_have_chosen_is_on_no_branch() {
    let kinds = ["commit_comment", "check_run", "check_suite", "deployment", "issue_comment"];
    for kind in kinds.into_iter().chain(["issues", "anything"]) {
        let event = Event { event_type: kind.to_owned(), ..push("main", '1', '2') };
        reaches(&["main", "**"], &event, false);
    }
}

#[test]
fn other_events_are_where_they_say_or_on_the_default_branch() {
    let of = |kind: &str, event| Event { event_type: kind.to_owned(), ..event };
    reaches(&["main"], &of("workflow_dispatch", push("main", '1', '2')), true);
    let nowhere = |kind| of(kind, Event { reference: None, ..push("x", '1', '2') });
    reaches(&["main"], &nowhere("workflow_dispatch"), false);
    reaches(&["main"], &nowhere("schedule"), true);
    let release = |draft| Release {
        tag: "v1".to_owned(),
        name: String::new(),
        action: "published".to_owned(),
        url: String::new(),
        body: String::new(),
        draft,
        prerelease: false,
    };
    let released = |draft| Event { release: Some(release(draft)), ..nowhere("release") };
    reaches(&["v*"], &released(false), true);
    reaches(&["v*"], &released(true), false);
}

#[test]
fn addresses_are_for_dagger() {
    let source = Source::Dagger("op://vault/item".to_owned());
    let policy = with(vec![SecretRule { source, ..secret("A", "") }]);
    assert_eq!(told(&policy, &push("main", '1', '2'), "f", "A"), "op://vault/item");
}

proptest! {
    /// However a policy is put together: a fork has nothing, the agent's own names are nobody's,
    /// and what is given is what some entry for the repository names.
    #[test]
    fn nothing_is_given_that_no_entry_names(
        entries in prop::collection::vec(
            ("acme/app|acme/\\*|\\*\\*|else/app|!acme/app", "[A-C]|POCKETCI_X|X_HUB_SIGNATURE", 0..4usize),
            0..5,
        ),
        name in "[A-D]|POCKETCI_X|X_HUB_SIGNATURE|LISTED",
        fork in any::<bool>(),
    ) {
        let kinds = ["push", "tag", "pull_request", "release"];
        let rules: Vec<Rule> = entries.iter().filter_map(|(pattern, secret_name, kind)| {
            let repositories = Repositories::new(&strings(&[pattern])).ok()?;
            let events = Some(strings(&[kinds[*kind]]));
            let secrets = Some(vec![SecretRule { events, ..secret(secret_name, "KEY") }]);
            Some(Rule { repositories, secrets, ..rule(&["**"]) })
        }).collect();
        let policy = policy(rules.clone());
        let mut event = pull_request("opened", '2');
        if let Some(pull) = &mut event.pull_request {
            pull.fork = fork;
        }
        let given = !matches!(
            policy.secret(Github, &repo("acme/app"), &event, "f", &name),
            SecretUse::NotAllowed { .. }
        );
        let named = rules.iter().any(|rule| {
            rule.repositories.matches("github", &repo("acme/app"))
                && rule.secrets.iter().flatten().any(|secret| {
                    secret.name == name && secret.events == Some(strings(&["pull_request"]))
                })
        });
        let listed = rules.is_empty() && name == "LISTED";
        prop_assert_eq!(given, !fork && !is_the_agents(&name) && (named || listed));
    }
}
