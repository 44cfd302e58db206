//! Defaults and `functions:` as matchers, and the rules of pull requests.

use super::*;

#[track_caller]
fn check(title: &str, function: &str, expected: bool) {
    let plan = case(title, &[function]).plan();
    assert_eq!(plan.calls.len(), usize::from(expected), "{title} on {function}");
}

#[test]
fn defaults_list_what_is_answered() {
    check("pull_request opened", "onPullRequest filter=opened,synchronize", true);
    check("pull_request closed", "onPullRequest filter=opened,synchronize", false);
    check("pull_request closed", "onPullRequest filter=opened,closed", true);
    check("pull_request opened", r#"onPullRequest filter:[]=["opened","edited"]"#, true);
    check("pull_request closed", r#"onPullRequest filter:[]=["opened","edited"]"#, false);
    check("push main", "dispatch vendor=gitlab,github", true);
    check("push main", "dispatch vendor=gitlab", false);
    check("push main", "dispatch event=pull_request", false);
    check("push main", r#"dispatch event:[]=["push"]"#, true);
    check("push main", "onPush filter=mainline", false);
    check("push main", "onPush vendor=gitea", false);
}

#[test]
fn an_empty_default_restricts_nothing() {
    check("push main", "onPush filter=", true);
    check("push main", "onPush filter:[]=[]", true);
    check("pull_request edited", "onPullRequest filter=", true);
}

#[test]
fn on_changes_wants_one_file() {
    #[track_caller]
    fn check(globs: &str, changed: &[&str], expected: bool) {
        let case = case("push main", &[&format!("onPush onChanges{globs}")]).changed(changed);
        assert_eq!(case.plan().calls.len(), usize::from(expected), "{globs} on {changed:?}");
    }
    check("=**/**.go,go.*", &["main.go"], true);
    check("=**/**.go,go.*", &["README.md", "go.mod"], true);
    check("=**/**.go,go.*", &["README.md"], false);
    check("=**/**.go,go.*", &[], false);
    check("=*.{rs,toml}", &["Cargo.toml"], true);
    check("=**/*.rs,!target/**", &["target/a.rs"], false);
    check(r#":[]=["docs/**","*.md"]"#, &["README.md"], true);
    check(r#":[]="docs/**,*.md""#, &["README.md"], true);
    check("", &["README.md"], true);
    check("", &[], true);
}

#[test]
fn no_diff_satisfies_on_changes() {
    check("push main", "onPush onChanges=docs/**", true);
}

#[test]
fn on_changes_is_relative_to_the_folder() {
    let in_folder = |changed: &[&str], expected: &str| {
        let mut case = case("push main", &["onPush onChanges=*.go"]).changed(changed);
        case.spec.folder = "services/api".to_owned();
        case.calls(expected);
    };
    in_folder(&["services/api/main.go"], "4 onPush");
    in_folder(&["main.go", "services/api/README.md"], "");
    in_folder(&["services/apix/main.go"], "");
}

#[test]
fn functions_in_the_spec_win_over_defaults() {
    let filter = |items: &[&str]| Matchers { filter: list(items), ..Matchers::default() };
    let with = |function: &str, name: &str, matchers: Matchers, expected: &str| {
        case("pull_request opened", &[function]).said(name, matchers).calls(expected);
    };
    with("onPullRequest filter=opened", "onPullRequest", filter(&["closed"]), "");
    with("onPullRequest filter=closed", "onPullRequest", filter(&["opened"]), "4 onPullRequest");
    with("onPullRequest", "on-pull-request", filter(&["closed"]), "");
    with("onPullRequest filter=opened", "other", filter(&["closed"]), "4 onPullRequest");
    with("onPullRequest filter=closed", "onPullRequest", filter(&[]), "4 onPullRequest");
    // Field by field: the default of `filter` stays.
    let vendor = Matchers { vendor: list(&["github"]), ..Matchers::default() };
    with("onPullRequest filter=closed", "onPullRequest", vendor, "");
    let changes = Matchers { on_changes: list(&["**/*.rs"]), ..Matchers::default() };
    case("push main", &["onPush"]).said("onPush", changes.clone()).changed(&["a.md"]).calls("");
    case("push main", &["onPush"]).said("onPush", changes).changed(&["a/b.rs"]).calls("4 onPush");
}

#[test]
fn pull_requests_at_levels_2_and_4() {
    for action in ["opened", "synchronize", "reopened", "ready_for_review"] {
        check(&format!("pull_request {action}"), "onPullRequest", true);
        check(&format!("pull_request {action}"), "onGithubPullRequest filter!", true);
    }
    for action in ["edited", "labeled", "closed", "review_requested"] {
        let title = format!("pull_request {action}");
        check(&title, "onPullRequest", false);
        check(&title, "onGithubPullRequest", false);
        check(&title, "onPullRequest filter!", true);
        check(&title, "onGithubPullRequest filter", true);
        check(&title, &format!("onPullRequest filter={action}"), true);
        check(&title, "onGithub", true);
        check(&title, "dispatch", true);
    }
    check("pull_request labeled", "onPullRequestLabeled", true);
    let named = Matchers { filter: list(&["edited"]), ..Matchers::default() };
    case("pull_request edited", &["onPullRequest"])
        .said("onPullRequest", named)
        .calls("4 onPullRequest");
}

#[test]
fn statuses_of_other_actions_need_a_name() {
    #[track_caller]
    fn posts(title: &str, function: &str, expected: bool) {
        assert_eq!(case(title, &[function]).plan().calls[0].posts_status, expected, "{function}");
    }
    posts("pull_request opened", "onPullRequest filter", true);
    posts("pull_request edited", "onPullRequest filter", false);
    posts("pull_request edited", "onPullRequest filter=edited", true);
    posts("pull_request edited", "onPullRequestEdited", true);
    posts("pull_request edited", "onGithubPullRequestEdited", true);
    posts("pull_request edited", "dispatch", false);
    posts("pull_request edited", "dispatch filter=edited", true);
    posts("issues edited", "onIssues", true);
    let named = Matchers { filter: list(&["edited"]), ..Matchers::default() };
    let case = case("pull_request edited", &["onPullRequest"]).said("onPullRequest", named);
    assert!(case.plan().calls[0].posts_status);
}

#[test]
fn a_refusal_falls_through_to_the_next_level() {
    case("push main", &["onGithubPush filter=dev", "onPush", "dispatch"]).calls("4 onPush");
    case("push main", &["onGithubPush onChanges=*.go", "dispatch"])
        .changed(&["a.md"])
        .calls("6 dispatch");
}

#[test]
fn a_bad_glob_is_an_error_and_stops_its_level() {
    case("push main", &["onGithubPush onChanges={a", "onPush"]).changed(&["a"]).calls("").says(
        "onGithubPush",
        "error bad_glob: onChanges: `{a` is not a glob: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)",
    );
}

#[test]
fn spec_filters_come_first() {
    let mut case = case("push main", &["onPush"]).changed(&["a.md"]);
    case.spec.folder = "api".to_owned();
    let plan = case.plan();
    assert_eq!(plan.decision, Decision::Skip);
    assert_eq!(plan.reason.unwrap().code, "spec_paths");
    case.says("onPush", "skip spec_paths: paths ** below api does not match the changed file a.md");
}

#[test]
fn commands_are_matched_alike() {
    let commands = |title: &str| {
        let matchers = Matchers { filter: list(&["opened", "edited"]), ..Matchers::default() };
        let commands = vec![
            Command { name: "lintOnPullRequest".to_owned(), run: "./lint.sh".to_owned(), matchers },
            Command {
                name: "testOnPullRequest".to_owned(),
                run: "cargo test".to_owned(),
                matchers: Matchers::default(),
            },
        ];
        let mut case = case(title, &[]);
        case.module = Module::of_commands(&commands);
        case.spec.target = Target::Commands(commands);
        case.secrets(&[("token", "GITHUB_TOKEN"), ("other", "UNSET"), ("again", "GITHUB_TOKEN")])
    };
    let opened = commands("pull_request opened").calls("4 lintOnPullRequest testOnPullRequest");
    let call = opened.plan().calls.remove(1);
    let secrets = vec!["GITHUB_TOKEN".to_owned()];
    assert_eq!(call.action, Action::Shell { run: "cargo test".to_owned(), secrets });
    assert_eq!(call.notes, ["A secret is not passed: `UNSET` is not set where the agent runs"]);
    commands("pull_request edited").calls("4 lintOnPullRequest");
    commands("pull_request synchronize").calls("4 testOnPullRequest");
    let mut fork = commands("pull_request synchronize");
    fork.fork = true;
    assert_eq!(fork.plan().decision, Decision::Error);
    fork.says(
        "testOnPullRequest",
        "error fork_command: Command `testOnPullRequest` never runs for a commit from a \
         fork: it would have the agent's own rights",
    );
}
