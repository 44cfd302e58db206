use super::*;
use crate::domain::run::CommitState;

/// Told: `ci` is `success`, `Passed`, by run 7, post 100. Is it lost where the forge shows this?
#[track_caller]
fn check(shown: Option<(i64, &str, &str, &str)>, expected: bool) {
    let status = Status {
        context: "ci".to_owned(),
        state: CommitState::Success,
        description: "Passed".to_owned(),
    };
    let told = Told {
        status: &status,
        target_url: "https://ci.example/runs/7",
        run: Some(RunId(7)),
        post: Some(100),
    };
    let posted = shown.map(|(post, state, description, target_url)| Posted {
        post: Some(post),
        context: "CI".to_owned(),
        state: state.to_owned(),
        description: description.to_owned(),
        target_url: target_url.to_owned(),
    });
    let other = Posted {
        post: Some(200),
        context: "lint".to_owned(),
        state: "error".to_owned(),
        description: String::new(),
        target_url: "https://ci.example/runs/7".to_owned(),
    };
    let shown: Vec<Posted> = posted.into_iter().chain([other]).collect();
    assert_eq!(is_lost(&told, &shown, "https://ci.example"), expected, "{shown:?}");
}

const OURS: &str = "https://ci.example/runs/7";

#[test]
fn what_is_shown_as_told_is_well() {
    check(Some((100, "success", "Passed", OURS)), false);
    check(Some((101, "success", "Passed", OURS)), false);
    check(Some((100, "success", " Passed\n", OURS)), false);
}

#[test]
fn an_error_that_a_forge_calls_a_failure_is_well() {
    let status = Status {
        context: "CI".to_owned(),
        state: CommitState::Error,
        description: "Lost".to_owned(),
    };
    let told = Told { status: &status, target_url: OURS, run: Some(RunId(7)), post: None };
    let shown = |state: &str| Posted {
        post: None,
        context: "CI".to_owned(),
        state: state.to_owned(),
        description: "Lost".to_owned(),
        target_url: OURS.to_owned(),
    };
    assert!(!is_lost(&told, &[shown("failure")], "https://ci.example"));
    assert!(is_lost(&told, &[shown("success")], "https://ci.example"));
}

#[test]
fn what_is_not_shown_is_lost() {
    check(None, true);
}

#[test]
fn an_older_post_of_ours_that_came_later_is_mended() {
    check(Some((101, "pending", "Queued", OURS)), true);
    check(Some((99, "pending", "Queued", OURS)), true);
    check(Some((101, "failure", "Failed", "https://ci.example/runs/6")), true);
    check(Some((101, "pending", "Queued", "https://ci.example/deliveries/3")), true);
}

#[test]
fn what_is_newer_than_we_know_stays() {
    check(Some((101, "pending", "Queued", "https://ci.example/runs/8")), false);
    check(Some((101, "pending", "Queued", "https://ci.example/runs/8#x")), false);
}

#[test]
fn what_somebody_else_posted_later_is_theirs() {
    check(Some((101, "error", "by hand", "https://elsewhere.example/")), false);
    check(Some((101, "error", "by hand", "")), false);
    check(Some((101, "error", "by hand", "https://ci.example.evil/runs/1")), false);
    // Earlier than ours: ours is lost.
    check(Some((99, "error", "by hand", "https://elsewhere.example/")), true);
}
