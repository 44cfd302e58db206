//! A repository on a forge, asked about its webhooks.

use std::time::{Duration, Instant};

use http::Response;
use jiff::Timestamp;

use crate::agent;
use crate::cli::Failure;
use crate::config::ForgeConfig;
use crate::domain::forge::github::hooks as github;
use crate::domain::forge::webhooks::{self, Wanted, Webhook};
use crate::domain::forge::{self, Answer, Headers};
use crate::domain::ids::RepoName;
use crate::domain::redact::Masks;
use crate::forge_client::ForgeClient;

/// Pages of webhooks that are looked through.
const PAGES: usize = 20;
/// How long a test may be on its way.
const PATIENCE: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_secs(1);
/// How far the forge's clock may be behind ours.
const CLOCKS: Duration = Duration::from_secs(60);

/// What came of a test.
pub(crate) enum Heard {
    /// The status; 0 when nobody answered.
    Answered(u16),
    /// Nothing was sent in time.
    Nothing,
    /// The forge does not tell; where to look.
    NotTold(String),
}

pub(crate) struct Place<'a> {
    forge: &'a ForgeConfig,
    client: ForgeClient,
    pub(crate) repository: &'a RepoName,
    /// The agent's.
    pub(crate) address: &'a str,
}

impl<'a> Place<'a> {
    /// A forge without a token is bad input.
    pub(crate) fn new(
        forge: &'a ForgeConfig,
        masks: &Masks,
        repository: &'a RepoName,
        address: &'a str,
    ) -> Result<Self, Failure> {
        if forge.token.is_none() && forge.app.is_none() {
            let text = format!("{} is not set: nobody else may change webhooks", forge.names.token);
            return Err(Failure::bad_input(text).hint("make one that may change webhooks"));
        }
        Ok(Self { forge, client: agent::client(forge, masks), repository, address })
    }

    /// The webhooks that are sent to the agent.
    pub(crate) async fn own(&self) -> Result<Vec<Webhook>, Failure> {
        let vendor = self.forge.id.vendor();
        let mut found: Vec<Webhook> = Vec::new();
        for page in 1..=PAGES {
            let request =
                webhooks::webhooks_request(vendor, &self.forge.api, self.repository, page);
            let Some(request) = request else { break };
            let answer = self.ask("list the webhooks", request).await?;
            let hooks =
                webhooks::webhooks(vendor, answer.body()).ok_or_else(|| self.unreadable())?;
            let last = hooks.is_empty();
            found.extend(hooks);
            if last {
                break;
            }
        }
        found.retain(|hook| webhooks::is_ours(hook, self.address));
        Ok(found)
    }

    /// Makes a new one.
    pub(crate) async fn make(&self, wanted: Wanted<'_>) -> Result<String, Failure> {
        let (vendor, api) = (self.forge.id.vendor(), &self.forge.api);
        let request = webhooks::webhook_request(vendor, api, self.repository, wanted);
        let answer = self.ask("make a webhook", request).await?;
        webhooks::webhook_id(vendor, answer.body()).ok_or_else(|| self.unreadable())
    }

    /// Makes one that is there what it should be; false where it has to be replaced.
    pub(crate) async fn change(&self, id: &str, wanted: Wanted<'_>) -> Result<bool, Failure> {
        let (vendor, api) = (self.forge.id.vendor(), &self.forge.api);
        let change = webhooks::webhook_change_request(vendor, api, self.repository, id, wanted);
        let Some(request) = change else { return Ok(false) };
        self.ask("change a webhook", request).await?;
        Ok(true)
    }

    pub(crate) async fn remove(&self, id: &str) -> Result<(), Failure> {
        let (vendor, api) = (self.forge.id.vendor(), &self.forge.api);
        let request = webhooks::webhook_removal_request(vendor, api, self.repository, id);
        self.ask("remove a webhook", request).await.map(drop)
    }

    /// Has one send something, and waits until the forge says what was answered.
    pub(crate) async fn test(&self, id: &str, since: Timestamp) -> Result<Heard, Failure> {
        let (vendor, api) = (self.forge.id.vendor(), &self.forge.api);
        let request = webhooks::webhook_test_request(vendor, api, self.repository, id);
        let Some(request) = request else {
            let text = format!("{vendor} sends no test when asked to: push something");
            return Ok(Heard::NotTold(text));
        };
        let answer = self.send("test a webhook", request).await?;
        if webhooks::nothing_to_test_with(vendor, answer.status().as_u16()) {
            let text = "The repository has no commit yet that a test could be made of: push one";
            return Ok(Heard::NotTold(text.to_owned()));
        }
        self.accepted("test a webhook", answer)?;
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let Some(attempts) = self.attempts(id).await? else {
                let root = self.forge.url.as_str().trim_end_matches('/');
                let place = webhooks::settings_page(vendor, root, self.repository, id);
                return Ok(Heard::NotTold(format!(
                    "A test was sent; {vendor} tells what came of it at {place} alone"
                )));
            };
            let newest = attempts.into_iter().find(|one| one.event == "ping");
            if let Some(ping) = newest.filter(|ping| ping.at >= since - CLOCKS) {
                return Ok(Heard::Answered(ping.status));
            }
            tokio::time::sleep(GLANCE).await;
        }
        Ok(Heard::Nothing)
    }

    /// What one has sent lately, the newest first; none where the forge does not tell.
    pub(crate) async fn attempts(&self, id: &str) -> Result<Option<Vec<github::Attempt>>, Failure> {
        let (vendor, api) = (self.forge.id.vendor(), &self.forge.api);
        let request = webhooks::webhook_attempts_request(vendor, api, self.repository, id);
        let Some(request) = request else { return Ok(None) };
        let answer = self.ask("read what a webhook has sent", request).await?;
        let headers = Headers::from_http(answer.headers());
        let (attempts, _) =
            github::attempts(&headers, answer.body()).ok_or_else(|| self.unreadable())?;
        Ok(Some(attempts))
    }

    /// There is none that is sent to the agent.
    pub(crate) fn none(&self) -> Failure {
        let (repository, address) = (self.repository, self.address);
        let text = format!("No webhook of `{repository}` is sent to `{address}`");
        Failure::bad_input(text).hint(format!("`pocketci-agent hooks install {repository}`"))
    }

    fn unreadable(&self) -> Failure {
        Failure::unreachable(format!("What {} answers cannot be read", self.forge.id))
    }

    async fn ask(
        &self,
        what: &str,
        request: http::Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, Failure> {
        let answer = self.send(what, request).await?;
        self.accepted(what, answer)
    }

    async fn send(
        &self,
        what: &str,
        request: http::Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, Failure> {
        let sent = self.client.send(request).await;
        sent.map_err(|error| self.failed(what, &error.to_string()))
    }

    fn accepted(
        &self,
        what: &str,
        answer: Response<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, Failure> {
        let vendor = self.forge.id.vendor();
        let (status, headers) = (answer.status().as_u16(), Headers::from_http(answer.headers()));
        match forge::answer(vendor, status, &headers, answer.body(), Timestamp::now()) {
            Answer::Done { .. } => Ok(answer),
            Answer::Refused { why, .. } if status == 403 || status == 404 => {
                let token = &self.forge.names.token;
                let hint = format!("{token} must be of somebody who administers the repository");
                Err(self.failed(what, &why).hint(hint))
            }
            Answer::NotYet { why }
            | Answer::Retry { why }
            | Answer::Limited { why, .. }
            | Answer::Refused { why, .. }
            | Answer::Never { why } => Err(self.failed(what, &why)),
        }
    }

    fn failed(&self, what: &str, why: &str) -> Failure {
        Failure::unreachable(format!("Cannot {what} of `{}`: {why}", self.repository))
    }
}
