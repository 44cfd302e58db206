//! Names, and which level wins.

use super::*;

#[track_caller]
fn check(title: &str, functions: &[&str], expected: &str) {
    case(title, functions).calls(expected);
}

#[test]
fn the_most_specific_level_wins() {
    let all = ["dispatch", "onGithub", "onPush", "onPushMain", "onGithubPush", "onGithubPushMain"];
    check("push main", &all, "1 onGithubPushMain");
    check("push main", &all[..5], "2 onGithubPush");
    check("push main", &all[..4], "3 onPushMain");
    check("push main", &all[..3], "4 onPush");
    check("push main", &all[..2], "5 onGithub");
    check("push main", &all[..1], "6 dispatch");
    check("push main", &[], "");
    check("push dev", &all, "2 onGithubPush");
}

#[test]
fn everything_at_the_level_is_called() {
    check(
        "pull_request opened",
        &["onPullRequest", "testOnPullRequest", "lintOnPullRequest", "build"],
        "4 onPullRequest testOnPullRequest lintOnPullRequest",
    );
    check("push main", &["allDispatch", "dispatch"], "6 allDispatch dispatch");
    check("push main", &["testOnGithub"], "5 testOnGithub");
}

#[test]
fn a_name_must_end_with_the_level() {
    check("push main", &["testOnGithubPush", "testOnPush"], "2 testOnGithubPush");
    check("push main", &["testonGithubPush", "aonGithubPush"], "");
    check("push main", &["onGithubPushed", "onPushTest", "pushOn"], "");
    check("push main", &["onGithubPushMainLine", "onPushmain"], "");
    check("push Main", &["onPushMain"], "3 onPushMain");
    check("push release/1.2", &["onPushRelease12"], "3 onPushRelease12");
    check(
        "pull_request ready_for_review",
        &["onPullRequestReadyForReview"],
        "3 onPullRequestReadyForReview",
    );
}

#[test]
fn an_empty_filter_has_no_names_of_its_own() {
    check("issues", &["onIssues"], "4 onIssues");
    check("push é", &["onPush", "onGithubPush"], "2 onGithubPush");
}

#[test]
fn tags_in_their_order() {
    let all = [
        "dispatch",
        "onGithub",
        "onTag",
        "onTagV12",
        "onGithubPush",
        "onGithubPushRefstagsv12",
        "onGithubTag",
        "onGithubTagV12",
    ];
    check("tag v1.2", &all, "1 onGithubTagV12");
    check("tag v1.2", &all[..7], "2 onGithubTag");
    check("tag v1.2", &all[..6], "1 onGithubPushRefstagsv12");
    check("tag v1.2", &all[..5], "2 onGithubPush");
    check("tag v1.2", &all[..4], "3 onTagV12");
    check("tag v1.2", &all[..3], "4 onTag");
    check("tag v1.2", &all[..2], "5 onGithub");
    check("tag v1.2", &all[..1], "6 dispatch");
    check("tag v1.2", &["onPush", "onPushV12"], "");
}

#[test]
fn a_tag_as_push_is_passed_as_the_original_did() {
    case("tag v1.2", &["onGithubPush filter! event!"])
        .argv("call --progress=plain -m /m/ci on-github-push --filter=refs/tags/v1.2 --event=push");
    case("tag v1.2", &["onTag filter! event!"])
        .argv("call --progress=plain -m /m/ci on-tag --filter=v1.2 --event=tag");
    check("tag v1.2", &["onGithubPush filter=main"], "");
    check(
        "tag v1.2",
        &["onGithubPush event=push", "testOnGithubPush event=tag"],
        "2 onGithubPush testOnGithubPush",
    );
}

#[test]
fn merge_requests_have_both_names() {
    let gitlab = |functions: &[&str], expected: &str| {
        let mut case = case("pull_request opened", functions);
        case.event.vendor = Vendor::Gitlab;
        case.calls(expected);
    };
    gitlab(&["onGitlabPullRequest", "onGitlabMergeRequest"], "2 onGitlabMergeRequest");
    gitlab(&["onGitlabMergeRequest", "onGitlabMergeRequestOpened"], "1 onGitlabMergeRequestOpened");
    gitlab(&["onGitlabPullRequestOpened", "onPullRequest"], "1 onGitlabPullRequestOpened");
    gitlab(&["onMergeRequest", "onPullRequest"], "4 onPullRequest");
    check("pull_request opened", &["onGithubMergeRequest"], "");
}

#[test]
fn commit_push_is_push() {
    check("push main", &["testOnGithubCommitPush"], "2 testOnGithubCommitPush");
    check("push main", &["onCommitPushMain"], "3 onCommitPushMain");
    check(
        "push main",
        &["onGithubCommitPush", "onGithubPush"],
        "2 onGithubCommitPush onGithubPush",
    );
    check("push commit-push", &["onPushCommitPush"], "3 onPushCommitPush");
}

#[test]
fn names_that_say_what_they_are_for_are_no_dispatch() {
    check("push main", &["onWorkflowDispatch", "onGithubRepositoryDispatch"], "");
    check("push main", &["onPushDispatch", "testDispatch"], "6 testDispatch");
    check("push dispatch", &["onPushDispatch"], "3 onPushDispatch");
    check("workflow_dispatch main", &["onWorkflowDispatch"], "4 onWorkflowDispatch");
}

#[test]
fn levels_5_and_6_answer_to_what_runs_code() {
    for title in [
        "push main",
        "tag v1",
        "pull_request opened",
        "pull_request edited",
        "release published",
        "schedule nightly",
        "manual main",
        "upstream a/b",
    ] {
        check(title, &["dispatch"], "6 dispatch");
        check(title, &["onGithub"], "5 onGithub");
    }
    for title in
        ["issues opened", "issue_comment created", "deployment production", "merge_group x"]
    {
        check(title, &["dispatch", "onGithub"], "");
    }
    check("issues opened", &["dispatch event=push,issues"], "6 dispatch");
    check("push main", &["dispatch event=issues"], "");
    case("issues opened", &["dispatch"]).says(
        "dispatch",
        "skip event_not_named: level 6 dispatch answers to issues only when its `event` lists it",
    );
}

#[test]
fn contexts_end_with_the_function() {
    let context = |title: &str, name: &str, function: &str| {
        let mut case = case(title, &[function]);
        case.spec.name = name.to_owned();
        case.plan().calls[0].context.clone()
    };
    assert_eq!(context("push main", "", "testOnPush"), "pocketci/test-on-push");
    assert_eq!(context("push main", "api", "onGithubPushMain"), "pocketci/api/on-github-push-main");
    assert_eq!(context("pull_request opened", "", "dispatch"), "pocketci/pull_request/dispatch");
    assert_eq!(
        context("tag v1", "services/api", "onGithub"),
        "pocketci/services/api/tag/on-github"
    );
}
