//! What is passed, and what cannot be.

use super::*;

#[test]
fn everything_declared_is_passed_and_nothing_else() {
    case("push main", &["onPush"]).argv("call --progress=plain -m /m/ci on-push");
    case("push main", &["onPush src!"]).argv("call --progress=plain -m /m/ci on-push --src=/s");
    case(
        "pull_request opened",
        &["dispatch onChanges:[] vendor! event! filter eventTrigger! src! other=x"],
    )
    .changed(&["a.go", "b c,d.go"])
    .argv(
        "call --progress=plain -m /m/ci dispatch --src=/s --event-trigger=/e --filter=opened \
             --event=pull_request --vendor=github --on-changes=a.go --on-changes=\"b c,d.go\"",
    );
    case("push main", &["onPush onChanges"])
        .changed(&["a.go", "b,c.go"])
        .argv("call --progress=plain -m /m/ci on-push --on-changes=a.go,b,c.go");
    case("push main", &["onPush onChanges"])
        .argv("call --progress=plain -m /m/ci on-push --on-changes=");
    case("push main", &["onPush onChanges:[]!"])
        .argv("call --progress=plain -m /m/ci on-push --on-changes=");
}

#[test]
fn sync_stands_behind_the_flags() {
    case("push main", &["onPush src! -> sync"])
        .argv("call --progress=plain -m /m/ci on-push --src=/s sync");
}

#[test]
fn values_stay_in_their_argument() {
    case("push --help", &["onPush filter"])
        .argv("call --progress=plain -m /m/ci on-push --filter=--help");
}

#[test]
fn changed_files_are_all_of_them_relative_to_the_repository() {
    let mut case = case("push main", &["onPush onChanges=*.go"]).changed(&["x.md", "api/a.go"]);
    case.spec.folder = "api".to_owned();
    case.argv("call --progress=plain -m /m/ci on-push --on-changes=x.md,api/a.go");
}

#[test]
fn a_secret_is_passed_by_its_variables_name() {
    let secrets = [("ghPassword", "GITHUB_TOKEN"), ("unused", "OTHER")];
    let plan = case("push main", &["onPush ghPassword:Secret!"])
        .secrets(&secrets)
        .argv("call --progress=plain -m /m/ci on-push --gh-password=env:GITHUB_TOKEN")
        .plan();
    assert_eq!(plan.calls[0].secrets(), ["GITHUB_TOKEN"]);
    case("push main", &["onPush ghPassword:Secret!"])
        .secrets(&[("gh-password", "GITHUB_TOKEN")])
        .argv("call --progress=plain -m /m/ci on-push --gh-password=env:GITHUB_TOKEN");
    case("push main", &["onPush"]).secrets(&secrets).argv("call --progress=plain -m /m/ci on-push");
}

#[track_caller]
fn check_error(function: &str, secrets: &[(&str, &str)], expected: &str) {
    let case = case("push main", &[function, "testOnPush", "dispatch"]).secrets(secrets);
    let name = function.split(' ').next().unwrap();
    // It stops its level, and the others at the level still run.
    case.says(name, expected).calls("4 testOnPush");
}

#[test]
fn what_cannot_be_filled_is_said() {
    check_error(
        "onPush address!",
        &[],
        "error argument_unfilled: Required argument `address` (String) of `onPush` cannot be \
         filled: give it a default or make it optional",
    );
    check_error(
        "onPush ghPassword:Secret!",
        &[],
        "error argument_unfilled: Required argument `ghPassword` (Secret) of `onPush` cannot be \
         filled: name it in `secrets` of pocketci.yaml or make it optional",
    );
    check_error(
        "onPush filter:Int!",
        &[],
        "error argument_unfilled: Required argument `filter` (Int) of `onPush` cannot be filled: \
         give it a default or make it optional",
    );
    check_error(
        "onPush token",
        &[("token", "TOKEN")],
        "error not_a_secret: Argument `token` of `onPush` is a String, and a secret only fills a \
         Secret: change its type",
    );
    check_error(
        "onPush token:Secret!",
        &[("token", "UNSET")],
        "error secret_unset: Required secret `token` of `onPush` cannot be passed: `UNSET` is not \
         set where the agent runs",
    );
    check_error(
        "onPush token:Secret!",
        &[("token", "FORBIDDEN")],
        "error secret_not_allowed: Required secret `token` of `onPush` cannot be passed: this \
         repository may not use `FORBIDDEN` (POCKETCI_SECRETS)",
    );
}

#[test]
fn an_optional_secret_is_left_out_with_a_note() {
    let case = case("push main", &["onPush token:Secret"]).secrets(&[("token", "UNSET")]);
    let plan = case.argv("call --progress=plain -m /m/ci on-push").plan();
    let note = "Secret `token` of `onPush` is not passed: `UNSET` is not set where the agent runs";
    assert_eq!(plan.calls[0].notes, [note]);
}

#[test]
fn forks_get_no_secrets() {
    let functions = ["onPullRequest token:Secret!", "testOnPullRequest token:Secret"];
    let mut case = case("pull_request opened", &functions).secrets(&[("token", "TOKEN")]);
    case.fork = true;
    case.says(
        "onPullRequest",
        "error fork_secret: Required secret `token` of `onPullRequest` cannot be passed: \
         commits from forks get no secrets",
    )
    .argv("call --progress=plain -m /m/ci test-on-pull-request");
}

#[test]
fn an_error_alone_stops_the_level_too() {
    let plan = case("push main", &["onGithubPush address!", "onPush", "dispatch"]).plan();
    assert_eq!(plan.decision, Decision::Error);
    assert_eq!(plan.reason.unwrap().code, "function_errors");
    assert_eq!(plan.functions[0].context.as_deref(), Some("pocketci/on-github-push"));
    assert_eq!(
        plan.functions[1].text,
        "level 4 onPush: a more specific function has an error (onGithubPush, level 2)"
    );
}

#[test]
fn the_constructor_is_filled_first() {
    let with = |constructor: &[&str]| {
        let mut case = case("push main", &["onPush src!", "testOnPush"]);
        case.module.constructor = constructor.iter().map(|text| argument(text)).collect();
        case.secrets(&[("token", "TOKEN")])
    };
    with(&["src!", "token:Secret!", "greeting=hello"])
        .argv("call --progress=plain -m /m/ci --src=/s --token=env:TOKEN on-push --src=/s");
    // Its defaults are no matchers.
    with(&["filter=dev"]).argv("call --progress=plain -m /m/ci --filter=main on-push --src=/s");
    let text = "error argument_unfilled: Required argument `rootfs` (Directory) of the \
                constructor cannot be filled: give it a default or make it optional";
    with(&["rootfs:Directory!"]).says("onPush", text).says("testOnPush", text).calls("");
}

#[test]
fn changed_files_are_cut_at_a_file() {
    let long: Vec<String> = (0..3000).map(|n| format!("{n:04}{}", "x".repeat(96))).collect();
    let paths: Vec<&str> = long.iter().map(String::as_str).collect();
    let plan = case("push main", &["onPush onChanges"]).changed(&paths).plan();
    let places = Places { module_tree: "/m", source: "/s", event_trigger: "/e" };
    let argv = plan.calls[0].argv(places);
    let last = argv.last().unwrap();
    // With the zero at its end it fits, and one more file would not have.
    assert!(last.len() < 128 * 1024 && last.len() + 102 > 128 * 1024, "{}", last.len());
    assert!(last.ends_with(&format!(",{}", long[1296])));
    assert_eq!(
        plan.calls[0].notes,
        ["onChanges holds the first 1297 of 3000 changed files, because more do not fit into an \
          argument; `changes` in the event trigger holds them all"]
    );
    let list = case("push main", &["onPush onChanges:[]"]).changed(&paths).plan();
    assert_eq!(list.calls[0].argv(places).len(), 5 + 3000);
    assert!(list.calls[0].notes.is_empty());
}
