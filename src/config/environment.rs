//! One reader for each kind of variable; what it does not understand, it notes.

mod client;
mod collector;
mod credentials;
mod forges;
mod front;
mod github_app;
mod limits;
mod sign_in;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use url::Url;

pub(super) use client::client;

use super::file::File;
use super::forges::address;
use super::{Config, ConfigError, Forks, LogFormat, VARIABLES};
use crate::domain::policy::{Defaults, Policy, Source, is_the_agents};
use crate::domain::space::{Keep, MinFree};
use crate::domain::suggest;

/// What `dagger` sees of the agent's environment, where it is set.
const BASE: [&str; 18] = [
    "PATH",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "_EXPERIMENTAL_DAGGER_RUNNER_HOST",
    "DAGGER_CLOUD_TOKEN",
];

/// What a shell sees of it.
const SHELL: [&str; 5] = ["PATH", "HOME", "USER", "LANG", "TMPDIR"];

/// What the machine says where the environment is silent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Host {
    pub(super) root: bool,
    pub(super) cpus: usize,
}

/// Whether a variable is about the machine: what `dagger`, or a shell, cannot do without.
pub(super) fn is_of_the_machine(name: &str) -> bool {
    BASE.contains(&name) || SHELL.contains(&name) || name == "POCKETCI_DAGGER"
}

struct Environment<F> {
    lookup: F,
    wrong: Vec<String>,
    /// What proves webhooks of the file's forges; nobody else may have it.
    withheld: BTreeSet<Source>,
    /// Variables with tokens of the file's forges.
    tokens: BTreeSet<String>,
}

/// Reads a configuration. `names` are all variables that there are, for slips in ours.
pub(super) fn read(
    lookup: impl Fn(&str) -> Option<OsString>,
    names: BTreeSet<String>,
    host: Host,
) -> Result<Config, ConfigError> {
    let mut env = Environment::new(lookup);
    let mut warnings = slips(&names);
    let file = env.file();
    env.database();
    let data_dir = env.data_dir(host.root);
    let mut own = Vec::new();
    let mut forges = env.forges(&file.forges, &mut own, &mut warnings);
    let section = file.github_app.as_ref();
    own.extend(env.github_app(&mut forges, section, &data_dir, &mut warnings));
    let public_url = env.public_url();
    let sign_in = env.sign_in(&forges, public_url.is_some(), &mut own);
    let (secret_names, values) = env.secrets(&file, &mut warnings);
    let (forks, host_commands) = (env.forks(), env.host_commands());
    let defaults = Defaults { forks, host_commands, secrets: secret_names.clone() };
    let policy = Policy::new(defaults, file.repositories, values.names());
    let pass_env = env.pass_env(&mut warnings);
    let collector = env.collector(&mut warnings);
    let own = own.into_iter().chain(collector.iter().flat_map(collector::secrets)).collect();
    let masks = env.masks(own, &policy, &values, &pass_env, &mut warnings);
    let config = Config {
        listen: env.listen(),
        public_url,
        tls: env.tls(),
        public_runs: env.public_runs(),
        sign_in,
        proxies: env.proxies(),
        data_dir,
        forges,
        allow_sha1: env.switch("POCKETCI_ALLOW_SHA1"),
        secret_names,
        secrets: values,
        masks,
        policy,
        forks,
        pass_env,
        host_commands,
        base_env: env.present(&BASE),
        shell_env: env.present(&SHELL),
        parallelism: env.parallelism(host.cpus),
        repository_parallelism: env.repository_parallelism(),
        call_timeout: env.call_timeout(),
        run_timeout: env.run_timeout(),
        drain_timeout: env.drain_timeout(),
        catch_up: env.catch_up(),
        keep: env.space("POCKETCI_KEEP", Keep::default(), Keep::parse),
        min_free: env.space("POCKETCI_MIN_FREE", MinFree::Percent(5.0), MinFree::parse),
        log_limit: env.log_limit(),
        dagger: env.raw("POCKETCI_DAGGER").map_or_else(|| "dagger".into(), PathBuf::from),
        collector,
        log_format: env.log_format(),
        crash_at: if cfg!(debug_assertions) { env.text("POCKETCI_TEST_CRASH_AT") } else { None },
        compare_every: if cfg!(debug_assertions) { env.compare_every() } else { None },
        warnings,
    };
    if env.wrong.is_empty() { Ok(config) } else { Err(ConfigError(env.wrong)) }
}

/// What starts with `POCKETCI_` and is none of ours: an operator who set it believes otherwise.
fn slips(names: &BTreeSet<String>) -> Vec<String> {
    // The token is the commands' that speak to a running agent, in whose shell it may be set.
    let ours = |name: &&String| {
        name.starts_with("POCKETCI_")
            && !name.starts_with("POCKETCI_TEST")
            && name.as_str() != "POCKETCI_TOKEN"
    };
    let known = VARIABLES.map(|(name, _)| name);
    let unknown = names.iter().filter(ours).filter(|name| !known.contains(&name.as_str()));
    let say = |name: &String| match suggest::nearest(name, known) {
        Some(word) => format!("{name} is not a variable of ours: did you mean {word}?"),
        None => format!("{name} is not a variable of ours"),
    };
    unknown.map(say).collect()
}

impl<F: Fn(&str) -> Option<OsString>> Environment<F> {
    fn new(lookup: F) -> Self {
        let (withheld, tokens) = (BTreeSet::new(), BTreeSet::new());
        Self { lookup, wrong: Vec::new(), withheld, tokens }
    }

    fn raw(&self, name: &str) -> Option<OsString> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    fn wrong(&mut self, name: &str, value: &str, right: &str) {
        let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.wrong.push(format!("{name} is `{value}`: it must be {right}"));
    }

    /// A variable whose value may be shown, without white space at its ends.
    fn text(&mut self, name: &str) -> Option<String> {
        let text = self.hidden(name)?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// A variable whose value is not for messages.
    fn hidden(&mut self, name: &str) -> Option<String> {
        match self.raw(name)?.into_string() {
            Ok(text) => Some(text),
            Err(_) => {
                self.wrong.push(format!("{name} is not UTF-8"));
                None
            }
        }
    }

    fn present(&self, names: &[&str]) -> Vec<(String, OsString)> {
        let value = |name: &&str| Some(((*name).to_owned(), self.raw(name)?));
        names.iter().filter_map(value).collect()
    }

    /// A list of variables' names, with commas or white space between.
    fn names(&mut self, list: &str) -> Vec<String> {
        let text = self.text(list).unwrap_or_default();
        let mut names: Vec<String> = Vec::new();
        for name in text.split(|c: char| c == ',' || c.is_whitespace()).filter(|n| !n.is_empty()) {
            let form = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if !name.chars().all(form) || name.starts_with(|c: char| c.is_ascii_digit()) {
                // Whoever wrote a value here has written a secret.
                let text = "names variables, and one of its words is no variable's name: \
                            the values stay in variables of their own";
                self.wrong.push(format!("{list} {text}"));
            } else if is_the_agents(name) || self.withheld.contains(&Source::Env(name.to_owned())) {
                let text = format!("{list} names {name}, which is the agent's own: take it out");
                self.wrong.push(text);
            } else if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    fn listen(&mut self) -> SocketAddr {
        let default = SocketAddr::from(([0, 0, 0, 0], 8080));
        let Some(text) = self.text("POCKETCI_LISTEN") else { return default };
        let full = match text.strip_prefix(':') {
            Some(port) => format!("0.0.0.0:{port}"),
            None => text.replacen("localhost:", "127.0.0.1:", 1),
        };
        full.parse().unwrap_or_else(|_| {
            self.wrong("POCKETCI_LISTEN", &text, "an address and a port, like `0.0.0.0:8080`");
            default
        })
    }

    /// An address of the web without credentials, query or fragment.
    fn url(&mut self, name: &str, right: &str) -> Option<Url> {
        let text = self.text(name)?;
        let Some(url) = address(&text) else {
            // A value that does not parse may still hold a password.
            let shown = if text.contains('@') { "…" } else { &text };
            self.wrong(name, shown, right);
            return None;
        };
        if !url.username().is_empty() || url.password().is_some() {
            self.wrong.push(format!("{name} holds credentials: it must be {right}"));
            return None;
        }
        Some(url)
    }

    fn public_url(&mut self) -> Option<String> {
        let url =
            self.url("POCKETCI_URL", "what the world calls it, like `https://ci.example.org`");
        url.map(|url| url.as_str().trim_end_matches('/').to_owned())
    }

    fn switch(&mut self, name: &str) -> bool {
        match self.text(name).as_deref() {
            None | Some("false" | "0") => false,
            Some("true" | "1") => true,
            Some(other) => {
                self.wrong(name, other, "`true` or `false`");
                false
            }
        }
    }

    fn forks(&mut self) -> Forks {
        match self.text("POCKETCI_FORKS").as_deref() {
            None | Some("approve") => Forks::Approve,
            Some("run") => Forks::Run,
            Some("never") => Forks::Never,
            Some(other) => {
                self.wrong("POCKETCI_FORKS", other, "`approve`, `run` or `never`");
                Forks::Approve
            }
        }
    }

    fn host_commands(&mut self) -> bool {
        match self.text("POCKETCI_HOST_COMMANDS").as_deref() {
            None | Some("never" | "off") => false,
            Some("allow") => true,
            Some(other) => {
                let right = "`allow`, which gives commands the rights of this agent, or unset";
                self.wrong("POCKETCI_HOST_COMMANDS", other, right);
                false
            }
        }
    }

    fn log_format(&mut self) -> LogFormat {
        match self.text("POCKETCI_LOG_FORMAT").as_deref() {
            None | Some("human" | "text") => LogFormat::Human,
            Some("json") => LogFormat::Json,
            Some(other) => {
                self.wrong("POCKETCI_LOG_FORMAT", other, "`human` or `json`");
                LogFormat::Human
            }
        }
    }

    fn data_dir(&mut self, root: bool) -> PathBuf {
        if let Some(folder) = self.raw("POCKETCI_DATA_DIR").map(PathBuf::from) {
            return std::path::absolute(&folder).unwrap_or(folder);
        }
        let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
        if let Some(state) = self.raw("XDG_STATE_HOME").and_then(absolute) {
            return state.join("pocketci");
        }
        if root {
            return PathBuf::from("/var/lib/pocketci");
        }
        if let Some(home) = self.raw("HOME").and_then(absolute) {
            return home.join(".local/state/pocketci");
        }
        let text = "POCKETCI_DATA_DIR is not set, nor is HOME: say where the state belongs";
        self.wrong.push(text.to_owned());
        PathBuf::new()
    }

    /// What `POCKETCI_CONFIG` says; nothing where there is none or it cannot be read.
    fn file(&mut self) -> File {
        let Some(path) = self.raw("POCKETCI_CONFIG").map(PathBuf::from) else {
            return File::default();
        };
        // What is relative in it is relative to where it lies, wherever the agent is started.
        let path = std::path::absolute(&path).unwrap_or(path);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let path = path.display();
                self.wrong
                    .push(format!("POCKETCI_CONFIG is `{path}`, which cannot be read: {error}"));
                return File::default();
            }
        };
        File::parse(&path, &bytes).unwrap_or_else(|errors| {
            self.wrong.push(errors.render(false).trim_end().to_owned());
            File::default()
        })
    }

    /// Only the database in the data folder is built in.
    fn database(&mut self) {
        let Some(text) = self.hidden("POCKETCI_DATABASE_URL") else { return };
        let text = text.trim();
        if text.is_empty() || text == "sqlite:" {
            return;
        }
        // It may hold a password, so that only its kind is shown.
        let kind = text.split(':').next().unwrap_or("").chars().take(20).collect::<String>();
        let right =
            "unset or `sqlite:`, the database in the data folder: this version has no other";
        self.wrong("POCKETCI_DATABASE_URL", &format!("{kind}:…"), right);
    }
}

#[cfg(test)]
mod tests;
