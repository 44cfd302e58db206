//! What a delivery tells the GitHub App that we are, rather than the functions of a repository.

use super::Worker;
use crate::domain::check::Button;
use crate::domain::forge::github::app::changed_installation;
use crate::domain::forge::github::ask::{Ask, Wish, asked};
use crate::domain::plan::ReasonCode;
use crate::store::{ClaimedDelivery, Settlement};

impl Worker {
    /// What becomes of such a delivery; none where it is an event like any other.
    pub(super) fn for_app(&self, delivery: &ClaimedDelivery) -> Option<Settlement> {
        let app = self.app_for(delivery.forge)?;
        if let Some(installation) = changed_installation(&delivery.event_name, &delivery.body) {
            app.forget_installation(installation);
            let text = format!("the tokens of installation {installation} are made anew");
            return Some(Settlement::Skipped(ReasonCode::InstallationChanged.because(text)));
        }
        let ask = asked(&delivery.event_name, &delivery.body, app.id())?;
        let text = format!("`{}` asks to {}", ask.by.login, words(&ask));
        Some(Settlement::Skipped(ReasonCode::AskedOfApp.because(text)))
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
