use std::borrow::Cow;

use super::*;

fn now() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn status(state: CommitState, description: &str) -> Status {
    let (context, description) = ("pocketci/test-on-push".to_owned(), description.to_owned());
    Status { context, state, description }
}

const ID: CheckId = CheckId { run: RunId(3), call: Some(CallId(9)), attempt: 1 };

#[track_caller]
fn check(state: CommitState, facts: Facts<'_>, standing: Standing, buttons: &[Button]) {
    let facts = Facts { id: Some(ID), can_rerun: true, ..facts };
    let check = of(&status(state, "Words"), facts, "http://ci.example/runs/3", now());
    assert_eq!(check.standing, standing);
    assert_eq!(check.buttons, buttons);
    assert_eq!(check.completed_at.is_some(), matches!(standing, Standing::Completed(_)));
}

#[test]
fn the_status_decides_how_far_it_is() {
    use CommitState::{Error, Failure, Pending, Success};
    use Conclusion::{ActionRequired, Cancelled, TimedOut};
    let none = Facts::default;
    check(Pending, none(), Standing::Queued, &[Button::Cancel]);
    check(Pending, Facts { running: true, ..none() }, Standing::InProgress, &[Button::Cancel]);
    let held = Facts { held: true, ..none() };
    let both = [Button::Approve, Button::Cancel];
    check(Pending, held, Standing::Completed(ActionRequired), &both);
    check(Success, none(), Standing::Completed(Conclusion::Success), &[]);
    let again = [Button::RerunFailed];
    let failed = Outcome::Failed { exit: 1 };
    let ended = |outcome| Facts { outcome: Some(outcome), ..none() };
    check(Failure, ended(&failed), Standing::Completed(Conclusion::Failure), &again);
    check(Failure, ended(&Outcome::TimedOut), Standing::Completed(TimedOut), &again);
    let cancelled = Outcome::Cancelled("by ada".to_owned());
    check(Error, ended(&cancelled), Standing::Completed(Cancelled), &again);
    check(Error, none(), Standing::Completed(Conclusion::Failure), &again);
    // What is known may be ahead of what is told.
    check(Pending, ended(&failed), Standing::Queued, &[Button::Cancel]);
}

#[test]
fn ids_come_back_as_they_went() {
    let summary = CheckId { call: None, ..ID };
    for id in [ID, summary] {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    for bad in ["", "pocketci:1", "pocketci:1:2", "pocketci:1:2:3:4", "x:1:2:3", "pocketci:0:2:3"] {
        assert!(bad.parse::<CheckId>().is_err(), "{bad}");
    }
}

#[test]
fn words_for_buttons_fit() {
    for button in Button::ALL {
        assert!(button.identifier().len() <= 20 && button.label().len() <= 20);
        assert!(button.description().len() <= 40);
        assert_eq!(Button::from_identifier(button.identifier()), Some(button));
    }
}

#[track_caller]
fn excerpt(log: &[&str]) -> String {
    Excerpt::of(log.iter().map(|line| Cow::Borrowed(*line)), false).markdown()
}

#[test]
fn a_log_cannot_end_its_block() {
    let text = excerpt(&["before", "```", "````` <b>@ada</b>", "after"]);
    assert_eq!(text, "The log:\n\n``````text\nbefore\n```\n````` <b>@ada</b>\nafter\n``````\n");
    let text =
        excerpt(&["\u{1b}[31mred\u{1b}[0m\r", "\u{1b}]8;;http://x\u{7}link\u{202e}", "\u{7}"]);
    assert_eq!(text, "The log:\n\n```text\nred\nlink\n\n```\n");
}

#[test]
fn of_a_long_log_the_end_is_shown() {
    let lines: Vec<String> = (0..1000).map(|n| format!("line {n}")).collect();
    let text = excerpt(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(text.starts_with("The end of the log:"), "{text}");
    assert!(text.contains("line 999") && !text.contains("line 800\n"), "{text}");
    let wide = "é".repeat(100_000);
    let text = excerpt(&[wide.as_str(); 100]);
    assert!(text.len() < 30_000, "{}", text.len());
}

#[test]
fn a_failure_shows_its_log_and_marks_and_a_success_does_not() {
    let mark = Mark {
        path: "pocketci.yaml".to_owned(),
        line: 3,
        column: 5,
        width: 6,
        message: "Unknown key".to_owned(),
    };
    let facts = || Facts {
        id: Some(ID),
        log: Some(Excerpt::of([Cow::Borrowed("boom")].into_iter(), false)),
        marks: std::slice::from_ref(&mark),
        ..Facts::default()
    };
    let failed = of(&status(CommitState::Failure, "a [b](c) @ada"), facts(), "http://x", now());
    insta::assert_snapshot!(failed.summary, @r"
    a \[b\]\(c\) &#64;ada

    [The whole log](http://x)
    ");
    assert!(failed.text.unwrap().contains("boom"));
    assert_eq!(failed.marks.len(), 1);
    let passed = of(&status(CommitState::Success, "ok"), facts(), "http://x", now());
    assert!(passed.text.is_none() && passed.marks.is_empty());
}
