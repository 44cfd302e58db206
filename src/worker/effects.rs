//! Reactions and comments owed become reactions and comments sent: one after the other, each
//! once.
//!
//! Whoever dies between writing a comment and hearing of it finds it again by its mark.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::report::{dice, pause};
use super::{NET, Worker};
use crate::domain::explanation::{self, Explained};
use crate::domain::forge::{self, Answer, Headers, Reaction, Refused};
use crate::store::{EffectKind, OwedEffect, RunState, RunView, StoreError};

/// What the forge would not take for this long is given up.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);
/// Between two tries of what passes when somebody mends a token.
const REFUSED: Duration = Duration::from_secs(300);
/// How far before its begin a comment of ours is looked for: clocks differ.
const AROUND: Duration = Duration::from_secs(600);
/// Pages of comments that are looked through.
const PAGES: usize = 10;
/// Runs of a pull request that are looked at for an explanation.
const RUNS: usize = 50;

/// Sends until told to stop.
pub(super) async fn run(worker: Arc<Worker>, quiet: CancellationToken) {
    while !quiet.is_cancelled() {
        let mut wake = std::pin::pin!(worker.effects.notified());
        wake.as_mut().enable();
        let again = match worker.store.next_effect(Timestamp::now()).await {
            Ok(Some(effect)) => {
                tokio::select! {
                    () = worker.bring_about(&effect) => continue,
                    () = quiet.cancelled() => break,
                }
            }
            Ok(None) => super::until(worker.store.next_effect_due().await.ok().flatten()),
            Err(error) => {
                tracing::error!(%error, "Failed to take the next comment or reaction");
                NET
            }
        };
        tokio::select! {
            () = wake => {}
            () = tokio::time::sleep(again.min(NET)) => {}
            () = quiet.cancelled() => {}
        }
    }
}

impl Worker {
    async fn bring_about(&self, effect: &OwedEffect) {
        crate::crash::point("effect.claimed");
        let sent = match effect.kind {
            EffectKind::Reaction => self.react(effect).await,
            EffectKind::Answer | EffectKind::Explain => self.write(effect).await,
        };
        let (answer, comment) = match sent {
            Ok(sent) => sent,
            Err(error) => {
                tracing::error!(%error, "Failed to prepare a comment; it is tried again");
                (Answer::Retry { why: error.to_string() }, None)
            }
        };
        crate::crash::point("effect.answered");
        let now = Timestamp::now();
        let (id, kind) = (effect.id, effect.kind.as_str());
        let waited = now.duration_since(effect.owed_since).unsigned_abs();
        match &answer {
            Answer::Limited { .. } | Answer::Refused { whom: Refused::Everything, .. } => {
                if let Ok(forge) = self.forges.of(effect.forge) {
                    self.heard(forge, &effect.repository, &answer).await;
                }
            }
            _ => {}
        }
        let kept = match &answer {
            Answer::Done { .. } => {
                self.store.effect_sent(id, effect.seq, comment.as_deref(), now).await
            }
            Answer::Never { why } => {
                tracing::warn!(kind, why, "The forge will never take a comment or reaction");
                self.store.effect_failed(id, None, why).await
            }
            Answer::NotYet { why }
            | Answer::Retry { why }
            | Answer::Limited { why, .. }
            | Answer::Refused { why, .. } => {
                tracing::warn!(kind, why, "A comment or reaction is sent again later");
                let wait = match &answer {
                    Answer::Limited { after, .. } => *after,
                    Answer::Refused { .. } => REFUSED,
                    _ => pause(effect.tries, dice()),
                };
                let next = (waited < PATIENCE).then(|| now + wait);
                self.store.effect_failed(id, next, why).await
            }
        };
        crate::crash::point("effect.kept");
        if let Err(error) = kept {
            tracing::error!(%error, "Failed to write down what became of a comment or reaction");
            // Not at once: the disk may be full.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn react(&self, effect: &OwedEffect) -> Result<(Answer, Option<String>), StoreError> {
        let wanted = Reaction::ALL.into_iter().find(|it| it.as_str() == effect.content);
        let (vendor, repository) = (effect.forge.vendor(), &effect.repository);
        if !forge::has_reactions(vendor) {
            return Ok((Answer::Done { post: None }, None));
        }
        let reaction = wanted.unwrap_or(Reaction::Seen);
        let (pull, to) = effect.comment_reacted_to();
        let request =
            |api: &str| forge::reaction_request(vendor, api, repository, pull, to, reaction);
        Ok((self.effect(effect, request).await.0, None))
    }

    /// Writes our comment, or changes the one that is there.
    async fn write(&self, effect: &OwedEffect) -> Result<(Answer, Option<String>), StoreError> {
        let Ok(number) = effect.target.parse::<u64>() else {
            let why = format!("`{}` is no pull request's number", effect.target);
            return Ok((Answer::Never { why }, None));
        };
        let (vendor, repository) = (effect.forge.vendor(), &effect.repository);
        let text = self.text(effect, number).await?;
        let known = match (&effect.comment, effect.begun_at) {
            (Some(known), _) => Some(known.clone()),
            (None, Some(begun)) => match self.look_for(effect, number, begun).await {
                Ok(found) => found,
                Err(answer) => return Ok((answer, None)),
            },
            (None, None) => None,
        };
        if let Some(comment) = known {
            let answer = self.edit(effect, (number, &comment), &text).await;
            if matches!(answer, Answer::Never { .. }) {
                // Deleted by somebody, so that a new one is in its place.
                self.store.effect_lost(effect.id).await?;
                return Ok((Answer::Retry { why: "our comment was deleted".to_owned() }, None));
            }
            return Ok((answer, Some(comment)));
        }
        self.store.effect_begun(effect.id, Timestamp::now()).await?;
        let request = |api: &str| forge::comment_request(vendor, api, repository, number, &text);
        let (answer, body) = self.effect(effect, request).await;
        // Read as text: a number may be of any size.
        let id = serde_json::from_slice::<serde_json::Value>(&body).ok();
        let id = id.and_then(|it| it.get("id").map(|id| id.to_string().replace('"', "")));
        Ok((answer, id.filter(|id| id != "null")))
    }

    /// Writes something else into our comment.
    async fn edit(
        &self,
        effect: &OwedEffect,
        (number, comment): (u64, &str),
        text: &str,
    ) -> Answer {
        let (vendor, repository) = (effect.forge.vendor(), &effect.repository);
        let mut version = 0;
        if forge::version_request(vendor, "", repository, number, comment).is_some() {
            let request =
                |api: &str| forge::version_request(vendor, api, repository, number, comment);
            let (answer, body) = self.effect(effect, request).await;
            if !matches!(answer, Answer::Done { .. }) {
                return answer;
            }
            version = forge::version(&body).unwrap_or_default();
        }
        let edit = |api: &str| {
            forge::edit_request(vendor, api, repository, (number, comment), version, text)
        };
        self.effect(effect, edit).await.0
    }

    /// Our comment, if it was written without our having heard of it: the oldest with the mark,
    /// which nobody could foresee.
    async fn look_for(
        &self,
        effect: &OwedEffect,
        number: u64,
        begun: Timestamp,
    ) -> Result<Option<String>, Answer> {
        let (vendor, repository) = (effect.forge.vendor(), &effect.repository);
        let marker = marker(effect);
        for page in 1..=PAGES {
            let since = begun - AROUND;
            let request =
                |api: &str| forge::comments_request(vendor, api, repository, number, since, page);
            let (answer, body) = self.effect(effect, request).await;
            if !matches!(answer, Answer::Done { .. }) {
                return Err(answer);
            }
            let Some((comments, more)) = forge::comments(vendor, &body) else {
                let why = "The forge's list of comments cannot be read".to_owned();
                return Err(Answer::Retry { why });
            };
            if let Some(own) =
                comments.into_iter().find(|it| it.body.starts_with(marker.trim_end()))
            {
                return Ok(Some(own.id));
            }
            if !more {
                break;
            }
        }
        Ok(None)
    }

    /// What our comment says, without secrets.
    async fn text(&self, effect: &OwedEffect, number: u64) -> Result<String, StoreError> {
        let marker = marker(effect);
        let redactor = self.settings.masks.redactor();
        if effect.kind == EffectKind::Answer {
            let text = redactor.text(&effect.content);
            return Ok(format!("{marker}\n{}\n", mentions(&text)));
        }
        let (forge, repository) = (effect.forge, &effect.repository);
        let mut runs = self.store.runs_of_pull(forge, repository, number, RUNS).await?;
        // Masked before it is written as markup, in which a value would look otherwise.
        for run in &mut runs {
            for function in &mut run.plan.functions {
                function.name = redactor.text(&function.name);
                function.text = redactor.text(&function.text);
            }
            if let Some(reason) = &mut run.plan.reason {
                reason.text = redactor.text(&reason.text);
            }
        }
        let shown: Vec<_> = runs
            .iter()
            .map(|run| (run, run.event.title(), self.link(Some(run.id), None), state(run)))
            .collect();
        let shown: Vec<Explained<'_>> = shown
            .iter()
            .map(|(run, title, url, state)| Explained {
                title,
                spec: &run.spec_name,
                url,
                state,
                plan: &run.plan,
            })
            .collect();
        let Some(sha) = runs.first().map(|run| &run.sha) else {
            return Ok(format!("{marker}\nNothing is known of this pull request.\n"));
        };
        Ok(explanation::comment(&marker, sha, &shown))
    }

    async fn effect(
        &self,
        effect: &OwedEffect,
        request: impl FnOnce(&str) -> Option<http::Request<Vec<u8>>>,
    ) -> (Answer, Vec<u8>) {
        let forge = match self.forges.of(effect.forge) {
            Ok(forge) => forge,
            Err(gone) => return (Answer::Never { why: gone.to_string() }, Vec::new()),
        };
        let vendor = forge.id.vendor();
        if !forge.client.has_token() {
            let why = format!("{} is not set", forge.token_name);
            return (Answer::Never { why }, Vec::new());
        }
        // Statuses find out when the forge is back.
        if !forge.gate.is_open() {
            let why = "The forge is not asked for anything at the moment".to_owned();
            return (Answer::NotYet { why }, Vec::new());
        }
        let Some(request) = request(&forge.api) else {
            let why = format!("{vendor} takes no comments and reactions of ours yet");
            return (Answer::Never { why }, Vec::new());
        };
        match forge.client.send(request).await {
            Ok(response) => {
                let headers = Headers::from_http(response.headers());
                let (status, now) = (response.status().as_u16(), Timestamp::now());
                let body = response.into_body();
                let answer = forge::answer_to_effect(vendor, status, &headers, &body, now);
                let answer = forge::in_words_of(answer, vendor, &forge.token_name);
                (answer, body)
            }
            Err(error) => (Answer::Retry { why: error.to_string() }, Vec::new()),
        }
    }
}

/// The first line of our comment.
fn marker(effect: &OwedEffect) -> String {
    forge::marker(effect.forge.vendor(), effect.kind.as_str(), &effect.mark)
}

/// Our own words with a stranger's name in them: nobody is called by it.
fn mentions(text: &str) -> String {
    text.replace('@', "@\u{200b}").replace('<', "&lt;")
}

fn state(run: &RunView) -> String {
    match &run.state {
        RunState::Held(_) => "waits for an approval".to_owned(),
        RunState::Queued | RunState::Running if run.attempt > 1 => {
            format!("begun again, attempt {}", run.attempt)
        }
        RunState::Finished(_) if run.plan.calls.is_empty() => "nothing called".to_owned(),
        RunState::Queued | RunState::Running | RunState::Finished(_) => "planned".to_owned(),
    }
}
