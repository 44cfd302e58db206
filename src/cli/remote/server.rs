//! The agent that commands speak to: by its socket on this machine, or by http(s).

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, RequestBuilder, Response};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::{Host, Url};

use super::trouble::Trouble;
use crate::cli::Failure;
use crate::config::ClientConfig;

/// Bounds name lookup, TCP and TLS together.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Bounds a question with a short answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// Silence that a stream is given up after: the agent says something every ten seconds.
const SILENCE: Duration = Duration::from_secs(35);
/// How long an agent that went away is waited for: a restart lets calls end first.
pub(super) const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// Says which wish it is, if it has to be sent again.
const KEY: &str = "idempotency-key";
/// The first wait before asking again; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The socket in the data folder.
pub(super) const SOCKET: &str = "agent.sock";

/// Which agent, and how its answer is shown.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct Reach {
    /// The agent's address, or `unix:` and the path of its socket [default: POCKETCI_URL, else
    /// the agent of this machine]
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// An agent; nothing is opened before it is asked for something.
#[derive(Clone)]
pub(super) struct Server {
    http: Client,
    /// Without a slash at the end.
    base: String,
    socket: Option<PathBuf>,
    token: Option<SecretString>,
}

impl Reach {
    /// Finds out which agent is meant.
    pub(super) fn server(&self) -> Result<Server, Failure> {
        let config = ClientConfig::from_env()?;
        let named = self.server.as_deref();
        if let Some(path) = named.and_then(|text| text.strip_prefix("unix:")) {
            return Server::at_socket(PathBuf::from(path), config.token);
        }
        let url = match named {
            Some(text) => Some(address(text)?),
            None => config.url,
        };
        match (url, config.data_dir) {
            (Some(url), _) => Server::at(&url, config.token),
            (None, Some(folder)) => Server::at_socket(folder.join(SOCKET), config.token),
            (None, None) => Err(Failure::bad_input("Nothing says which agent is meant")
                .hint("set POCKETCI_URL, or POCKETCI_DATA_DIR for the agent of this machine")),
        }
    }
}

/// The address of an agent; `https` where no scheme is written.
fn address(text: &str) -> Result<Url, Failure> {
    let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = full.parse::<Url>().ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
    });
    url.ok_or_else(|| {
        Failure::bad_input("The value of --server is no address")
            .hint("write it like `https://ci.example.org`, and the token in POCKETCI_TOKEN")
    })
}

/// Whether what is sent there can be read on the way.
fn is_open(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && !loopback
}

impl Server {
    pub(super) fn at(url: &Url, token: Option<SecretString>) -> Result<Self, Failure> {
        if token.is_some() && is_open(url) {
            let text = "POCKETCI_TOKEN is not sent over plain http, where others can read it";
            return Err(Failure::bad_input(text).hint("name the agent by https"));
        }
        let base = url.as_str().trim_end_matches('/').to_owned();
        Self::new(Client::builder(), base, None, token)
    }

    pub(super) fn at_socket(path: PathBuf, token: Option<SecretString>) -> Result<Self, Failure> {
        let path = std::path::absolute(&path).unwrap_or(path);
        let builder = Client::builder().unix_socket(path.clone()).no_proxy();
        Self::new(builder, "http://localhost".to_owned(), Some(path), token)
    }

    fn new(
        builder: reqwest::ClientBuilder,
        base: String,
        socket: Option<PathBuf>,
        token: Option<SecretString>,
    ) -> Result<Self, Failure> {
        let builder = builder
            .user_agent(concat!("pocketci-agent/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_LIMIT)
            .read_timeout(SILENCE)
            // A redirect would decide where the token goes.
            .redirect(reqwest::redirect::Policy::none());
        let http = builder
            .build()
            .map_err(|error| Failure::unreachable(format!("Cannot set up connections: {error}")))?;
        Ok(Self { http, base, socket, token })
    }

    /// Where it is, for people.
    pub(super) fn place(&self) -> String {
        match &self.socket {
            Some(path) => format!("`{}`", path.display()),
            None => self.base.clone(),
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/api/v1{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        }
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Response, Trouble> {
        let answer = request.send().await.map_err(|error| self.silent(error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(self.refused(answer).await)
    }

    async fn refused(&self, answer: Response) -> Trouble {
        let (status, path) = (answer.status(), answer.url().path().to_owned());
        let body = answer.bytes().await.unwrap_or_default();
        Trouble::refused(&self.place(), self.token.is_some(), status, &body).at(&path)
    }

    fn silent(&self, error: reqwest::Error) -> Trouble {
        Trouble::network(&self.place(), self.socket.as_deref(), error)
    }

    async fn json<T: DeserializeOwned>(&self, answer: Response) -> Result<T, Trouble> {
        let body = answer.bytes().await.map_err(|error| self.silent(error))?;
        self.read(&body)
    }

    fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Trouble> {
        // An act may have nothing to say.
        let body = if body.is_empty() { b"null" } else { body };
        serde_json::from_slice(body).map_err(|error| {
            Trouble::unreachable(format!("Cannot read the answer of {}: {error}", self.place()))
                .hint("is it a pocketci-agent, and as new as this program?")
        })
    }

    /// What is at a path below `/api/v1`.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        let request = self.request(Method::GET, path).timeout(ANSWER_LIMIT);
        self.json(self.answer(request).await?).await
    }

    /// The same, waiting for an agent that is being restarted.
    pub(super) async fn insist<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        let mut waits = Waits::default();
        loop {
            match self.get(path).await {
                Err(trouble) if trouble.passes() => waits.wait(trouble).await?,
                done => return done,
            }
        }
    }

    /// Has the agent do something.
    pub(super) async fn act(
        &self,
        method: Method,
        path: &str,
        what: Option<Value>,
    ) -> Result<Value, Trouble> {
        let mut request = self.request(method, path).timeout(ANSWER_LIMIT);
        if let Some(what) = what {
            request = request.header(CONTENT_TYPE, "application/json").body(what.to_string());
        }
        self.json(self.answer(request).await?).await
    }

    /// Has the agent begin something, which it does once however often it has to be asked: who is
    /// cut off before the answer asks again with the same key.
    pub(super) async fn act_once(&self, path: &str, what: &Value) -> Result<Value, Trouble> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)
            .map_err(|error| Trouble::unreachable(format!("Cannot make a key: {error}")))?;
        let key = hex::encode(bytes);
        let (mut waits, mut asked) = (Waits::default(), false);
        loop {
            let request = self.request(Method::POST, path).timeout(ANSWER_LIMIT);
            let request = request.header(KEY, &key).header(CONTENT_TYPE, "application/json");
            let sent = request.body(what.to_string()).send().await;
            let trouble = match sent {
                Err(error) if error.is_connect() && !asked => return Err(self.silent(error)),
                Err(error) => self.silent(error),
                Ok(answer) if !answer.status().is_success() => {
                    return Err(self.refused(answer).await);
                }
                Ok(answer) => match answer.bytes().await {
                    Ok(body) => return self.read(&body),
                    Err(error) => self.silent(error),
                },
            };
            asked = true;
            waits.wait(trouble).await?;
        }
    }

    /// An answer that is read as it comes.
    pub(super) async fn open(
        &self,
        path: &str,
        accept: &str,
        more: &[(&str, &str)],
    ) -> Result<Body<'_>, Trouble> {
        let mut request = self.request(Method::GET, path).header(ACCEPT, accept);
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        Ok(Body { answer: self.answer(request).await?, server: self })
    }
}

/// The body of an answer as it comes.
pub(super) struct Body<'a> {
    pub(super) answer: Response,
    server: &'a Server,
}

impl Body<'_> {
    /// The next bytes; none at the end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        let chunk = self.answer.chunk().await.map_err(|error| self.server.silent(error))?;
        Ok(chunk.map(|bytes| bytes.to_vec()))
    }
}

/// Waits between questions to an agent that does not answer.
#[derive(Debug)]
pub(super) struct Waits {
    since: Instant,
    next: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self { since: Instant::now(), next: FIRST_WAIT }
    }
}

impl Waits {
    /// Waits a little before it is asked again.
    ///
    /// # Errors
    /// The trouble, when it has gone on for too long.
    pub(super) async fn wait(&mut self, trouble: Trouble) -> Result<(), Trouble> {
        if self.since.elapsed() > PATIENCE {
            return Err(trouble);
        }
        tokio::time::sleep(self.next).await;
        self.next = (self.next * 2).min(LONGEST_WAIT);
        Ok(())
    }
}
