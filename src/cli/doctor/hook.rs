//! A repository's webhook: that it is there, and what came of what it sent.

use super::Finding;
use crate::cli::hooks::Place;
use crate::config::{Config, ForgeConfig};
use crate::domain::ids::RepoName;

const WHAT: &str = "webhook";

/// Of what a webhook sent, this many of the newest are looked at.
const LATELY: usize = 20;

/// Found on one of the forges, it is not missed on the others.
pub(super) async fn webhook(config: &Config, repository: &RepoName) -> Vec<Finding> {
    let Some(address) = config.public_url.as_deref() else {
        let detail = format!("{repository}: nobody knows where it should be sent");
        return vec![Finding::warn(WHAT, detail, "set POCKETCI_URL")];
    };
    let known = |forge: &&ForgeConfig| forge.token.is_some();
    let mut troubles = Vec::new();
    for forge in config.forges.iter().filter(known) {
        match on(forge, config, repository, address).await {
            Ok(Some(finding)) => return vec![finding],
            Ok(None) => {}
            Err(why) => troubles.push(why),
        }
    }
    let detail = match troubles.is_empty() {
        true => format!("{repository} has none that is sent to {address}"),
        false => format!("{repository}: {}", troubles.join("; ")),
    };
    vec![Finding::fail(WHAT, detail, format!("`pocketci-agent hooks install {repository}`"))]
}

async fn on(
    forge: &ForgeConfig,
    config: &Config,
    repository: &RepoName,
    address: &str,
) -> Result<Option<Finding>, String> {
    let failed = |failure: crate::cli::Failure| failure.text();
    let place = Place::new(forge, &config.masks, repository, address).map_err(failed)?;
    let own = place.own().await.map_err(failed)?;
    let Some(hook) = own.first() else { return Ok(None) };
    let (id, name) = (&hook.id, forge.id);
    let again = format!("`pocketci-agent hooks install {repository} --forge {name}`");
    if !hook.active {
        let detail = format!("{repository}: webhook {id} on {name} is switched off");
        return Ok(Some(Finding::fail(WHAT, detail, again)));
    }
    if own.len() > 1 {
        let detail =
            format!("{repository}: {} webhooks on {name} are sent to {address}", own.len());
        return Ok(Some(Finding::warn(WHAT, detail, again)));
    }
    let Some(attempts) = place.attempts(id).await.map_err(failed)? else {
        let detail =
            format!("{repository}: {id} on {name} is there; {name} does not tell what it has sent");
        return Ok(Some(Finding::ok(WHAT, detail)));
    };
    let lately = attempts.iter().take(LATELY);
    let refused: Vec<_> = lately.filter(|one| !(200..300).contains(&one.status)).collect();
    Ok(Some(match refused.first() {
        None => {
            let count = attempts.len().min(LATELY);
            Finding::ok(WHAT, format!("{repository}: its last {count} deliveries were accepted"))
        }
        Some(one) => {
            let (count, event, status) = (refused.len(), &one.event, one.status);
            let at = one.at.map_or_else(String::new, |at| format!(" at {at:.0}"));
            let detail = format!(
                "{repository}: {count} of its last deliveries were not accepted, the newest \
                 `{event}`{at} with {status}"
            );
            Finding::warn(
                WHAT,
                detail,
                "`pocketci-agent deliveries catch-up` takes what is missing",
            )
        }
    }))
}
