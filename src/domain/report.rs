//! What a forge is told: statuses of calls, the summary of a run, and the words in them.
//!
//! Everything here becomes a commit status of at most 140 characters. It knows no forge and sends
//! nothing.

use std::time::Duration;

use super::event::Event;
use super::plan::{self, Decision, Plan};
use super::run::{CommitState, Outcome, Status, Verdict, description};

/// Whether a run posts the summary status `pocketci[/name]`.
///
/// Not where the spec turns it off, and not for the actions of a pull request that bring nothing
/// new to judge (`edited`, `labeled`): their run must not turn a red commit green. Nor where
/// nothing is called for an event that is not about its commit (a comment, an issue): the summary
/// of the commit's own push stands.
pub fn has_summary(event: &Event, plan: &Plan, summary: bool) -> bool {
    let about_commit =
        matches!(event.event_type.as_str(), "push" | "tag" | "pull_request" | "merge_group");
    let idle = plan.decision == Decision::Skip;
    summary && plan::names_every_status(event) && (about_commit || !idle)
}

/// What is posted as soon as a plan is known: pending for each call, the errors of functions, and
/// the summary.
pub fn planned(spec_name: &str, event: &Event, plan: &Plan, summary: bool) -> Vec<Status> {
    told(spec_name, event, plan, summary, "Queued")
}

/// What is posted when a run waits for somebody's word; why, in words.
pub fn held(spec_name: &str, event: &Event, plan: &Plan, summary: bool, why: &str) -> Vec<Status> {
    let why = format!("Waiting: {why}");
    let mut statuses = told(spec_name, event, plan, summary, &why);
    let own = summary_context(spec_name);
    for status in &mut statuses {
        if status.context == own && status.state == CommitState::Pending {
            status.description = description(&why);
        }
    }
    statuses
}

fn told(spec_name: &str, event: &Event, plan: &Plan, summary: bool, pending: &str) -> Vec<Status> {
    let calls = plan.calls.iter().filter(|call| call.posts_status);
    let calls = calls.map(|call| status(&call.context, CommitState::Pending, pending));
    let errors = plan.errors().filter_map(|function| {
        Some(status(function.context.as_deref()?, CommitState::Error, &function.text))
    });
    let mut statuses: Vec<Status> = calls.chain(errors).collect();
    if has_summary(event, plan, summary) {
        statuses.push(planned_summary(spec_name, plan));
    }
    statuses
}

fn planned_summary(spec_name: &str, plan: &Plan) -> Status {
    let reason = plan.reason.as_ref().map(|reason| capitalized(&reason.text)).unwrap_or_default();
    let context = summary_context(spec_name);
    match plan.decision {
        Decision::Call => {
            let kebabs: Vec<String> =
                plan.errors().map(|f| super::strcase::to_kebab(&f.name)).collect();
            let errored: Vec<&str> = kebabs.iter().map(String::as_str).collect();
            let parts = plan.calls.iter().map(|call| Part { name: &call.kebab, outcome: None });
            summary_of(spec_name, &parts.collect::<Vec<_>>(), &errored, None)
        }
        Decision::Skip => status(&context, CommitState::Success, &reason),
        Decision::Error => status(&context, CommitState::Error, &reason),
    }
}

/// How a call ended.
pub fn finished_call(context: &str, outcome: &Outcome, took: Duration) -> Status {
    let took = duration(took);
    let text = match outcome {
        Outcome::Passed => format!("Passed in {took}"),
        Outcome::Failed { exit } => format!("Failed with exit status {exit} after {took}"),
        Outcome::TimedOut => format!("Timed out after {took}"),
        Outcome::Cancelled(why) => because("Cancelled", why),
        Outcome::Lost(why) => because("Lost", why),
        Outcome::Errored(why) => because("Could not start", why),
    };
    status(context, outcome.commit_state(), &text)
}

/// A spec that does not parse, or a module that does not load: an error on the summary.
pub fn spec_error(spec_name: &str, text: &str) -> Status {
    status(&summary_context(spec_name), CommitState::Error, &capitalized(text))
}

/// One call of a run, for its summary.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// The function's kebab name.
    pub name: &'a str,
    /// None: not finished.
    pub outcome: Option<&'a Outcome>,
}

/// The summary of a run: pending while a call is, then success if every call passed, else
/// failure, with counts and the names of what did not pass.
///
/// `errored` are the kebab names of the functions that could not be planned; `took` is the time
/// from the run's start to its end.
pub fn summary_of(
    spec_name: &str,
    calls: &[Part<'_>],
    errored: &[&str],
    took: Option<Duration>,
) -> Status {
    let context = summary_context(spec_name);
    let total = calls.len() + errored.len();
    let done = calls.iter().filter(|call| call.outcome.is_some()).count() + errored.len();
    let failures = failures(calls, errored, total);
    if done < total {
        let text = match failures.as_str() {
            "" => format!("{done} of {total} done"),
            failures => format!("{done} of {total} done; {failures}"),
        };
        return status(&context, CommitState::Pending, &text);
    }
    if !failures.is_empty() {
        return status(&context, CommitState::Failure, &failures);
    }
    let text = match took {
        Some(took) => format!("{total} passed in {}", duration(took)),
        None => format!("{total} passed"),
    };
    status(&context, CommitState::Success, &text)
}

/// `1 of 5 failed: lint-on-push; 1 cancelled: test-on-push`; empty when nothing went wrong yet.
fn failures(calls: &[Part<'_>], errored: &[&str], total: usize) -> String {
    let named = |wanted: fn(&Outcome) -> bool| {
        let matching = calls.iter().filter(move |call| call.outcome.is_some_and(wanted));
        matching.map(|call| call.name).collect::<Vec<_>>()
    };
    let mut in_error = named(|outcome| matches!(outcome, Outcome::Errored(_)));
    in_error.extend(errored);
    let groups = [
        ("failed", named(|outcome| matches!(outcome, Outcome::Failed { .. }))),
        ("timed out", named(|outcome| matches!(outcome, Outcome::TimedOut))),
        ("could not start", in_error),
        ("lost", named(|outcome| matches!(outcome, Outcome::Lost(_)))),
        ("cancelled", named(|outcome| matches!(outcome, Outcome::Cancelled(_)))),
    ];
    let mut text = String::new();
    for (word, names) in groups.into_iter().filter(|(_, names)| !names.is_empty()) {
        let count = names.len();
        if text.is_empty() {
            text = format!("{count} of {total} {word}");
        } else {
            text.push_str(&format!("; {count} {word}"));
        }
        text.push_str(&format!(": {}", names.join(", ")));
    }
    text
}

/// How a run with these calls ended: what failed by itself weighs more than what could not be
/// done, and that more than what somebody stopped.
pub fn verdict(calls: &[Outcome], errored_functions: usize) -> Verdict {
    let any = |wanted: fn(&Outcome) -> bool| calls.iter().any(wanted);
    if any(|outcome| matches!(outcome, Outcome::Failed { .. } | Outcome::TimedOut)) {
        Verdict::Failed
    } else if errored_functions > 0
        || any(|outcome| matches!(outcome, Outcome::Errored(_) | Outcome::Lost(_)))
    {
        Verdict::Errored
    } else if any(|outcome| matches!(outcome, Outcome::Cancelled(_))) {
        Verdict::Cancelled
    } else {
        Verdict::Passed
    }
}

/// The context of the one status per run: `pocketci`, `pocketci/api`.
pub fn summary_context(spec_name: &str) -> String {
    match spec_name {
        "" => "pocketci".to_owned(),
        name => format!("pocketci/{name}"),
    }
}

/// A length of time as people say it: `0.4 s`, `12 s`, `1 min 3 s`, `30 min`, `2 h 5 min`.
pub fn duration(took: Duration) -> String {
    let seconds = took.as_secs();
    let both = |whole: u64, unit: &str, rest: u64, small: &str| match rest {
        0 => format!("{whole} {unit}"),
        rest => format!("{whole} {unit} {rest} {small}"),
    };
    match seconds {
        0..10 => {
            let tenths = took.as_millis() / 100;
            match (tenths / 10, tenths % 10) {
                (whole, 0) => format!("{whole} s"),
                (whole, tenth) => format!("{whole}.{tenth} s"),
            }
        }
        10..60 => format!("{seconds} s"),
        60..3600 => both(seconds / 60, "min", seconds % 60, "s"),
        _ => both(seconds / 3600, "h", seconds % 3600 / 60, "min"),
    }
}

fn because(what: &str, why: &str) -> String {
    match why {
        "" => what.to_owned(),
        why => format!("{what}: {why}"),
    }
}

/// A reason as a sentence of its own; what begins with code (`paths **`, `onChanges`) stays.
fn capitalized(text: &str) -> String {
    match text.strip_prefix("no ") {
        Some(rest) => format!("No {rest}"),
        None => text.to_owned(),
    }
}

fn status(context: &str, state: CommitState, text: &str) -> Status {
    Status { context: context.to_owned(), state, description: description(text) }
}

#[cfg(test)]
mod tests;
