//! The words in the database, in both directions: what was released is read for ever.

use super::super::EffectKind;
use super::super::tests::{World, at, delivery};
use super::*;
use crate::domain::rights::Scope;
use crate::store::Recorded;

const SCHEMA: &str = concat!(
    include_str!("../migrations/0001_deliveries_runs_calls_reports.sql"),
    include_str!("../migrations/0006_acts_and_effects.sql"),
    include_str!("../migrations/0009_tokens_and_sessions.sql"),
);

/// The schema's check of a column, the words of its states, and what each is read as.
#[track_caller]
fn check<T: PartialEq + std::fmt::Debug>(
    column: &str,
    expected: &[(&str, T)],
    name: impl Fn(&T) -> &'static str,
    read: impl Fn(&str) -> Result<T, StoreError>,
) {
    let words: Vec<String> = expected.iter().map(|(word, _)| format!("'{word}'")).collect();
    let check = format!("CHECK ({column} IN ({}))", words.join(", "));
    assert!(SCHEMA.contains(&check), "the schema has no {check}");
    for (word, state) in expected {
        assert_eq!(name(state), *word);
        assert_eq!(&read(word).unwrap(), state);
    }
    assert!(read("nonsense").is_err());
}

#[test]
fn run_states() {
    let states = [
        ("held", RunState::Held("why".to_owned())),
        ("queued", RunState::Queued),
        ("running", RunState::Running),
        ("finished", RunState::Finished(Verdict::Failed)),
    ];
    let read = |name: &str| RunState::from_columns(name, Some("why".to_owned()), Some("failed"));
    check("state", &states, RunState::as_str, read);
}

#[test]
fn verdicts() {
    let verdicts = [
        ("passed", Verdict::Passed),
        ("failed", Verdict::Failed),
        ("cancelled", Verdict::Cancelled),
        ("errored", Verdict::Errored),
    ];
    check("verdict", &verdicts, |it| it.as_str(), verdict_named);
}

#[test]
fn call_states() {
    let states = [
        ("queued", CallState::Queued),
        ("running", CallState::Running),
        ("finished", CallState::Finished(Outcome::TimedOut)),
    ];
    let read = |name: &str| CallState::from_columns(name, Some("timed_out"), None, None);
    check("state", &states, CallState::as_str, read);
}

#[test]
fn outcomes() {
    let words = || "words".to_owned();
    let outcomes = [
        ("passed", Outcome::Passed),
        ("failed", Outcome::Failed { exit: 3 }),
        ("timed_out", Outcome::TimedOut),
        ("cancelled", Outcome::Cancelled(words())),
        ("lost", Outcome::Lost(words())),
        ("errored", Outcome::Errored(words())),
    ];
    let read = |code: &str| outcome_from_columns(code, Some(3), Some(words()));
    check("outcome", &outcomes, Outcome::code, read);
    for (code, outcome) in outcomes {
        let (exit, detail) = outcome_columns(&outcome);
        let detail = detail.map(str::to_owned);
        assert_eq!(outcome_from_columns(code, exit, detail).unwrap(), outcome);
    }
}

#[test]
fn report_states() {
    let states = [
        ("owed", ReportState::Owed),
        ("sent", ReportState::Sent),
        ("dropped", ReportState::Dropped),
    ];
    check("state", &states, |it| it.as_str(), ReportState::from_column);
}

#[test]
fn commit_states() {
    let states = [
        ("pending", CommitState::Pending),
        ("success", CommitState::Success),
        ("failure", CommitState::Failure),
        ("error", CommitState::Error),
    ];
    check("commit_state", &states, |it| it.as_str(), commit_state_named);
}

#[test]
fn settlements() {
    let reason = || Reason { code: "ping".to_owned(), text: "why".to_owned() };
    let settled = [
        ("planned", Settled::Planned),
        ("skipped", Settled::Skipped(reason())),
        ("faulty", Settled::Faulty { whose: Whose::Agent, text: "why".to_owned() }),
    ];
    let read = |name: &str| {
        let (code, text) = (Some("ping".to_owned()), Some("why".to_owned()));
        Settled::from_columns(name, Some("agent"), code, text)
    };
    check("settlement", &settled, Settled::as_str, read);
    let whose = [("repository", Whose::Repository), ("agent", Whose::Agent)];
    check("whose", &whose, |it| it.as_str(), |name| Whose::from_column(Some(name)));
}

#[tokio::test]
async fn delivery_states() {
    assert!(SCHEMA.contains("CHECK (state IN ('received', 'claimed', 'settled'))"));
    let world = World::new().await;
    let id = match world.store.record(delivery("a")).await.unwrap() {
        Recorded::New(id) => id,
        other => panic!("{other:?}"),
    };
    // As each word in the database is read.
    for (word, more, expected) in [
        ("received", "", DeliveryState::Received { retry_at: None }),
        ("claimed", ", claimed_at = $at", DeliveryState::Claimed { since: at(5) }),
        (
            "settled",
            ", settled_at = $at, settlement = 'planned'",
            DeliveryState::Settled { at: at(5), settled: Settled::Planned },
        ),
    ] {
        let more = more.replace("$at", &at(5).as_microsecond().to_string());
        world.sql(&format!("UPDATE delivery SET state = '{word}'{more}")).await;
        assert_eq!(world.store.delivery(id).await.unwrap().unwrap().state, expected);
        assert_eq!(expected.as_str(), word);
    }
}

#[test]
fn effects() {
    let kinds = [
        ("reaction", EffectKind::Reaction),
        ("answer", EffectKind::Answer),
        ("explain", EffectKind::Explain),
    ];
    check("kind", &kinds, |it| it.as_str(), EffectKind::from_column);
}

#[test]
fn scopes() {
    let scopes = [("read", Scope::Read), ("operate", Scope::Operate), ("admin", Scope::Admin)];
    let read = |name: &str| name.parse().map_err(|error| StoreError::unreadable("a scope", error));
    check("scope", &scopes, |it| it.as_str(), read);
}
