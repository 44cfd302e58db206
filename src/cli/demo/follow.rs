//! Watches one delivery become runs, calls and statuses, as the store and the forge tell it.

use std::collections::BTreeMap;
use std::time::Duration;

use anstyle::Style;
use anyhow::bail;
use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedReceiver;

use super::forge::Posted;
use super::logs::Tail;
use super::show::{self, Line};
use crate::cli::output::{self, BAD, DOUBTFUL, FAINT, GOOD, STRONG, count, plain};
use crate::domain::event::Repository;
use crate::domain::ids::{CallId, RunId};
use crate::domain::plan::{Decision, Plan};
use crate::domain::report;
use crate::domain::run::{Outcome, Verdict};
use crate::git::Mirrors;
use crate::store::{
    CallState, CallView, DeliveryState, DeliveryView, ReportState, RunState, RunView, Settled,
    Store,
};

/// How often it is looked what happened.
const GLANCE: Duration = Duration::from_millis(20);

/// How long a line waits for others that happened before it: logs are written in bursts.
const SETTLE: Duration = Duration::from_millis(150);

/// How long all of it may take; a first module on a fresh engine takes minutes.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// What came of one event.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) calls: usize,
    pub(super) statuses: usize,
    /// What was not as it should be, a sentence each.
    pub(super) failures: Vec<String>,
}

impl Tally {
    /// Adds what came of another event.
    pub(super) fn add(&mut self, event: &str, other: Self) {
        self.calls += other.calls;
        self.statuses += other.statuses;
        self.failures.extend(other.failures.into_iter().map(|why| format!("{event}: {why}")));
    }
}

/// Where the demo looks.
pub(super) struct Watch {
    pub(super) store: Store,
    pub(super) mirrors: Mirrors,
    pub(super) repository: Repository,
    /// What calls print on standard error is shown too, not only when they fail: a command's is
    /// its own, a dagger call's is mostly the engine's progress.
    pub(super) stderr: bool,
    pub(super) posted: UnboundedReceiver<Posted>,
}

/// One delivery being followed.
struct Follower<'a> {
    watch: &'a mut Watch,
    sent: Timestamp,
    /// Phases follow one another, whatever the clocks of their witnesses say.
    floor: Timestamp,
    /// Seen, and not printed yet.
    lines: Vec<Line>,
    fetched: bool,
    planned: bool,
    calls: BTreeMap<CallId, Seen>,
    /// The length of the longest context.
    widest: usize,
    /// The latest state by context.
    states: BTreeMap<String, String>,
    statuses: usize,
}

/// What was seen of a call.
struct Seen {
    label: String,
    running: bool,
    ended: bool,
    tail: Tail,
}

impl Watch {
    /// Shows all that happens to the delivery that was just sent, until nothing more will.
    pub(super) async fn follow(&mut self, sent: Timestamp) -> anyhow::Result<Tally> {
        let until = tokio::time::Instant::now() + PATIENCE;
        let mut follower = Follower {
            watch: self,
            sent,
            floor: sent,
            lines: Vec::new(),
            fetched: false,
            planned: false,
            calls: BTreeMap::new(),
            widest: 0,
            states: BTreeMap::new(),
            statuses: 0,
        };
        loop {
            if let Some(tally) = follower.look().await? {
                follower.print(None)?;
                return Ok(tally);
            }
            follower.print(Some(Timestamp::now() - SETTLE))?;
            if tokio::time::Instant::now() > until {
                bail!("Not done after {} min", PATIENCE.as_secs() / 60);
            }
            tokio::time::sleep(GLANCE).await;
        }
    }
}

impl Follower<'_> {
    /// Prints what happened before that time, in its order; without one, everything.
    fn print(&mut self, before: Option<Timestamp>) -> anyhow::Result<()> {
        // What belongs to a line is right behind it, and stays there: sorting is stable.
        let mut last = self.sent;
        let mut stamped: Vec<(Timestamp, Line)> = Vec::new();
        for line in self.lines.drain(..) {
            last = line.at.unwrap_or(last);
            stamped.push((last, line));
        }
        stamped.sort_by_key(|(at, _)| *at);
        let due = before.map_or(stamped.len(), |time| stamped.partition_point(|l| l.0 <= time));
        let rest = stamped.split_off(due);
        let due: Vec<Line> = stamped.into_iter().map(|(_, line)| line).collect();
        self.lines = rest.into_iter().map(|(_, line)| line).collect();
        Ok(show::lines(&due, self.sent)?)
    }

    fn add(&mut self, at: Timestamp, style: Style, word: &'static str, text: String) {
        let at = Some(at.max(self.floor));
        self.lines.push(Line { at, style, word, text });
    }

    fn more(&mut self, text: String) {
        self.lines.push(Line { at: None, style: FAINT, word: "", text });
    }

    /// A phase that everything else comes after.
    fn phase(&mut self, at: Timestamp, word: &'static str, text: String) {
        self.floor = at.max(self.floor);
        self.add(self.floor, STRONG, word, text);
    }

    /// Looks once at everything; the tally when there is no more to come.
    async fn look(&mut self) -> anyhow::Result<Option<Tally>> {
        // One delivery is sent after the other is done with, so that the newest is ours.
        let Some(delivery) = self.watch.store.deliveries(1).await?.into_iter().next() else {
            return Ok(None);
        };
        let mut runs = self.watch.store.runs(100, Some(delivery.id)).await?;
        runs.reverse();
        self.fetching(&delivery, &runs).await?;
        if let DeliveryState::Settled { at, settled } = &delivery.state
            && let Some(failure) = self.settled(*at, settled, &runs)
        {
            return Ok(Some(Tally { failures: vec![failure], ..Tally::default() }));
        }
        for run in &runs {
            for call in &run.calls {
                self.call(run.id, call)?;
            }
        }
        // What the forge has been sent has arrived there.
        let told = self.all_told(&runs).await?;
        self.arrivals();
        let over = self.planned && runs.iter().all(|run| run.state.verdict().is_some());
        Ok((over && told).then(|| self.tally(&runs)))
    }

    async fn fetching(&mut self, delivery: &DeliveryView, runs: &[RunView]) -> anyhow::Result<()> {
        if self.fetched {
            return Ok(());
        }
        let sha = match runs.first() {
            Some(run) => run.sha.clone(),
            None => {
                let body = self.watch.store.delivery_body(delivery.id).await?;
                let event =
                    crate::domain::forge::event(delivery.forge, &delivery.event_name, &body)?;
                let Some(sha) = event.sha else { return Ok(()) };
                if !self.watch.mirrors.holds(&self.watch.repository, &sha).await? {
                    return Ok(());
                }
                sha
            }
        };
        self.fetched = true;
        let settled = match delivery.state {
            DeliveryState::Settled { at, .. } => at,
            _ => Timestamp::now(),
        };
        let next = if self.watch.stderr { "" } else { "; now the engine lists its module" };
        let text = format!("{} from {}.git{next}", sha.short(), self.watch.repository.full_name);
        self.phase(settled.min(Timestamp::now()), "fetched", text);
        Ok(())
    }

    /// Shows the plan; gives back why there is none.
    fn settled(&mut self, at: Timestamp, settled: &Settled, runs: &[RunView]) -> Option<String> {
        match settled {
            Settled::Planned if runs.is_empty() => Some("The delivery became no run".to_owned()),
            Settled::Skipped(reason) => Some(format!("The delivery was skipped: {}", reason.text)),
            Settled::Faulty { text, .. } => Some(format!("The delivery is faulty: {text}")),
            Settled::Planned => {
                if !self.planned {
                    self.planned = true;
                    runs.iter().for_each(|run| self.plan(at, run));
                }
                None
            }
        }
    }

    fn plan(&mut self, at: Timestamp, run: &RunView) {
        let Plan { calls, functions, reason, .. } = &run.plan;
        let (some, all) = (calls.len(), count(functions.len(), "function"));
        let together = if some > 1 { ", in parallel" } else { "" };
        let text = format!("{}: {some} of {all} to call{together}", plain(&run.spec_path));
        self.phase(at, "planned", text);
        let width = functions.iter().map(|function| function.name.len()).max().unwrap_or(0);
        for function in functions {
            let (style, mark) = match function.decision {
                Decision::Call => (GOOD, "call "),
                Decision::Skip => (FAINT, "skip "),
                Decision::Error => (BAD, "error"),
            };
            let (name, why) = (plain(&function.name), plain(&function.text));
            self.more(format!("{style}{mark}{style:#} {name:width$}  {FAINT}{why}{FAINT:#}"));
        }
        if let Some(reason) = reason {
            self.more(plain(&reason.text));
        }
        let widest = calls.iter().map(|call| call.kebab.len()).max().unwrap_or(0);
        let contexts = calls.iter().map(|call| call.context.len()).max().unwrap_or(0);
        self.widest = self.widest.max(contexts);
        for (number, call) in run.calls.iter().enumerate() {
            let colour = output::apart(number);
            let label = format!("{colour}{:widest$}{colour:#}", plain(&call.call.kebab));
            let path = self.watch.store.log_path(run.id, call.id, call.attempt.max(1));
            let tail = Tail::new(path);
            self.calls.insert(call.id, Seen { label, running: false, ended: false, tail });
        }
    }

    /// What a call has come to since the last look.
    fn call(&mut self, run: RunId, call: &CallView) -> anyhow::Result<()> {
        let Some(mut seen) = self.calls.remove(&call.id) else { return Ok(()) };
        let label = seen.label.clone();
        if let (false, Some(at)) = (seen.running, call.started_at) {
            seen.running = true;
            // Which file it is, is known once it has begun.
            seen.tail = Tail::new(self.watch.store.log_path(run, call.id, call.attempt));
            self.add(at, STRONG, "running", label.clone());
        }
        let failed = !matches!(call.state.outcome(), None | Some(Outcome::Passed));
        let over = !seen.ended && matches!(call.state, CallState::Finished(_));
        // All that it said has been written before its outcome is.
        for (at, text) in seen.tail.read(self.watch.stderr, over && failed)? {
            let text = format!("{label} {FAINT}│{FAINT:#} {text}");
            self.add(at.unwrap_or_else(Timestamp::now), FAINT, "log", text);
        }
        if let (true, Some(outcome)) = (over, call.state.outcome()) {
            seen.ended = true;
            let at = call.finished_at.unwrap_or_else(Timestamp::now);
            let took = at.duration_since(call.started_at.unwrap_or(at)).unsigned_abs();
            let (style, word) = if failed { (BAD, "failed") } else { (GOOD, "passed") };
            let text = match failed {
                false => format!("{label} in {}", report::duration(took)),
                true => {
                    let said = report::finished_call("", outcome, took).description;
                    format!("{label} {}", plain(&said))
                }
            };
            self.add(at, style, word, text);
        }
        self.calls.insert(call.id, seen);
        Ok(())
    }

    /// Statuses that have arrived at the forge.
    fn arrivals(&mut self) {
        while let Ok(Posted { at, status }) = self.watch.posted.try_recv() {
            let style = match status.state.as_str() {
                "success" => GOOD,
                "pending" => DOUBTFUL,
                _ => BAD,
            };
            let (state, context) = (plain(&status.state), plain(&status.context));
            let (said, width) = (plain(&status.description), self.widest);
            let text =
                format!("{style}{state:7}{style:#} {context:width$}  {FAINT}{said}{FAINT:#}");
            self.add(at, FAINT, "status", text);
            self.states.insert(status.context, status.state);
            self.statuses += 1;
        }
    }

    async fn all_told(&self, runs: &[RunView]) -> anyhow::Result<bool> {
        for run in runs {
            let reports = self.watch.store.reports(run.id).await?;
            if reports.iter().any(|report| report.state == ReportState::Owed) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn tally(&self, runs: &[RunView]) -> Tally {
        let mut failures = Vec::new();
        for run in runs {
            if run.state != RunState::Finished(Verdict::Passed) {
                failures.push(format!("run {} did not pass", run.id));
            }
        }
        for (context, state) in &self.states {
            if state != "success" {
                failures.push(format!("the status {} is {}", plain(context), plain(state)));
            }
        }
        if self.states.is_empty() {
            failures.push("no status has arrived on the commit".to_owned());
        }
        Tally { calls: self.calls.len(), statuses: self.statuses, failures }
    }
}
