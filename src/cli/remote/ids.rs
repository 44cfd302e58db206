//! `complete-ids`: what shells complete, a line each, and nothing at all where that would take long.

use std::io::Write as _;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Deserialize;
use tokio::time::timeout;

use super::server::{Reach, Server};
use super::trouble::Trouble;
use crate::cli::Failure;
use crate::web::shape::{Repositories, Run, Runs};

/// Somebody has pressed a key and waits.
const PATIENCE: Duration = Duration::from_secs(2);
/// More than anybody looks through.
const NEWEST: usize = 50;

#[derive(Debug, Args)]
pub(in crate::cli) struct Ids {
    what: Kind,
    /// Whose calls.
    run: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Runs,
    Calls,
    Deliveries,
    Repositories,
}

#[derive(Deserialize)]
struct Deliveries {
    deliveries: Vec<Delivery>,
}

#[derive(Deserialize)]
struct Delivery {
    id: i64,
}

/// Where there is no agent there is nothing to complete, and nobody to be told why.
pub(in crate::cli) async fn ids(options: Ids) -> Result<(), Failure> {
    let Ok(server) = Reach::default().server() else { return Ok(()) };
    let Ok(Ok(ids)) = timeout(PATIENCE, ask(&server, &options)).await else { return Ok(()) };
    let mut out = std::io::stdout().lock();
    // What a shell puts on its line must mean nothing to it.
    let inert = |id: &String| id.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:".contains(c));
    for id in ids.iter().filter(|id| inert(id)) {
        writeln!(out, "{id}")?;
    }
    Ok(())
}

async fn ask(server: &Server, options: &Ids) -> Result<Vec<String>, Trouble> {
    Ok(match options.what {
        Kind::Runs => {
            let page: Runs = server.get(&format!("/runs?limit={NEWEST}")).await?;
            page.runs.iter().map(|run| run.id.to_string()).collect()
        }
        Kind::Calls => {
            let run = options.run.as_deref().unwrap_or_default();
            let Ok(run) = super::run_number(run) else { return Ok(Vec::new()) };
            let run: Run = server.get(&format!("/runs/{run}")).await?;
            run.call_details.iter().map(|call| call.function.clone()).collect()
        }
        Kind::Deliveries => {
            let page: Deliveries = server.get(&format!("/deliveries?limit={NEWEST}")).await?;
            page.deliveries.iter().map(|delivery| delivery.id.to_string()).collect()
        }
        Kind::Repositories => {
            let all: Repositories = server.get("/repositories").await?;
            let named = |forge: &str, name: &str| match forge {
                "github" => name.to_owned(),
                forge => format!("{forge}/{name}"),
            };
            all.repositories.iter().map(|it| named(&it.forge, &it.name)).collect()
        }
    })
}
