//! A pretend GitHub, or another forge (see `kind`): a state (repositories, pull requests, statuses) and an HTTP face.
//!
//! The state is here, with the verbs that stories use; `face` answers the agent's requests,
//! `payload` writes bodies as GitHub does, `hook` signs and sends them.

pub mod app;
mod conversation;
mod face;
mod hook;
mod hooks;
mod kind;
mod past;
mod seen;
mod payload;
mod repo;
pub mod sign_in;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Instant;

use tempfile::TempDir;

use super::{PATIENCE, git};

pub use conversation::Comment;
pub use hook::{Delivery, SECRET, headers, new_id, sign};
pub use hooks::Hook;
pub use kind::Kind;
pub use repo::{PullRequest, Repo};

/// What the agent must name itself with, for git and for the API.
pub const USERNAME: &str = "pocketci-bot";
pub const TOKEN: &str = "ghp_0123456789abcdefTheTokenOfTheForge";

/// A pretend GitHub that stops when its last owner is gone.
#[derive(Clone)]
pub struct Forge {
    ledger: Arc<Ledger>,
    _face: Arc<face::Face>,
}

/// Everything the forge knows.
struct Ledger {
    /// For what goes on behind an answer.
    me: std::sync::Weak<Ledger>,
    kind: Kind,
    url: String,
    token: String,
    /// What its webhooks are signed with.
    secret: String,
    dir: TempDir,
    state: Mutex<State>,
    /// Told at every change of the state.
    changed: Condvar,
}

/// Chooses requests by their paths.
type Which = fn(&str) -> bool;

#[derive(Default)]
struct State {
    /// Where deliveries are sent.
    hook: Option<String>,
    /// Whether anybody may clone.
    public: bool,
    repositories: HashMap<String, Repo>,
    pulls: Vec<PullRequest>,
    deliveries: Vec<Delivery>,
    /// Accepted statuses, in the order in which they came.
    statuses: Vec<Status>,
    /// What is answered to statuses instead, and how often still (none: until told otherwise).
    statuses_refused_with: Option<(Refusal, Option<usize>)>,
    /// What is answered to whoever asks what a commit shows.
    looks_refused_with: Option<Refusal>,
    git_refused_with: Option<Refusal>,
    /// Where requests whose path is such are sent on to.
    redirect: Option<(String, Which)>,
    /// Nobody may read the webhooks.
    hooks_hidden: bool,
    /// Those that were made by the API.
    made_hooks: Vec<Hook>,
    /// It signs less than newer ones do.
    signs_less: bool,
    /// The owner that is an organisation and has a webhook.
    organisation: Option<String>,
    /// Its one App; where there is one, nobody else is answered.
    app: Option<app::App>,
    /// What is given once to whoever brings this code: the App that was made for them.
    conversion: Option<(String, serde_json::Value)>,
    /// Statuses that were ever accepted.
    posts: u64,
    requests: Vec<Request>,
    conversation: conversation::Conversation,
    sign_in: sign_in::SignIn,
}

/// A status as it was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Later posts have higher ones.
    pub id: u64,
    pub repository: String,
    pub sha: String,
    pub state: String,
    pub context: String,
    pub description: String,
    pub target_url: String,
}

/// A request that reached the forge.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// With the query.
    pub path: String,
    /// The header, where there was one.
    pub authorization: Option<String>,
    /// 0: it hangs.
    pub status: u16,
}

/// How the forge fails when a story wants it to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    BadGateway,
    /// 429 with `Retry-After` in seconds.
    RateLimited(u64),
    /// 403 with nothing left until so many seconds from now.
    Exhausted(u64),
    /// 422 `No commit found for SHA`, as right after a push.
    NoCommit,
    BadCredentials,
    /// Takes the request and never answers.
    Hang,
    /// Starts an answer and hangs up.
    Drop,
    /// 403: the repository was archived, and will never take anything.
    Archived,
    /// A whole answer with half of what belongs into it.
    Truncated,
}

impl Forge {
    pub fn start() -> Self {
        Self::start_as(Kind::Github)
    }

    /// Another forge than GitHub.
    pub fn start_as(kind: Kind) -> Self {
        Self::start_with(kind, TOKEN, SECRET)
    }

    /// One with a token and a secret of its own.
    pub fn start_with(kind: Kind, token: &str, secret: &str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let ledger = Arc::new_cyclic(|me| Ledger {
            me: me.clone(),
            kind,
            url: format!("http://{}", listener.local_addr().unwrap()),
            token: token.to_owned(),
            secret: secret.to_owned(),
            dir: tempfile::Builder::new().prefix("pocketci-forge-").tempdir().unwrap(),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let face = face::Face::open(listener, ledger.clone());
        Self { ledger, _face: Arc::new(face) }
    }

    pub fn kind(&self) -> Kind {
        self.ledger.kind
    }

    /// Its root, as in `POCKETCI_GITHUB_URL`.
    pub fn url(&self) -> &str {
        &self.ledger.url
    }

    /// Where hooks go from now on.
    pub fn send_hooks_to(&self, url: &str) {
        self.state().hook = Some(url.to_owned());
    }

    /// Lets anybody clone.
    pub fn be_public(&self) {
        self.state().public = true;
    }

    /// Makes an empty repository, or finds it again.
    pub fn repository(&self, name: &str) -> Repo {
        if let Some(repo) = self.state().repositories.get(name) {
            return repo.clone();
        }
        let path = self.repositories().join(format!("{name}.git"));
        git::init(&path, "main");
        self.adopt(name, path, None)
    }

    /// `owner/name` of another owner, with everything that was pushed so far.
    pub fn fork(&self, repo: &Repo, owner: &str) -> Repo {
        let name = format!("{owner}/{}", repo.short_name());
        let fork = self.repository(&name);
        let from = repo.path().to_str().unwrap();
        git::git(fork.path(), &["fetch", "--quiet", from, "+refs/heads/*:refs/heads/*"]);
        git::git(fork.path(), &["fetch", "--quiet", from, "+refs/heads/*:refs/local/*"]);
        let path = fork.path().to_owned();
        self.adopt(&name, path, Some(repo.name()))
    }

    fn adopt(&self, name: &str, path: PathBuf, parent: Option<&str>) -> Repo {
        let mut state = self.state();
        let known = state.repositories.get(name).map(Repo::id);
        let id = known.unwrap_or(1000 + state.repositories.len() as u64);
        let repo = Repo::new(id, name, path, parent);
        state.repositories.insert(name.to_owned(), repo.clone());
        repo
    }

    fn repositories(&self) -> PathBuf {
        self.ledger.repositories()
    }

    /// Answers statuses with this until [`Forge::accept_statuses`].
    pub fn refuse_statuses_with(&self, refusal: Refusal) {
        self.state().statuses_refused_with = Some((refusal, None));
    }

    /// Answers the next `times` statuses with this.
    pub fn refuse_some_statuses_with(&self, times: usize, refusal: Refusal) {
        self.state().statuses_refused_with = Some((refusal, Some(times)));
    }

    /// Answers whoever asks what a commit shows with this until [`Forge::let_look`].
    pub fn refuse_looks_with(&self, refusal: Refusal) {
        self.state().looks_refused_with = Some(refusal);
    }

    pub fn let_look(&self) {
        self.state().looks_refused_with = None;
    }

    pub fn accept_statuses(&self) {
        self.state().statuses_refused_with = None;
    }

    /// Loses what was posted of a context but for the first `kept` posts, as a forge restored
    /// from a backup does.
    pub fn lose_statuses(&self, sha: &str, context: &str, kept: usize) {
        self.ledger.change(|state| {
            let mut seen = 0;
            state.statuses.retain(|status| {
                let of_it = status.sha == sha && status.context == context;
                seen += usize::from(of_it);
                !of_it || seen <= kept
            });
        });
    }

    /// Somebody posts a status, who is not the agent or an agent of long ago.
    pub fn post_status(&self, repo: &Repo, sha: &str, context: &str, state: &str, url: &str) {
        self.ledger.change(|forge| {
            let id = forge.next_post();
            forge.statuses.push(Status {
                id,
                repository: repo.name().to_owned(),
                sha: sha.to_owned(),
                state: state.to_owned(),
                context: context.to_owned(),
                description: "By hand".to_owned(),
                target_url: url.to_owned(),
            });
        });
    }

    /// Makes an owner an organisation with a webhook of its own.
    pub fn have_an_organisation(&self, name: &str) {
        self.state().organisation = Some(name.to_owned());
    }

    /// Lets nobody read the webhooks and what became of them.
    pub fn hide_hooks(&self) {
        self.state().hooks_hidden = true;
    }

    pub fn show_hooks(&self) {
        self.state().hooks_hidden = false;
    }

    /// Answers git with this until [`Forge::serve_git`].
    pub fn refuse_git_with(&self, refusal: Refusal) {
        self.state().git_refused_with = Some(refusal);
    }

    /// Sends requests whose path is such on to another host, until [`Forge::stay`].
    pub fn redirect_to(&self, url: &str, which: Which) {
        self.state().redirect = Some((url.to_owned(), which));
    }

    pub fn stay(&self) {
        self.state().redirect = None;
    }

    pub fn serve_git(&self) {
        self.state().git_refused_with = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.ledger.state()
    }
}

impl Ledger {
    fn state(&self) -> MutexGuard<'_, State> {
        // A story that panics while it holds the lock has said what it had to say.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Changes the state and wakes who waits for it.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state());
        self.changed.notify_all();
        changed
    }

    fn repositories(&self) -> PathBuf {
        self.dir.path().join("repositories")
    }

    /// The folder of `owner/name`.
    fn repository(&self, name: &str) -> Option<PathBuf> {
        self.state().repositories.get(name).map(|repo| Path::to_owned(repo.path()))
    }
}

impl State {
    fn next_post(&mut self) -> u64 {
        self.posts += 1;
        self.posts
    }

    fn statuses_of(&self, sha: &str) -> Vec<Status> {
        self.statuses.iter().filter(|status| status.sha == sha).cloned().collect()
    }
}

impl Status {
    pub fn is_final(&self) -> bool {
        self.state != "pending"
    }
}
