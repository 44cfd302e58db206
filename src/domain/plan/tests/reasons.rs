//! The words.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(title: &str, function: &str, expected: &str) {
    let name = function.split(' ').next().unwrap();
    case(title, &[function]).changed(&["a.rs", "b.rs", "c.rs"]).says(name, expected);
}

#[test]
fn by_name() {
    check("push main", "build", "skip no_event: its name asks for no event");
    check("push main", "onTime", "skip no_event: its name asks for no event");
    check(
        "push main",
        "lintOnPullRequest",
        "skip other_event: its name asks for another event (pull_request)",
    );
    check(
        "push main",
        "onPullRequestReviewSubmitted",
        "skip other_event: its name asks for another event (pull_request_review)",
    );
    check("push dev", "onPushMain", "skip other_filter: its name asks for push main, not dev");
    check(
        "pull_request edited",
        "onGithubPullRequestReadyForReview",
        "skip other_filter: its name asks for pull_request ready_for_review, not edited",
    );
    check(
        "push main",
        "testOnGitlabPush",
        "skip other_vendor: its name asks for another forge (gitlab)",
    );
    check("push main", "onGitea", "skip other_vendor: its name asks for another forge (gitea)");
    check("tag v1", "onPush", "skip other_event: its name asks for another event (push)");
    check("tag v1", "onTagV2", "skip other_filter: its name asks for tag v-2, not v1");
    check(
        "tag v1",
        "onGithubPushMain",
        "skip other_filter: its name asks for push main, not refs/tags/v1",
    );
}

#[test]
fn by_matchers() {
    check("push main", "onPush", "call called: level 4 onPush");
    check(
        "push main",
        "onPush onChanges=docs/**",
        "skip changes_unmatched: onChanges docs/** matches none of 3 changed files",
    );
    check(
        "pull_request edited",
        "onPullRequest filter=opened,synchronize",
        "skip filter_not_listed: filter opened,synchronize does not list edited",
    );
    check(
        "issues",
        "onIssues filter=opened",
        "skip filter_not_listed: filter opened does not list an empty filter",
    );
    check(
        "pull_request edited",
        "onPullRequest",
        "skip action_not_named: without a `filter` it answers to opened, synchronize, reopened \
         and ready_for_review, not edited",
    );
    check(
        "push main",
        "dispatch vendor=gitlab",
        "skip vendor_not_listed: vendor gitlab does not list github",
    );
    check(
        "push main",
        "onGithub event=pull_request,release",
        "skip event_not_listed: event pull_request,release does not list push",
    );
}

#[test]
fn one_changed_file_or_none() {
    let functions = ["onPush onChanges=docs/**"];
    case("push main", &functions).changed(&["a.rs"]).says(
        "onPush",
        "skip changes_unmatched: onChanges docs/** does not match the changed file a.rs",
    );
    case("push main", &functions).changed(&[]).says(
        "onPush",
        "skip changes_unmatched: onChanges docs/** matches nothing, because no file changed",
    );
}

#[test]
fn later_levels_name_who_won() {
    case("push main", &["dispatch", "onPush", "testOnGithubPush"])
        .says(
            "onPush",
            "skip more_specific: level 4 onPush: a more specific function was called \
             (testOnGithubPush, level 2)",
        )
        .says(
            "dispatch",
            "skip more_specific: level 6 dispatch: a more specific function was called \
             (testOnGithubPush, level 2)",
        );
}

#[track_caller]
fn check_nothing(title: &str, functions: &[&str], expected: &str) {
    let plan = case(title, functions).changed(&["a.rs"]).plan();
    let reason = plan.reason.unwrap();
    assert_eq!(format!("{}: {}", reason.code, reason.text), expected);
    assert!(plan.calls.is_empty());
    assert_eq!(plan.functions.len(), functions.len());
}

#[test]
fn nothing_to_call() {
    check_nothing("push dev", &["build"], "no_function: no function for push to dev");
    check_nothing("push dev", &["onPushMain"], "no_function: no function for push to dev");
    check_nothing(
        "pull_request opened",
        &["onPullRequest filter=closed"],
        "not_admitted: no function for pull_request opened: filter closed does not list opened",
    );
    check_nothing(
        "push dev",
        &["onPush onChanges=*.go", "testOnPush onChanges=*.md"],
        "not_admitted: no function for push to dev: 2 are named for it, none answers",
    );
    check_nothing("tag v1", &[], "no_function: no function for tag v1");
}

#[test]
fn codes_are_pinned() {
    let words: Vec<&str> = ReasonCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(
        words.join(" "),
        "no_repository no_spec commit_gone no_such_ref forks_never skip_ci asked_of_app installation_changed twin command own_comment \
         not_a_writer spec_error no_module module_outside \
         module_broken commands_not_allowed spec_event spec_paths no_function not_admitted function_errors called no_event \
         other_event other_vendor other_filter vendor_not_listed event_not_listed \
         filter_not_listed action_not_named event_not_named changes_unmatched more_specific \
         bad_glob argument_unfilled not_a_secret fork_secret secret_unset secret_not_allowed \
         fork_command"
    );
}

#[test]
fn a_plan_survives_being_kept() {
    let plan = case("push main", &["onPush src! onChanges", "build", "testOnPush x!"]).plan();
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
}

proptest! {
    /// Whatever functions are called, every one gets a word, and only one level is called.
    #[test]
    fn every_function_is_explained(
        names in prop::collection::vec("(a|test)?(On|on)?(Github|Gitlab)?(CommitPush|Push|Tag|PullRequest|Dispatch|é)?(Main|V1|Opened)?( x!| filter=main| onChanges=\\*| event)?", 0..6),
        title in "(push|tag|pull_request|issues)( main| v1| opened| é)?",
    ) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let plan = case(&title, &names).changed(&["a", "b"]).plan();
        prop_assert_eq!(plan.functions.len(), names.len());
        prop_assert!(plan.functions.iter().all(|f| !f.text.is_empty() && !f.code.is_empty()));
        prop_assert!(plan.calls.windows(2).all(|pair| pair[0].level == pair[1].level));
        prop_assert_eq!(plan.reason.is_none(), !plan.calls.is_empty());
        let called = plan.functions.iter().filter(|f| f.decision == Decision::Call).count();
        prop_assert_eq!(called, plan.calls.len());
    }
}
