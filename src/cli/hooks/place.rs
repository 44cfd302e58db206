//! A repository on a forge, asked about its webhooks.

use std::time::{Duration, Instant};

use http::Response;
use jiff::Timestamp;

use crate::agent;
use crate::cli::Failure;
use crate::cli::remote::Arrivals;
use crate::config::ForgeConfig;
use crate::domain::forge::webhooks::{self, Attempt, Tested, Wanted, Webhook};
use crate::domain::forge::{self, Answer, Headers};
use crate::domain::ids::{RepoName, Vendor};
use crate::domain::redact::Masks;
use crate::forge_client::ForgeClient;

/// Pages of webhooks that are looked through.
const PAGES: usize = 20;
/// How long a test may be on its way.
const PATIENCE: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_secs(1);

/// What came of a test.
pub(crate) enum Heard {
    /// The status; 0 when nobody answered.
    Answered(u16),
    /// The agent says that something came.
    Arrived,
    /// Nothing was sent in time.
    Nothing,
    /// The forge does not tell; where to look.
    NotTold(String),
}

/// One that was made, or made what it should be.
pub(crate) struct Made {
    pub(crate) id: String,
    /// The forge has kept the secret, so that what is sent can be proven.
    pub(crate) proven: bool,
    /// It is proven in another way than was wanted.
    pub(crate) otherwise: bool,
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
            let known = found.len();
            for hook in hooks {
                // Some give all of them on every page.
                if found.iter().all(|other| other.id != hook.id) {
                    found.push(hook);
                }
            }
            if found.len() == known {
                break;
            }
        }
        found.retain(|hook| webhooks::is_ours(hook, self.address));
        Ok(found)
    }

    /// Makes a new one.
    pub(crate) async fn make(&self, wanted: Wanted<'_>) -> Result<Made, Failure> {
        let (vendor, api) = (self.forge.id.vendor(), &self.forge.api);
        let request = webhooks::webhook_request(vendor, api, self.repository, wanted);
        let answer = self.ask("make a webhook", request).await?;
        let id = webhooks::webhook_id(vendor, answer.body()).ok_or_else(|| self.unreadable())?;
        Ok(self.made(id, wanted, answer.body()))
    }

    /// Makes one that is there what it should be; none where it has to be replaced.
    pub(crate) async fn change(
        &self,
        id: &str,
        wanted: Wanted<'_>,
    ) -> Result<Option<Made>, Failure> {
        let (vendor, api) = (self.forge.id.vendor(), &self.forge.api);
        let change = webhooks::webhook_change_request(vendor, api, self.repository, id, wanted);
        let Some(request) = change else { return Ok(None) };
        let answer = self.ask("change a webhook", request).await?;
        let made = self.made(id.to_owned(), wanted, answer.body());
        Ok(Some(made).filter(|made| made.proven && !made.otherwise))
    }

    fn made(&self, id: String, wanted: Wanted<'_>, body: &[u8]) -> Made {
        let (vendor, secret) = (self.forge.id.vendor(), wanted.secret);
        let proven = webhooks::took_secret(vendor, secret, body);
        Made { id, proven, otherwise: webhooks::keeps_another(vendor, secret, body) }
    }

    pub(crate) async fn remove(&self, id: &str) -> Result<(), Failure> {
        let (vendor, api) = (self.forge.id.vendor(), &self.forge.api);
        let request = webhooks::webhook_removal_request(vendor, api, self.repository, id);
        self.ask("remove a webhook", request).await.map(drop)
    }

    /// Has one send something, and waits until somebody says what was answered: the forge, or, where
    /// that does not tell, the agent.
    pub(crate) async fn test(&self, hook: &Webhook) -> Result<Heard, Failure> {
        let (vendor, api) = (self.forge.id.vendor(), &self.forge.api);
        let request = webhooks::webhook_test_request(vendor, api, self.repository, hook);
        let Some(request) = request else {
            let text = format!("{vendor} sends no test when asked to: push something");
            return Ok(Heard::NotTold(text));
        };
        let known = self.attempts(&hook.id).await?.unwrap_or_default();
        let is_new = |one: &Attempt| known.iter().all(|other| other.id != one.id);
        let arrivals = Arrivals::before(self.forge.id, self.repository, self.address).await;
        let answer = self.send("test a webhook", request).await?;
        let status = answer.status().as_u16();
        match webhooks::tested(vendor, status, answer.body()) {
            None => drop(self.accepted("test a webhook", answer)?),
            Some(Tested::Answered(status)) => return Ok(Heard::Answered(status)),
            Some(Tested::NothingToTell) => {
                let text =
                    "The repository has no commit yet that a test could be made of: push one";
                return Ok(Heard::NotTold(text.to_owned()));
            }
            Some(Tested::NotSigned) => {
                let text = "The agent was reached, and did not take the test: the secrets differ, or \
                            this forge does not sign its tests. Push something to see which";
                return Ok(Heard::NotTold(text.to_owned()));
            }
            Some(Tested::Newest) => {
                let newest = self.attempts(&hook.id).await.ok().flatten();
                let newest = newest.and_then(|all| all.into_iter().next());
                if let Some(attempt) = newest.filter(is_new) {
                    return Ok(Heard::Answered(attempt.status));
                }
                self.accepted("test a webhook", answer)?;
                return Ok(Heard::Arrived);
            }
            Some(Tested::Sent) => {}
        }
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(attempts) = self.attempts(&hook.id).await? {
                let mut new = attempts.into_iter().filter(is_new);
                if let Some(ping) = new.find(|one| one.event == "ping") {
                    return Ok(Heard::Answered(ping.status));
                }
            } else if let Some(arrivals) = &arrivals {
                if arrivals.is_there_more().await {
                    return Ok(Heard::Arrived);
                }
            } else {
                let place = self.settings(&hook.id);
                return Ok(Heard::NotTold(format!(
                    "A test was sent; {vendor} tells what came of it at {place} alone, and the \
                     agent cannot be asked from here"
                )));
            }
            tokio::time::sleep(GLANCE).await;
        }
        Ok(Heard::Nothing)
    }

    /// Where people look at one.
    fn settings(&self, id: &str) -> String {
        let root = self.forge.url.as_str().trim_end_matches('/');
        webhooks::settings_page(self.forge.id.vendor(), root, self.repository, id)
    }

    /// What one has sent lately, the newest first; none where the forge does not tell.
    pub(crate) async fn attempts(&self, id: &str) -> Result<Option<Vec<Attempt>>, Failure> {
        let (vendor, api) = (self.forge.id.vendor(), &self.forge.api);
        let request = webhooks::webhook_attempts_request(vendor, api, self.repository, id);
        let Some(request) = request else { return Ok(None) };
        let answer = self.send("read what a webhook has sent", request).await?;
        // An older one does not tell, and one that has sent nothing may say so in this way.
        if answer.status() == http::StatusCode::NOT_FOUND && vendor != Vendor::Github {
            return Ok(None);
        }
        let answer = self.accepted("read what a webhook has sent", answer)?;
        let headers = Headers::from_http(answer.headers());
        let attempts = webhooks::webhook_attempts(vendor, &headers, answer.body());
        Ok(Some(attempts.ok_or_else(|| self.unreadable())?))
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
        let read = forge::answer(vendor, status, &headers, answer.body(), Timestamp::now());
        match forge::in_words_of(read, vendor, &self.forge.names.token) {
            Answer::Done { .. } => Ok(answer),
            // Some tell those who may not in the same way as those who are nobody.
            Answer::Refused { why, .. } if status != 401 || vendor == Vendor::BitbucketServer => {
                let token = &self.forge.names.token;
                let hint = format!(
                    "{token} must be of somebody who administers the repository, and may change webhooks"
                );
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
