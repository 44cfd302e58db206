//! `trigger`: a repository is planned without a webhook, and what comes of it is told.

use clap::Args;
use serde_json::{Map, Value, json};

use super::became;
use super::server::Reach;
use crate::cli::Failure;

/// What is begun without a webhook.
#[derive(Debug, Args)]
pub(in crate::cli) struct Trigger {
    /// The repository: `owner/name`, of another forge than GitHub `gitea/owner/name`
    #[arg(value_name = "OWNER/NAME")]
    repository: String,
    /// The branch or tag [default: the default branch]
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// An input for the functions, which find it as `payload.inputs` in their event trigger
    #[arg(long, short, value_name = "NAME=VALUE", value_parser = input)]
    input: Vec<(String, String)>,
    /// Watch what it starts until it has ended, and exit as it did
    #[arg(long, short)]
    watch: bool,
    #[command(flatten)]
    reach: Reach,
}

fn input(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.trim().is_empty());
    let (name, value) = pair.ok_or("an input is written as `name=value`")?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

pub(in crate::cli) async fn trigger(options: Trigger) -> Result<(), Failure> {
    let server = options.reach.server()?;
    let inputs: Map<String, Value> =
        options.input.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    let wish = json!({
        "repository": options.repository, "ref": options.reference, "inputs": inputs,
    });
    let answer = server.act_once("/trigger", &wish).await?;
    became::tell(&server, answer, options.watch, options.reach.json).await
}
