//! `tokens`: what opens the pages and the API to people and programs elsewhere.

use std::io::{IsTerminal as _, Write as _};

use anstyle::Style;
use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::server::{Reach, Server};
use super::table::{Table, cell};
use super::words::age;
use crate::cli::Failure;
use crate::cli::output::{self, BAD, FAINT, STRONG, plain};

#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a token; it is shown this once
    Create(Create),
    /// The tokens, and when they were last used
    List(List),
    /// End a token
    Revoke(Revoke),
}

#[derive(Debug, Args)]
struct Create {
    /// What it is for: it stands with everything that is done with it
    #[arg(long)]
    name: String,
    /// What it may do
    #[arg(long, value_enum, default_value_t = Scope::Read)]
    scope: Scope,
    #[command(flatten)]
    reach: Reach,
}

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scope {
    /// See everything
    Read,
    /// And rerun, cancel, approve, replay and trigger
    Operate,
    /// And make and revoke tokens
    Admin,
}

#[derive(Debug, Args)]
struct List {
    /// With those that are revoked
    #[arg(long, short)]
    all: bool,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
struct Revoke {
    /// Its name or its number
    token: String,
    #[command(flatten)]
    reach: Reach,
}

/// A token, as far as it is shown.
#[derive(Debug, Deserialize)]
struct Token {
    id: i64,
    name: String,
    scope: String,
    created_at: Timestamp,
    #[serde(alias = "last_used", alias = "last_used_at")]
    used_at: Option<Timestamp>,
    #[serde(alias = "revoked")]
    revoked_at: Option<Timestamp>,
}

pub(in crate::cli) async fn tokens(options: Options) -> Result<(), Failure> {
    match options.what {
        What::Create(options) => create(options).await,
        What::List(options) => list(options).await,
        What::Revoke(options) => revoke(options).await,
    }
}

async fn create(options: Create) -> Result<(), Failure> {
    let server = options.reach.server()?;
    let scope = options.scope.to_possible_value();
    let scope = scope.as_ref().map_or("read", |value| value.get_name());
    let wish = json!({ "name": options.name, "scope": scope });
    let answer = server.act(Method::POST, "/tokens", Some(wish)).await?;
    if options.reach.json {
        return Ok(output::json(&answer)?);
    }
    let Some(text) = answer.get("token").and_then(Value::as_str) else {
        return Err(Failure::unreachable("The agent did not say what the token is"));
    };
    // The token alone on standard output, for `$(…)`; people are told what to do with it.
    if std::io::stdout().is_terminal() {
        let name = plain(&options.name);
        let mut out = anstream::stderr().lock();
        writeln!(
            out,
            "The token {STRONG}{name}{STRONG:#} is shown this once; it goes into POCKETCI_TOKEN:"
        )?;
    }
    Ok(writeln!(anstream::stdout().lock(), "{}", plain(text))?)
}

async fn all(server: &Server) -> Result<Vec<Value>, Failure> {
    let answer: Value = server.get("/tokens").await?;
    let list = answer.get("tokens").unwrap_or(&answer).as_array().cloned();
    list.ok_or_else(|| Failure::unreachable("The agent's answer is no list of tokens"))
}

fn read(value: &Value) -> Result<Token, Failure> {
    Token::deserialize(value)
        .map_err(|error| Failure::unreachable(format!("Cannot read the answer: {error}")))
}

async fn list(options: List) -> Result<(), Failure> {
    let server = options.reach.server()?;
    let mut tokens = all(&server).await?;
    if !options.all {
        tokens.retain(|token| read(token).map_or(true, |token| token.revoked_at.is_none()));
    }
    if options.reach.json {
        return Ok(output::json(&json!({ "tokens": tokens }))?);
    }
    if tokens.is_empty() {
        let name = crate::cli::NAME;
        let text = format!("There are no tokens: `{name} tokens create --name …` makes one");
        return Ok(writeln!(anstream::stdout().lock(), "{text}")?);
    }
    let mut table = Table::new(&["TOKEN", "NAME", "SCOPE", "MADE", "LAST USE"], "NAME");
    let now = Timestamp::now();
    for token in &tokens {
        let token = read(token)?;
        let used = match (token.revoked_at, token.used_at) {
            (Some(at), _) => cell(BAD, &format!("revoked {} ago", age(at, now))),
            (None, Some(at)) => cell(FAINT, &format!("{} ago", age(at, now))),
            (None, None) => cell(FAINT, "never"),
        };
        table.row(vec![
            cell(STRONG, &token.id.to_string()),
            cell(Style::new(), &token.name),
            cell(Style::new(), &token.scope),
            cell(FAINT, &format!("{} ago", age(token.created_at, now))),
            used,
        ]);
    }
    Ok(table.print()?)
}

async fn revoke(options: Revoke) -> Result<(), Failure> {
    let server = options.reach.server()?;
    let known = all(&server).await?;
    let known: Vec<Token> = known.iter().map(read).collect::<Result<_, _>>()?;
    let wanted = options.token.trim().trim_start_matches('#');
    let valid = || known.iter().filter(|token| token.revoked_at.is_none());
    // A name may look like a number: names that are in use come first.
    let token = valid().find(|token| token.name == wanted);
    let token = token.or_else(|| valid().find(|token| token.id.to_string() == wanted));
    let Some(token) = token else {
        let text = format!("There is no token `{}`, or it is revoked already", plain(wanted));
        return Err(Failure::bad_input(text).hint("`tokens list --all` shows those there are"));
    };
    let answer = server.act(Method::DELETE, &format!("/tokens/{}", token.id), None).await?;
    if options.reach.json {
        let answer = if answer.is_null() { json!({ "id": token.id }) } else { answer };
        return Ok(output::json(&answer)?);
    }
    let name = plain(&token.name);
    Ok(writeln!(
        anstream::stdout().lock(),
        "The token {STRONG}{name}{STRONG:#} opens nothing any more"
    )?)
}
