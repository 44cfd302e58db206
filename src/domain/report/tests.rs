use super::*;
use crate::domain::plan::tests::{event, files, module, spec};
use crate::domain::plan::{Changes, Policy, ReasonCode, SecretAccess};

fn plan_of(title: &str, functions: &[&str]) -> Plan {
    let policy = Policy { fork: false, secret: &|_, _| SecretAccess::Available };
    plan::plan(&event(title), &spec(), &module(functions), &Changes::NoDiff, &policy)
}

fn show(statuses: &[Status]) -> String {
    let lines =
        statuses.iter().map(|s| format!("{} {}: {}", s.context, s.state.as_str(), s.description));
    lines.collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn check_planned(title: &str, functions: &[&str], expected: &str) {
    let plan = plan_of(title, functions);
    assert_eq!(show(&planned("", &event(title), &plan, true)), expected);
}

#[test]
fn every_call_is_pending_at_once() {
    check_planned(
        "push main",
        &["testOnPush", "lintOnPush"],
        "pocketci/test-on-push pending: Queued\n\
         pocketci/lint-on-push pending: Queued\n\
         pocketci pending: 0 of 2 done",
    );
}

#[test]
fn errors_of_functions_are_told() {
    check_planned(
        "push main",
        &["testOnPush", "lintOnPush x!"],
        "pocketci/test-on-push pending: Queued\n\
         pocketci/lint-on-push error: Required argument `x` (String) of `lintOnPush` cannot be \
         filled: give it a default or make it optional\n\
         pocketci pending: 1 of 2 done; 1 of 2 could not start: lint-on-push",
    );
    check_planned(
        "push main",
        &["dispatch x!"],
        "pocketci/push/dispatch error: Required argument `x` (String) of `dispatch` cannot be \
         filled: give it a default or make it optional\n\
         pocketci error: Required argument `x` (String) of `dispatch` cannot be filled: give it a \
         default or make it optional",
    );
}

#[test]
fn nothing_to_do_is_a_success() {
    check_planned("push dev", &["build"], "pocketci success: No function for push to dev");
    let reason = ReasonCode::SpecPaths.because("paths *.go matches none of 2 changed files");
    let statuses = planned("api", &event("push dev"), &plan::skipped(reason), true);
    assert_eq!(show(&statuses), "pocketci/api success: paths *.go matches none of 2 changed files");
}

#[test]
fn the_summary_is_left_out_where_it_would_lie() {
    check_planned("pull_request edited", &["onPullRequest"], "");
    check_planned("pull_request edited", &["onPullRequest filter"], "");
    check_planned(
        "pull_request edited",
        &["onPullRequestEdited"],
        "pocketci/on-pull-request-edited pending: Queued",
    );
    check_planned("issues opened", &["onPush"], "");
    check_planned(
        "issues opened",
        &["onIssues"],
        "pocketci/on-issues pending: Queued\npocketci pending: 0 of 1 done",
    );
    let plan = plan_of("push main", &["onPush"]);
    let statuses = planned("", &event("push main"), &plan, false);
    assert_eq!(show(&statuses), "pocketci/on-push pending: Queued");
}

#[test]
fn a_held_run_says_what_it_waits_for() {
    let title = "pull_request opened";
    let plan = plan_of(title, &["onPullRequest"]);
    let why = "a pull request from a fork needs a maintainer's word";
    assert_eq!(
        show(&held("", &event(title), &plan, true, why)),
        "pocketci/on-pull-request pending: Waiting: a pull request from a fork needs a \
         maintainer's word\n\
         pocketci pending: Waiting: a pull request from a fork needs a maintainer's word",
    );
}

#[track_caller]
fn check_finished(outcome: Outcome, seconds: u64, expected: &str) {
    let status = finished_call("c", &outcome, Duration::from_secs(seconds));
    assert_eq!(format!("{} {}", status.state.as_str(), status.description), expected);
}

#[test]
fn outcomes_in_words() {
    check_finished(Outcome::Passed, 12, "success Passed in 12 s");
    check_finished(
        Outcome::Failed { exit: 2 },
        63,
        "failure Failed with exit status 2 after 1 min 3 s",
    );
    check_finished(Outcome::TimedOut, 1800, "failure Timed out after 30 min");
    check_finished(
        Outcome::Cancelled("superseded by abc1234".into()),
        1,
        "error Cancelled: superseded by abc1234",
    );
    check_finished(Outcome::Cancelled(String::new()), 1, "error Cancelled");
    check_finished(Outcome::Lost("the agent stopped".into()), 1, "error Lost: the agent stopped");
    check_finished(Outcome::Errored("no `dagger`".into()), 1, "error Could not start: no `dagger`");
}

#[test]
fn descriptions_fit() {
    let status = finished_call("c", &Outcome::Lost("x\n".repeat(300)), Duration::ZERO);
    assert_eq!(status.description.chars().count(), 140);
    let status = spec_error("", &"é".repeat(300));
    assert_eq!(status.description.chars().count(), 140);
}

#[test]
fn lengths_of_time() {
    let check = |millis: u64, expected: &str| {
        assert_eq!(duration(Duration::from_millis(millis)), expected);
    };
    check(0, "0 s");
    check(449, "0.4 s");
    check(9_000, "9 s");
    check(59_999, "59 s");
    check(60_000, "1 min");
    check(3_600_000, "1 h");
    check(7_500_000, "2 h 5 min");
}

#[track_caller]
fn check_summary(outcomes: &[Option<Outcome>], errored: &[&str], expected: &str) {
    let names = ["lint-on-push", "test-on-push", "build-on-push"];
    let parts = outcomes.iter().zip(names).map(|(o, name)| Part { name, outcome: o.as_ref() });
    let parts: Vec<_> = parts.collect();
    let status = summary_of("", &parts, errored, Some(Duration::from_secs(70)));
    assert_eq!(format!("{} {}", status.state.as_str(), status.description), expected);
}

#[test]
fn summaries_count() {
    let passed = || Some(Outcome::Passed);
    let failed = || Some(Outcome::Failed { exit: 1 });
    check_summary(&[passed(), None, None], &[], "pending 1 of 3 done");
    check_summary(&[failed(), None], &[], "pending 1 of 2 done; 1 of 2 failed: lint-on-push");
    check_summary(&[passed(), passed()], &[], "success 2 passed in 1 min 10 s");
    check_summary(&[failed(), passed()], &[], "failure 1 of 2 failed: lint-on-push");
    check_summary(
        &[failed(), Some(Outcome::TimedOut), Some(Outcome::Cancelled(String::new()))],
        &["x-on-push"],
        "failure 1 of 4 failed: lint-on-push; 1 timed out: test-on-push; 1 could not start: \
         x-on-push; 1 cancelled: build-on-push",
    );
    check_summary(&[], &["x-on-push"], "failure 1 of 1 could not start: x-on-push");
}

#[test]
fn verdicts() {
    let failed = Outcome::Failed { exit: 1 };
    let lost = Outcome::Lost(String::new());
    let cancelled = Outcome::Cancelled(String::new());
    assert_eq!(verdict(&[], 0), Verdict::Passed);
    assert_eq!(verdict(&[Outcome::Passed], 0), Verdict::Passed);
    assert_eq!(verdict(&[Outcome::Passed], 1), Verdict::Errored);
    assert_eq!(verdict(&[failed, lost.clone(), cancelled.clone()], 1), Verdict::Failed);
    assert_eq!(verdict(&[Outcome::TimedOut], 0), Verdict::Failed);
    assert_eq!(verdict(&[lost, cancelled.clone()], 0), Verdict::Errored);
    assert_eq!(verdict(&[cancelled, Outcome::Passed], 0), Verdict::Cancelled);
}

#[test]
fn no_two_statuses_share_a_context() {
    let policy = Policy { fork: false, secret: &|_, _| SecretAccess::Available };
    let module = module(&["testOnPush", "lintOnPush", "onPush x!"]);
    let plan = plan::plan(&event("push main"), &spec(), &module, &files(&["a"]), &policy);
    let statuses = planned("", &event("push main"), &plan, true);
    let mut contexts: Vec<&str> = statuses.iter().map(|s| s.context.as_str()).collect();
    contexts.sort_unstable();
    contexts.dedup();
    assert_eq!(contexts.len(), 4);
}
