//! Events that anybody can cause: they count when their sender may write to the repository; and
//! comments that are commands to the agent.

use jiff::Timestamp;

use super::{Later, Worker};
use crate::domain::actor::Actor;
use crate::domain::command::{self, Command};
use crate::domain::event::{Event, Repository};
use crate::domain::forge;
use crate::domain::plan::{Reason, ReasonCode};
use crate::domain::rights::Access;
use crate::store::{Asked, ClaimedDelivery, CommandBy};
use crate::worker::permission::Said;

/// How often a forge that does not answer is asked again before that is a no.
const TRIES: u32 = 5;

/// What an event that anybody can cause comes to.
pub(super) enum Open {
    /// It is planned like any other.
    Planned,
    Skipped(Reason),
    /// It was a command; it is done and its delivery settled.
    Done,
}

impl Worker {
    /// Whether an event counts that anybody can cause; a command is done here.
    pub(super) async fn heed(
        &self,
        delivery: &ClaimedDelivery,
        event: &Event,
        repository: &Repository,
    ) -> Result<Open, Later> {
        if !event.is_open_to_all() {
            return Ok(Open::Planned);
        }
        if self.is_own(event, repository).await? {
            let text = "the agent wrote the comment itself";
            return Ok(Open::Skipped(ReasonCode::OwnComment.because(text)));
        }
        let may = self.sender_may_write(delivery, event, repository).await?;
        if let Some(command) = self.command(delivery, event, repository, &may).await? {
            let now = Timestamp::now();
            let acted = self.store.settle_command(delivery.id, &command, now).await;
            let acted = acted.map_err(|error| Later::Agent(error.into()))?;
            let (by, done) = (command.actor.name(), acted.done);
            tracing::info!(by, done, what = acted.text, "A comment asked for something");
            self.end_cancelled().await;
            self.calls.notify_one();
            self.reports.notify_one();
            self.effects.notify_one();
            return Ok(Open::Done);
        }
        Ok(match may {
            Ok(()) => Open::Planned,
            Err(why) => Open::Skipped(ReasonCode::NotAWriter.because(why)),
        })
    }

    async fn is_own(&self, event: &Event, repository: &Repository) -> Result<bool, Later> {
        let Some(comment) = &event.comment else { return Ok(false) };
        // Its webhook may be faster than the answer that tells us its id.
        if forge::is_marked(&comment.body) {
            return Ok(true);
        }
        let own = self.store.is_own_comment(event.forge(), &repository.full_name, &comment.id);
        own.await.map_err(|error| Later::Agent(error.into()))
    }

    /// The error inside is why not, in words.
    async fn sender_may_write(
        &self,
        delivery: &ClaimedDelivery,
        event: &Event,
        repository: &Repository,
    ) -> Result<Result<(), String>, Later> {
        let Some(sender) = &event.sender else {
            return Ok(Err("the event does not say who caused it".to_owned()));
        };
        let login = &sender.login;
        Ok(match self.access(event.forge(), &repository.full_name, sender).await {
            Said::Answer(access) if access >= Access::Write => Ok(()),
            Said::Answer(_) => Err(format!("{login} may not write to the repository")),
            Said::NotNow(why) if delivery.tries <= TRIES => return Err(Later::Outside(why)),
            Said::Refused(why) | Said::NotNow(why) => {
                Err(format!("nobody could say whether {login} may write to the repository: {why}"))
            }
        })
    }

    /// The command of a comment that has just been written on a pull request; none: it is none.
    async fn command(
        &self,
        delivery: &ClaimedDelivery,
        event: &Event,
        repository: &Repository,
        may: &Result<(), String>,
    ) -> Result<Option<CommandBy>, Later> {
        // Whoever edits a comment is not its author, and what it said before is not what it says.
        let is_new = event.event_type == "issue_comment" && event.filter == "created";
        let (Some(comment), Some(pull), Some(sender)) =
            (&event.comment, &event.pull_request, &event.sender)
        else {
            return Ok(None);
        };
        if !is_new || !comment.author.eq_ignore_ascii_case(&sender.login) || comment.id.is_empty() {
            return Ok(None);
        }
        let Some(parsed) = command::parse(&comment.body) else { return Ok(None) };
        let asked = match (may, parsed) {
            (Err(why), _) => Asked::Nothing { why: why.clone(), told: false },
            (Ok(()), Err(why)) => Asked::Nothing { why: why.to_string(), told: true },
            (Ok(()), Ok(Command::Rerun(selection))) => Asked::Rerun(selection),
            (Ok(()), Ok(Command::Cancel)) => Asked::Cancel,
            (Ok(()), Ok(Command::Explain)) => Asked::Explain,
            (Ok(()), Ok(Command::Approve(named))) => {
                match self.head_of(event.forge(), repository, pull.number).await {
                    Said::Answer(head) => {
                        Asked::Approve { named, commented_at: event.commented_at, head }
                    }
                    Said::NotNow(why) if delivery.tries <= TRIES => {
                        return Err(Later::Outside(why));
                    }
                    Said::NotNow(why) | Said::Refused(why) => {
                        let why = format!("nobody could say which commit it is at: {why}");
                        Asked::Nothing { why, told: true }
                    }
                }
            }
        };
        Ok(Some(CommandBy {
            forge: event.forge(),
            repository: repository.full_name.clone(),
            pull: pull.number,
            comment: comment.id.clone(),
            actor: Actor::from(sender),
            asked,
        }))
    }
}
