//! What a delivery tells the GitHub App that we are, rather than the functions of a repository:
//! the buttons of check runs, and installations that change.

use jiff::Timestamp;

use super::Worker;
use super::dispatch::Later;
use super::permission::Said;
use crate::domain::actor::Actor;
use crate::domain::check::Button;

use crate::domain::forge::github::app::changed_installation;
use crate::domain::forge::github::ask::{Ask, Wish, asked};
use crate::domain::ids::{ForgeId, RunId};
use crate::domain::plan::ReasonCode;
use crate::domain::rights::Access;
use crate::store::{ActError, ClaimedDelivery, Rerun, RunQuery, Settlement, StoreError};

/// Runs of one commit that are begun again at once.
const RUNS: usize = 100;

impl Worker {
    /// What becomes of such a delivery; none where it is an event like any other.
    pub(super) async fn for_app(
        &self,
        delivery: &ClaimedDelivery,
    ) -> Result<Option<Settlement>, Later> {
        let Some(app) = self.app_for(delivery.forge) else { return Ok(None) };
        if let Some(installation) = changed_installation(&delivery.event_name, &delivery.body) {
            app.forget_installation(installation);
            let text = format!("the tokens of installation {installation} are made anew");
            let reason = ReasonCode::InstallationChanged.because(text);
            return Ok(Some(Settlement::Skipped(reason)));
        }
        let Some(ask) = asked(&delivery.event_name, &delivery.body, app.id()) else {
            return Ok(None);
        };
        let what = words(&ask);
        let by = &ask.by.login;
        let text = match self.access(delivery.forge, &ask.repository, &ask.by).await {
            Said::Answer(access) if access >= Access::Write => {
                match self.act(delivery.forge, &ask).await {
                    Ok(()) => format!("done for {by}: {what}"),
                    Err(ActError::Refused(why)) => format!("refused for {by}: {what}: {why}"),
                    Err(ActError::Store(error)) => return Err(Later::Agent(error.into())),
                }
            }
            Said::Answer(_) => format!("refused for {by}, who may not write here: {what}"),
            Said::Refused(why) => format!("refused for {by}: {what}: {why}"),
            Said::NotNow(why) => return Err(Later::Outside(why)),
        };
        tracing::info!(text, "Somebody asks for something at a check run");
        Ok(Some(Settlement::Skipped(ReasonCode::AskedOfApp.because(text))))
    }

    async fn act(&self, forge: ForgeId, ask: &Ask) -> Result<(), ActError> {
        let (actor, now) = (Actor::from(&ask.by), Timestamp::now());
        let (check, button) = match ask.wish {
            Wish::RerunCommit => return self.rerun_commit(forge, ask, &actor).await,
            Wish::Rerun(check) => (check, None),
            Wish::Pressed(check, button) => (check, Some(button)),
        };
        let run = check.run;
        if !self.is_of(forge, run, ask).await? {
            return Err(crate::store::Refused::NoRun(run).into());
        }
        match (button, check.call) {
            (None, Some(call)) => {
                self.store.rerun(run, &Rerun::Call(call), &actor, now).await.map(drop)
            }
            (None, None) => self.store.rerun(run, &Rerun::All, &actor, now).await.map(drop),
            (Some(Button::RerunFailed), _) => {
                self.store.rerun(run, &Rerun::Failed, &actor, now).await.map(drop)
            }
            (Some(Button::Cancel), _) => self.store.cancel_run_by(run, &actor, now).await,
            (Some(Button::Approve), _) => {
                self.store.approve(run, &ask.sha, &actor, now).await.map(drop)
            }
        }
    }

    /// Every run of a commit once more, as far as it can be; refused where none can.
    async fn rerun_commit(&self, forge: ForgeId, ask: &Ask, actor: &Actor) -> Result<(), ActError> {
        let query = RunQuery {
            repository: Some((forge, ask.repository.clone())),
            text: Some(ask.sha.to_string()),
            ..RunQuery::default()
        };
        let found = self.store.find_runs(&query, RUNS).await?.runs;
        let (mut begun, mut refused) = (false, None);
        for run in found.iter().filter(|run| run.sha == ask.sha) {
            match self.store.rerun(run.id, &Rerun::All, actor, Timestamp::now()).await {
                Ok(_) => begun = true,
                Err(ActError::Refused(why)) => refused = Some(why),
                Err(error) => return Err(error),
            }
        }
        match refused {
            Some(why) if !begun => Err(why.into()),
            _ => Ok(()),
        }
    }

    /// Whether a run is of the commit at which somebody asks for it: what the forge keeps of us
    /// may be of another database.
    async fn is_of(&self, forge: ForgeId, run: RunId, ask: &Ask) -> Result<bool, StoreError> {
        let Some(run) = self.store.run(run).await? else { return Ok(false) };
        let name = run.event.repository.as_ref().map(|repository| &repository.full_name);
        let here = run.event.forge() == forge && name == Some(&ask.repository);
        Ok(here && run.sha == ask.sha)
    }
}

/// What somebody wants, in words.
fn words(ask: &Ask) -> String {
    match ask.wish {
        Wish::RerunCommit => format!("run {} again", ask.sha.short()),
        Wish::Rerun(check) => match check.call {
            Some(call) => format!("call {call} of run {} again", check.run),
            None => format!("call all of run {} again", check.run),
        },
        Wish::Pressed(check, Button::RerunFailed) => {
            format!("call again what did not pass in run {}", check.run)
        }
        Wish::Pressed(check, Button::Cancel) => format!("stop run {}", check.run),
        Wish::Pressed(check, Button::Approve) => {
            format!("let run {} go at {}", check.run, ask.sha.short())
        }
    }
}
