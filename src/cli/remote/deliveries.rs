//! `deliveries list`, `show` and `replay`: what came, and once more.

use std::io::Write as _;

use anstyle::Style;
use clap::Args;
use form_urlencoded::Serializer;
use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::became;
use super::server::Reach;
use super::table::{Table, cell};
use super::words::{age, look};
use crate::cli::Failure;
use crate::cli::output::{self, FAINT, STRONG, count, plain};
use crate::web::shape::{DeliveryPart, Reason};

/// Deliveries that the agent gives at once, at most.
const PAGE: usize = 200;

#[derive(Debug, Args)]
pub(in crate::cli) struct ListDeliveries {
    /// About this repository alone: `owner/name`, of another forge than GitHub `gitea/owner/name`
    #[arg(long, short, value_name = "OWNER/NAME")]
    repository: Option<String>,
    /// Such events alone, as the forge names them
    #[arg(long, short)]
    event: Option<String>,
    /// With this outcome alone
    #[arg(long, short, value_parser = ["waiting", "planned", "skipped", "faulty"])]
    outcome: Option<String>,
    /// How many at most
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowDelivery {
    /// Its number
    delivery: u64,
    /// What the forge sent, byte by byte
    #[arg(long, conflicts_with = "json")]
    body: bool,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Replay {
    /// Its number
    delivery: u64,
    /// Watch what it starts until it has ended, and exit as it did
    #[arg(long, short)]
    watch: bool,
    #[command(flatten)]
    reach: Reach,
}

/// A page of deliveries, as far as it is shown.
#[derive(Debug, Serialize, Deserialize)]
struct Deliveries {
    deliveries: Vec<Value>,
    next: Option<String>,
}

/// A delivery, as far as it is shown.
#[derive(Debug, Deserialize)]
struct Delivery {
    id: i64,
    #[serde(default)]
    forge: String,
    #[serde(default)]
    event: String,
    #[serde(default)]
    title: String,
    repository: Option<String>,
    received_at: Timestamp,
    #[serde(default)]
    outcome: String,
    reason: Option<Reason>,
    note: Option<String>,
    #[serde(default)]
    runs: u64,
    #[serde(default)]
    parts: Vec<DeliveryPart>,
    #[serde(default)]
    url: String,
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Debug, Deserialize)]
struct Header {
    name: String,
    value: String,
}

fn read(value: &Value) -> Result<Delivery, Failure> {
    Delivery::deserialize(value)
        .map_err(|error| Failure::unreachable(format!("Cannot read the answer: {error}")))
}

pub(in crate::cli) async fn list(options: ListDeliveries) -> Result<(), Failure> {
    let server = options.reach.server()?;
    let limit = options.limit as usize;
    let mut all = Deliveries { deliveries: Vec::new(), next: None };
    loop {
        let left = limit - all.deliveries.len();
        let path = options.path(left.min(PAGE), all.next.as_deref());
        let mut page: Deliveries = server.get(&path).await?;
        let more = !page.deliveries.is_empty() && page.deliveries.len() < left;
        all.deliveries.append(&mut page.deliveries);
        all.next = page.next;
        if !more || all.next.is_none() {
            break;
        }
    }
    if options.reach.json {
        return Ok(output::json(&all)?);
    }
    if all.deliveries.is_empty() {
        return Ok(writeln!(anstream::stdout().lock(), "{}", options.nothing())?);
    }
    let titles = ["DELIVERY", "OUTCOME", "REPOSITORY", "EVENT", "RUNS", "WHY", "AGE"];
    let mut table = Table::new(&titles, "WHY");
    let now = Timestamp::now();
    for value in &all.deliveries {
        let it = read(value)?;
        let look = look(&it.outcome);
        let why = it.reason.map(|reason| reason.text).or(it.note).unwrap_or_default();
        let runs = if it.runs == 0 { String::new() } else { it.runs.to_string() };
        let event = if it.title.is_empty() { &it.event } else { &it.title };
        table.row(vec![
            cell(STRONG, &it.id.to_string()),
            cell(look.style, &format!("{} {}", look.mark, it.outcome)),
            cell(Style::new(), &named(&it.forge, it.repository.as_deref())),
            cell(Style::new(), event),
            cell(Style::new(), &runs),
            cell(FAINT, &why),
            cell(FAINT, &age(it.received_at, now)),
        ]);
    }
    Ok(table.print()?)
}

impl ListDeliveries {
    fn nothing(&self) -> &'static str {
        match (&self.repository, &self.event, &self.outcome) {
            (None, None, None) => {
                "There are no deliveries yet: `pocketci-agent hooks test` has a forge send one"
            }
            _ => "No delivery is like that",
        }
    }

    fn path(&self, limit: usize, cursor: Option<&str>) -> String {
        let mut query = Serializer::new(String::from("/deliveries?"));
        query.append_pair("limit", &limit.to_string());
        for (name, value) in [
            ("repository", self.repository.as_deref()),
            ("event", self.event.as_deref()),
            ("outcome", self.outcome.as_deref()),
            ("cursor", cursor),
        ] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }
}

fn named(forge: &str, repository: Option<&str>) -> String {
    match (forge, repository.unwrap_or_default()) {
        ("github" | "", name) => name.to_owned(),
        (forge, "") => forge.to_owned(),
        (forge, name) => format!("{forge}/{name}"),
    }
}

pub(in crate::cli) async fn show(options: ShowDelivery) -> Result<(), Failure> {
    let server = options.reach.server()?;
    let path = format!("/deliveries/{}", options.delivery);
    if options.body {
        let mut body = server.open(&format!("{path}/body"), "application/json", &[]).await?;
        let mut out = std::io::stdout().lock();
        while let Some(bytes) = body.chunk().await? {
            out.write_all(&bytes)?;
        }
        return Ok(out.flush()?);
    }
    let value: Value = server.get(&path).await?;
    if options.reach.json {
        return Ok(output::json(&value)?);
    }
    let it = read(&value)?;
    let mut out = anstream::stdout();
    let (id, what) = (it.id, plain(&it.title));
    let where_ = plain(&named(&it.forge, it.repository.as_deref()));
    writeln!(out, "{STRONG}Delivery {id}{STRONG:#} {where_} {what}")?;
    let (event, at) = (plain(&it.event), it.received_at);
    writeln!(out, "  {FAINT}`{event}` at {at:.0}{FAINT:#}")?;
    writeln!(out, "  {FAINT}{}{FAINT:#}", plain(&it.url))?;
    let look = look(&it.outcome);
    let (style, mark, word) = (look.style, look.mark, plain(&it.outcome));
    let runs =
        if it.runs > 0 { format!(" as {}", count(it.runs as usize, "run")) } else { String::new() };
    let why = it.reason.map(|reason| reason.text).or(it.note);
    let why = why.map(|text| format!(": {}", plain(&text))).unwrap_or_default();
    writeln!(out, "\n{style}{mark} {word}{style:#}{runs}{why}")?;
    for part in &it.parts {
        let title = plain(&part.title);
        let came = match &part.reason {
            Some(reason) => plain(&reason.text).to_string(),
            None => count(part.runs as usize, "run"),
        };
        writeln!(out, "  {title}: {FAINT}{came}{FAINT:#}")?;
    }
    if it.runs > 0 {
        became::show_runs(&became::runs(&server, id).await?)?;
    }
    let width = it.headers.iter().map(|header| header.name.chars().count()).max().unwrap_or(0);
    for Header { name, value } in &it.headers {
        let (name, value) = (plain(name), plain(value));
        writeln!(out, "  {name:width$}  {FAINT}{value}{FAINT:#}")?;
    }
    Ok(out.flush()?)
}

pub(in crate::cli) async fn replay(options: Replay) -> Result<(), Failure> {
    let server = options.reach.server()?;
    let id = options.delivery;
    let answer = server.act(Method::POST, &format!("/deliveries/{id}/replay"), None).await?;
    if !options.reach.json {
        let new = answer["delivery"].as_i64().map(|new| format!(" as delivery {new}"));
        let (mut out, new) = (anstream::stdout().lock(), new.unwrap_or_default());
        writeln!(out, "{STRONG}Delivery {id}{STRONG:#} is planned once more{new}")?;
    }
    became::tell(&server, answer, options.watch, options.reach.json).await
}
