//! What a comment asks for: done, answered and settled with its delivery in one transaction, so
//! that it is done once, and never without its answer.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::Row;

use super::super::connection::Transaction;
use super::super::delivery::settle_row;
use super::super::effect::{self, EffectKind};
use super::super::error::StoreError;
use super::super::run::sha;
use super::super::state::Settled;
use super::super::{Store, pack};
use super::{ActError, CallId, Place, Refused, Rerun, end, release, rerun};
use crate::domain::actor::Actor;
use crate::domain::approval::Approval;
use crate::domain::command::Selection;
use crate::domain::forge::Reaction;
use crate::domain::ids::{DeliveryId, ForgeId, RepoName, RunId, Sha, Vendor};
use crate::domain::plan::ReasonCode;
use crate::domain::strcase;

/// A command in a comment on a pull request.
#[derive(Debug, Clone)]
pub struct CommandBy {
    pub forge: ForgeId,
    pub repository: RepoName,
    /// The pull request's number.
    pub pull: u64,
    /// The forge's id of the comment.
    pub comment: String,
    pub actor: Actor,
    pub asked: Asked,
}

/// What is asked for, with what the forge says about it.
#[derive(Debug, Clone)]
pub enum Asked {
    Approve {
        /// The beginning of the commit's id, where the comment names it.
        named: Option<String>,
        /// When the comment was written, by the forge's clock.
        commented_at: Option<Timestamp>,
        /// The pull request's head, asked after the comment came.
        head: Sha,
    },
    Rerun(Selection),
    Cancel,
    Explain,
    /// Nothing is done; why, in words. Whoever may act here is told them, a stranger is not.
    Nothing {
        why: String,
        told: bool,
    },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acted {
    /// Whether it was done.
    pub done: bool,
    /// For the delivery's page and the log.
    pub text: String,
}

/// A call of the pull request's commit.
struct Known {
    run: RunId,
    call: CallId,
    kebab: String,
    context: String,
    passed: bool,
    finished: bool,
}

impl Store {
    /// Does what a comment asks for and settles its delivery.
    pub async fn settle_command(
        &self,
        id: DeliveryId,
        command: &CommandBy,
        now: Timestamp,
    ) -> Result<Acted, StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let CommandBy { forge, repository, pull, comment, .. } = command;
        let of = (*forge, repository);
        let comment = match forge.vendor() {
            Vendor::Gitlab => format!("{pull}/{comment}"),
            _ => comment.clone(),
        };
        if effect::is_owed(&mut tx, of, EffectKind::Reaction, &comment).await? {
            let text = "the same comment came by another hook".to_owned();
            let reason = ReasonCode::Twin.because(text.clone());
            settle_row(&mut tx, id, &Settled::Skipped(reason), now).await?;
            tx.commit().await?;
            return Ok(Acted { done: false, text });
        }
        let (reaction, acted, answer) = match perform(&mut tx, command, now).await {
            Ok(text) if matches!(command.asked, Asked::Explain) => {
                let target = pull.to_string();
                effect::owe(&mut tx, of, EffectKind::Explain, &target, "", now).await?;
                (Reaction::Seen, Acted { done: true, text }, None)
            }
            Ok(text) => (Reaction::Done, Acted { done: true, text }, None),
            Err(ActError::Refused(why)) => {
                let why = why.to_string();
                (Reaction::Refused, Acted { done: false, text: why.clone() }, Some(why))
            }
            Err(ActError::Store(error)) => return Err(error),
        };
        let (acted, answer) = match &command.asked {
            Asked::Nothing { why, told } => {
                let acted = Acted { done: false, text: why.clone() };
                (acted, told.then(|| why.clone()))
            }
            _ => (acted, answer),
        };
        let reaction = if acted.done { reaction } else { Reaction::Refused };
        effect::owe(&mut tx, of, EffectKind::Reaction, &comment, reaction.as_str(), now).await?;
        if let Some(why) = answer {
            let text = format!("{}: {why}.", command.actor.name());
            let target = pull.to_string();
            effect::owe(&mut tx, of, EffectKind::Answer, &target, &text, now).await?;
        }
        let what = if acted.done { "done" } else { "refused" };
        let by = command.actor.name();
        let reason = ReasonCode::Command.because(format!("{what} for {by}: {}", acted.text));
        settle_row(&mut tx, id, &Settled::Skipped(reason), now).await?;
        crate::crash::point("act.before-settle");
        tx.commit().await?;
        crate::crash::point("act.settled");
        Ok(acted)
    }
}

/// What was done, in words.
async fn perform(
    tx: &mut Transaction<'_>,
    command: &CommandBy,
    now: Timestamp,
) -> Result<String, ActError> {
    match &command.asked {
        Asked::Nothing { .. } => Ok(String::new()),
        Asked::Explain => Ok("it is explained in a comment".to_owned()),
        Asked::Approve { named, commented_at, head } => {
            let held = newest_held(tx, command).await?;
            let known = commits(tx, command).await?;
            let approval = Approval {
                named: named.as_deref(),
                commented_at: *commented_at,
                head,
                held: held.as_ref().map(|(sha, since)| (sha, *since)),
                known: &known,
            };
            let sha = approval.commit().map_err(Refused::from)?.clone();
            let place = Place {
                forge: command.forge,
                repository: command.repository.clone(),
                place: format!("pull_request {}", command.pull),
                sha,
            };
            let approved = release::approve(tx, &place, &command.actor, now).await?;
            let (sha, runs) = (place.sha.short(), approved.released.len());
            Ok(format!("{sha} is approved, and {runs} of its runs let go"))
        }
        Asked::Rerun(selection) => rerun_newest(tx, command, selection, now).await,
        Asked::Cancel => {
            let sql = "SELECT id FROM run INDEXED BY run_of_commit
                       WHERE vendor = $1 AND repository = $2 AND sha = $3 AND head_of = $4
                         AND state <> 'finished' ORDER BY id DESC";
            let head = head(tx, command).await?.ok_or(Refused::NothingUnderWay)?;
            let runs: Vec<i64> = sqlx::query_scalar(sql)
                .bind(command.forge.to_string())
                .bind(command.repository.as_str())
                .bind(head.as_str())
                .bind(command.pull as i64)
                .fetch_all(tx.db())
                .await?;
            if runs.is_empty() {
                return Err(Refused::NothingUnderWay.into());
            }
            let count = runs.len();
            for run in runs {
                // One that waited for its group may have been cancelled with it.
                match end(tx, RunId(run), &command.actor, now).await {
                    Ok(()) | Err(ActError::Refused(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(format!("{count} runs of {} are cancelled", head.short()))
        }
    }
}

/// Of each context the newest call is begun again, so that no older one speaks over it.
async fn rerun_newest(
    tx: &mut Transaction<'_>,
    command: &CommandBy,
    selection: &Selection,
    now: Timestamp,
) -> Result<String, ActError> {
    let head = head(tx, command).await?.ok_or(Refused::NothingCalled)?;
    let calls = calls(tx, command, &head).await?;
    if calls.is_empty() {
        return Err(Refused::NothingCalled.into());
    }
    let (mut contexts, mut runs) = (BTreeSet::new(), Vec::<(RunId, Vec<CallId>)>::new());
    let mut busy = None;
    for call in calls.iter().filter(|call| contexts.insert(call.context.clone())) {
        let wanted = match selection {
            Selection::All => true,
            Selection::Failed => !call.passed,
            Selection::Function(name) => call.kebab == strcase::to_kebab(name),
        };
        match (wanted, call.finished) {
            (false, _) => {}
            (true, false) => busy = Some(call.run),
            (true, true) => match runs.last_mut().filter(|(run, _)| *run == call.run) {
                Some((_, calls)) => calls.push(call.call),
                None => runs.push((call.run, vec![call.call])),
            },
        }
    }
    let (mut begun, mut refused) = (0, None);
    for (run, calls) in runs {
        match rerun::rerun(tx, run, &Rerun::Calls(calls), &command.actor, now).await {
            Ok(reran) => begun += reran.calls.len(),
            Err(ActError::Refused(why)) => refused = Some(why),
            Err(error) => return Err(error),
        }
    }
    match (begun, refused, busy, selection) {
        (0, Some(why), ..) => Err(why.into()),
        (0, None, Some(run), _) => Err(Refused::Unfinished(run).into()),
        (0, None, None, Selection::Function(_)) => Err(Refused::NoSuchCall.into()),
        (0, None, None, _) => Err(Refused::NothingFailed.into()),
        (calls, ..) => Ok(format!("{calls} calls of {} begin again", head.short())),
    }
}

/// The commit of the pull request that the agent knows of.
async fn head(tx: &mut Transaction<'_>, command: &CommandBy) -> Result<Option<Sha>, StoreError> {
    // The index by commit is of no use without one; runs of one pull request are few and new.
    let sql = "SELECT coalesce(
                 (SELECT sha FROM place
                  WHERE vendor = $1 AND repository = $2 AND name = 'pull_request ' || $3),
                 (SELECT sha FROM run INDEXED BY run_of_head
                  WHERE vendor = $1 AND repository = $2 AND head_of = $3
                  ORDER BY id DESC LIMIT 1)) AS sha";
    let row = sqlx::query(sql)
        .bind(command.forge.to_string())
        .bind(command.repository.as_str())
        .bind(command.pull as i64)
        .fetch_one(tx.db())
        .await?;
    match row.try_get::<Option<&str>, _>("sha")? {
        Some(_) => sha(&row).map(Some),
        None => Ok(None),
    }
}

/// The commit that was last told to wait, and since when.
async fn newest_held(
    tx: &mut Transaction<'_>,
    command: &CommandBy,
) -> Result<Option<(Sha, Timestamp)>, StoreError> {
    // Since its first run was told to wait: a label that came a moment ago changes no commit.
    let sql = "SELECT sha, (SELECT min(first.created_at) FROM run AS first
                            WHERE first.vendor = run.vendor AND first.repository = run.repository
                              AND first.sha = run.sha AND first.held_at = run.held_at) AS since
               FROM run INDEXED BY run_held
               WHERE state = 'held' AND vendor = $1 AND repository = $2 AND held_at = $3
               ORDER BY id DESC LIMIT 1";
    let row = sqlx::query(sql)
        .bind(command.forge.to_string())
        .bind(command.repository.as_str())
        .bind(format!("pull_request {}", command.pull))
        .fetch_optional(tx.db())
        .await?;
    row.map(|row| Ok((sha(&row)?, pack::time(row.try_get("since")?)?))).transpose()
}

/// Every commit that the pull request has had, as far as runs came of it.
async fn commits(tx: &mut Transaction<'_>, command: &CommandBy) -> Result<Vec<Sha>, StoreError> {
    let sql = "SELECT DISTINCT sha FROM run INDEXED BY run_of_head
               WHERE vendor = $1 AND repository = $2 AND head_of = $3";
    let rows = sqlx::query(sql)
        .bind(command.forge.to_string())
        .bind(command.repository.as_str())
        .bind(command.pull as i64)
        .fetch_all(tx.db())
        .await?;
    rows.iter().map(sha).collect()
}

/// The calls of the pull request's commit and of its pushes, those of the newest run first.
async fn calls(
    tx: &mut Transaction<'_>,
    command: &CommandBy,
    head: &Sha,
) -> Result<Vec<Known>, StoreError> {
    let sql = "SELECT call.id, call.run, call.kebab, call.context, call.outcome,
                      run.state = 'finished' AS finished
               FROM run INDEXED BY run_of_commit JOIN call ON call.run = run.id
               WHERE run.vendor = $1 AND run.repository = $2 AND run.sha = $3
                 AND (run.head_of = $4 OR run.head_of IS NULL)
               ORDER BY run.id DESC, call.position";
    let rows = sqlx::query(sql)
        .bind(command.forge.to_string())
        .bind(command.repository.as_str())
        .bind(head.as_str())
        .bind(command.pull as i64)
        .fetch_all(tx.db())
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Known {
                run: RunId(row.try_get("run")?),
                call: CallId(row.try_get("id")?),
                kebab: row.try_get("kebab")?,
                context: row.try_get("context")?,
                passed: row.try_get::<Option<&str>, _>("outcome")? == Some("passed"),
                finished: row.try_get("finished")?,
            })
        })
        .collect()
}
