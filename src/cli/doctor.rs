//! `doctor`: what is missing to run, and what to do about each.

mod agent;
mod github_app;
mod hook;
mod host;
mod outside;

use std::io::Write;

use anstyle::Style;
use clap::Args;
use serde::Serialize;

use super::output::{BAD, DOUBTFUL, FAINT, GOOD, plain};
use super::{Failure, output};
use crate::config::{Config, ForgeConfig};
use crate::domain::ids::RepoName;

/// Checks the dagger CLI and its engine, git, the forge and its token, the webhook secret, the
/// data folder and its disk, the clock, the TLS certificate, and an agent that runs already, with the environment that
/// `serve` would have. Changes nothing.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Look at the webhook of this repository too: that it is there, and what came of what it sent
    #[arg(long, value_name = "OWNER/REPO")]
    repository: Vec<RepoName>,
    /// Print a JSON list of the findings
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    Ok,
    /// It runs, and something will not be as it should.
    Warn,
    /// Something needed is missing.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    level: Level,
    what: &'static str,
    detail: String,
    /// What to do; none where all is well.
    advice: Option<String>,
}

impl Finding {
    fn ok(what: &'static str, detail: impl Into<String>) -> Self {
        Self { level: Level::Ok, what, detail: detail.into(), advice: None }
    }

    fn warn(what: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        let advice = Some(advice.into());
        Self { level: Level::Warn, what, detail: detail.into(), advice }
    }

    fn fail(what: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Fail, ..Self::warn(what, detail, advice) }
    }
}

/// The findings so far; each is printed when it is known, unless all are to be JSON.
struct Findings {
    all: Vec<Finding>,
    json: bool,
}

impl Findings {
    fn add(&mut self, findings: impl IntoIterator<Item = Finding>) -> Result<(), Failure> {
        for finding in findings {
            if !self.json {
                print(&finding)?;
            }
            self.all.push(finding);
        }
        Ok(())
    }
}

pub(super) async fn doctor(options: Options) -> Result<(), Failure> {
    let mut findings = Findings { all: Vec::new(), json: options.json };
    match Config::from_env() {
        Ok(config) => look(&config, &options.repository, &mut findings).await?,
        Err(error) => {
            let advice = "correct it; `pocketci-agent serve --help` lists the variables";
            let wrong = error.0.into_iter().map(|one| Finding::fail("environment", one, advice));
            findings.add(wrong)?;
        }
    }
    if options.json {
        output::json(&findings.all)?;
    }
    match findings.all.iter().any(|finding| finding.level == Level::Fail) {
        true => Err(Failure::unreachable_shown()),
        false => Ok(()),
    }
}

async fn look(
    config: &Config,
    repositories: &[RepoName],
    findings: &mut Findings,
) -> Result<(), Failure> {
    let doubts = config.warnings.iter();
    let advice = "correct it, or take it out of the environment";
    findings.add(doubts.map(|one| Finding::warn("environment", one.as_str(), advice)))?;
    findings.add(secrets(config))?;
    findings.add([git()])?;
    findings.add(host::data_folder(&config.data_dir, config.min_free))?;
    findings.add(outside::dagger(config).await)?;
    for forge in &config.forges {
        let mut found = outside::forge(forge).await;
        if config.forges.len() > 1 {
            found.iter_mut().for_each(|it| it.detail = format!("{}: {}", forge.id, it.detail));
        }
        findings.add(found)?;
    }
    for repository in repositories {
        findings.add(hook::webhook(config, repository).await)?;
    }
    findings.add(host::tls(config.tls.as_ref()))?;
    let socket = config.data_dir.join(crate::web::SOCKET);
    findings.add(agent::running(config.listen, config.tls.is_some(), &socket).await)
}

/// Nothing has to be installed; the version tells what the built-in git can do.
fn git() -> Finding {
    let (library, https) = crate::git::built_in();
    match https {
        true => Finding::ok("git", format!("libgit2 {library} is built in, with https")),
        false => Finding::fail(
            "git",
            format!("libgit2 {library} is built in, without https"),
            "build with the features of Cargo.toml, or no forge can be fetched from",
        ),
    }
}

/// One secret is enough to start with.
fn secrets(config: &Config) -> Vec<Finding> {
    const WHAT: &str = "webhook secret";
    let advice = "make one with `openssl rand -hex 32`, and give it to the webhook's settings too";
    let any = config.forges.iter().any(ForgeConfig::has_secret);
    let each = config.forges.iter().map(|forge| {
        let name = &forge.names.secret;
        match forge.webhook_secrets.len() {
            0 if any => {
                let detail = format!("{name} is not set: no webhook of {} is taken", forge.id);
                Finding::warn(WHAT, detail, advice)
            }
            0 => {
                let detail = format!("{name} is not set, and `serve` refuses to start without it");
                Finding::fail(WHAT, detail, advice)
            }
            1 => Finding::ok(WHAT, format!("{name} is set")),
            n => Finding::ok(WHAT, format!("{name} holds {n} secrets")),
        }
    });
    each.collect()
}

fn print(finding: &Finding) -> Result<(), Failure> {
    let (style, word): (Style, &str) = match finding.level {
        Level::Ok => (GOOD, "ok  "),
        Level::Warn => (DOUBTFUL, "warn"),
        Level::Fail => (BAD, "FAIL"),
    };
    let mut out = anstream::stdout().lock();
    let mut lines = finding.detail.lines();
    let first = plain(lines.next().unwrap_or_default());
    write!(out, "{style}{word}{style:#}  {} — {first}", finding.what)?;
    // A mistake in a file is shown with its place.
    for line in lines {
        write!(out, "\n      {}", plain(line))?;
    }
    if let Some(advice) = &finding.advice {
        write!(out, " {FAINT}—{FAINT:#} {}", plain(advice))?;
    }
    writeln!(out)?;
    Ok(())
}
