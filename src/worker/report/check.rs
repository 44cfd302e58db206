//! Check runs in the place of statuses, where the forge is asked as an App.
//!
//! A check run is made once and changed from then on, so that a lost answer must not make two:
//! that one is asked for is written down first, and what became of it is looked up.

use std::io::Read as _;
use std::path::PathBuf;

use http::Request;
use jiff::Timestamp;

use super::{Forge, Worker};
use crate::domain::check::{self, Check, CheckId, Excerpt, Facts, Standing};
use crate::domain::forge::github::app::AppId;
use crate::domain::forge::github::check::{
    Shown, create_request, list, list_request, update_request,
};
use crate::domain::forge::{Answer, Headers, github};
use crate::domain::report::summary_context;
use crate::domain::run::{CommitState, Outcome};
use crate::store::log::{self, LogReader};
use crate::store::{CallState, CheckRun, OwedReport, RunState, RunView};

/// Bytes of a log's end that are read.
const TAIL: u64 = 64 * 1024;
/// Pages of check runs of one name that are looked through.
const PAGES: usize = 3;

impl Worker {
    /// Shows a report as a check run.
    pub(super) async fn post_check(
        &self,
        forge: &Forge,
        report: &OwedReport,
        own: &AppId,
    ) -> Answer {
        let check = match self.check(report).await {
            Ok(check) => check,
            Err(error) => return failed(&error),
        };
        let known = match self.store.check_run(report.id).await {
            Ok(known) => known,
            Err(error) => return failed(&error.into()),
        };
        let known = match known {
            // What came of it is not known: it may be there.
            Some(CheckRun { number: None, external_id, .. }) => {
                match self.find(forge, report, own, &external_id).await {
                    Ok(found) => found,
                    Err(answer) => return answer,
                }
            }
            known => known,
        };
        match known {
            Some(CheckRun { number: Some(number), external_id, completed, annotated })
                if !completed || external_id == check.reference =>
            {
                self.change(forge, report, &check, number, annotated).await
            }
            // The first, or a new attempt of one that is over.
            _ => self.create(forge, report, &check).await,
        }
    }

    async fn create(&self, forge: &Forge, report: &OwedReport, check: &Check) -> Answer {
        if let Err(error) = self.keep(report, check, None, false).await {
            return failed(&error.into());
        }
        let (api, repository) = (&forge.api, &report.repository);
        let (answer, _) =
            self.ask(forge, create_request(api, repository, &report.sha, check)).await;
        if let Answer::Done { post: Some(number) } = answer
            && let Err(error) =
                self.keep(report, check, Some(number), !check.marks.is_empty()).await
        {
            // It is looked up the next time.
            tracing::error!(%error, "Failed to keep the number of a check run");
        }
        answer
    }

    async fn change(
        &self,
        forge: &Forge,
        report: &OwedReport,
        check: &Check,
        number: i64,
        annotated: bool,
    ) -> Answer {
        let annotate = !annotated && !check.marks.is_empty();
        // What is sent twice would be there twice.
        if annotate && let Err(error) = self.keep(report, check, None, false).await {
            return failed(&error.into());
        }
        let (api, repository) = (&forge.api, &report.repository);
        let request = update_request(api, repository, number, check, annotate);
        let (answer, status) = self.ask(forge, request).await;
        let kept = match &answer {
            Answer::Done { .. } => {
                self.keep(report, check, Some(number), annotated || annotate).await
            }
            // Somebody restored the forge from yesterday: another takes its place.
            Answer::Refused { .. } if status == 404 => {
                let kept = self.keep(report, check, None, false).await;
                let why = "The forge has lost a check run; another takes its place".to_owned();
                return kept
                    .map_or_else(|error| failed(&error.into()), |()| Answer::NotYet { why });
            }
            _ => Ok(()),
        };
        if let Err(error) = kept {
            tracing::error!(%error, "Failed to keep what a check run shows");
        }
        answer
    }

    async fn keep(
        &self,
        report: &OwedReport,
        check: &Check,
        number: Option<i64>,
        annotated: bool,
    ) -> Result<(), crate::store::StoreError> {
        let completed = number.is_some() && matches!(check.standing, Standing::Completed(_));
        let external_id = check.reference.clone();
        let check = CheckRun { external_id, number, completed, annotated };
        self.store.keep_check_run(report.id, &check).await
    }

    /// Looks for a check run that was asked for; the answer is why it cannot be told.
    async fn find(
        &self,
        forge: &Forge,
        report: &OwedReport,
        own: &AppId,
        reference: &str,
    ) -> Result<Option<CheckRun>, Answer> {
        let (api, name) = (&forge.api, report.status.context.as_str());
        for page in 1..=PAGES {
            let (repository, sha) = (&report.repository, &report.sha);
            let request = list_request(api, repository, sha, Some(name), page);
            let (shown, all) = self.listed(forge, request, own).await?;
            let same = |it: &&Shown| it.posted.context == name && it.reference == reference;
            if let Some(found) = shown.iter().filter(same).max_by_key(|it| it.number) {
                return Ok(Some(CheckRun {
                    external_id: reference.to_owned(),
                    number: Some(found.number),
                    completed: found.completed,
                    annotated: found.annotated,
                }));
            }
            if all < 100 {
                break;
            }
        }
        Ok(None)
    }

    /// A page of check runs, and how many it holds with those of others.
    pub(in crate::worker) async fn listed(
        &self,
        forge: &Forge,
        request: Request<Vec<u8>>,
        own: &AppId,
    ) -> Result<(Vec<Shown>, usize), Answer> {
        let response = forge.client.send(request).await.map_err(|error| error.into_answer())?;
        let headers = Headers::from_http(response.headers());
        let (status, body) = (response.status().as_u16(), response.body());
        match github::answer_to_app(status, &headers, body, Timestamp::now()) {
            Answer::Done { .. } => list(body, own).ok_or_else(|| Answer::Retry {
                why: "GitHub's list of check runs cannot be read".to_owned(),
            }),
            answer => Err(answer),
        }
    }

    /// The answer, and its status code; 0 where there was none.
    async fn ask(&self, forge: &Forge, request: Request<Vec<u8>>) -> (Answer, u16) {
        match forge.client.send(request).await {
            Ok(response) => {
                let headers = Headers::from_http(response.headers());
                let (status, now) = (response.status().as_u16(), Timestamp::now());
                (github::answer_to_app(status, &headers, response.body(), now), status)
            }
            Err(error) => (error.into_answer(), 0),
        }
    }

    /// What is to be shown.
    async fn check(&self, report: &OwedReport) -> anyhow::Result<Check> {
        let run = match report.run {
            Some(run) => self.store.run(run).await?,
            None => None,
        };
        let (status, now) = (&report.status, Timestamp::now());
        let link = self.link(report.run, report.delivery);
        let Some(run) = run else {
            return Ok(check::of(status, Facts::default(), &link, now));
        };
        let call = run.calls.iter().find(|call| call.call.context == status.context);
        let attempt = run.calls.iter().map(|call| call.attempt).max().unwrap_or(1);
        let id = CheckId {
            run: run.id,
            call: call.map(|call| call.id),
            attempt: call.map_or(attempt.max(run.attempt), |call| call.attempt),
        };
        let failed = matches!(status.state, CommitState::Failure | CommitState::Error);
        let excerpt = match call {
            Some(call) if failed => {
                self.excerpt(self.store.log_path(run.id, call.id, call.attempt)).await
            }
            _ => None,
        };
        let outcome = call.and_then(|call| call.state.outcome());
        let is_summary = status.context == summary_context(&run.spec_name);
        let error = run.plan.errors().find(|it| it.context.as_ref() == Some(&status.context));
        let reason = match call {
            Some(_) => None,
            None if is_summary => run.plan.reason.as_ref().map(|reason| reason.text.as_str()),
            None => error.map(|it| it.text.as_str()),
        };
        let facts = Facts {
            id: Some(id),
            held: matches!(run.state, RunState::Held(_)),
            running: match call {
                Some(call) => call.state == CallState::Running,
                None => run.state == RunState::Running,
            },
            outcome,
            started_at: call.map_or(run.started_at, |call| call.started_at),
            finished_at: call.map_or(run.finished_at, |call| call.finished_at),
            reason,
            marks: if is_summary { &run.plan.marks } else { &[] },
            log: excerpt,
            can_rerun: can_rerun(&run),
        };
        Ok(check::of(status, facts, &link, now))
    }

    /// The end of a log. What the call was given is masked in it already.
    async fn excerpt(&self, path: PathBuf) -> Option<Excerpt> {
        let redactor = self.settings.masks.redactor();
        let read = move || -> std::io::Result<Option<Excerpt>> {
            let Some(mut reader) = LogReader::open(&path)? else { return Ok(None) };
            let cut = reader.skip_to_last(TAIL)?;
            let mut end = Vec::new();
            reader.read_to_end(&mut end)?;
            let whole = match end.iter().position(|byte| cut && *byte == b'\n') {
                Some(newline) => &end[newline + 1..],
                None => &end,
            };
            let lines: Vec<String> =
                log::lines(whole).map(|line| redactor.text(&line.text())).collect();
            let lines = lines.iter().map(|line| line.as_str().into());
            Ok(Some(Excerpt::of(lines, cut)))
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(excerpt)) => excerpt,
            Ok(Err(error)) => {
                tracing::warn!(%error, "Cannot read the end of a log for its check run");
                None
            }
            Err(_) => None,
        }
    }
}

/// Whether anything of the run did not pass, so that it can be called again.
fn can_rerun(run: &RunView) -> bool {
    let passed = |outcome: &Outcome| *outcome == Outcome::Passed;
    matches!(run.state, RunState::Finished(_))
        && run.calls.iter().any(|call| !call.state.outcome().is_some_and(passed))
}

/// Our own trouble, which passes or is seen in the log.
fn failed(error: &anyhow::Error) -> Answer {
    tracing::error!(error = format!("{error:#}"), "Failed to tell what a check run is to show");
    Answer::NotYet { why: format!("{error:#}") }
}
