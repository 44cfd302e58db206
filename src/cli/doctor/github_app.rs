//! The GitHub App: whether GitHub takes its key, whether anybody has installed it, what it may.

use std::collections::BTreeMap;

use http::Request;

use super::Finding;
use crate::config::{ForgeConfig, GithubApp};
use crate::domain::forge::github::{app, said};
use crate::forge_client::ForgeClient;

const WHAT: &str = "GitHub App";

pub(super) async fn check(
    forge: &ForgeConfig,
    own: &GithubApp,
    client: &ForgeClient,
) -> Vec<Finding> {
    let known = match ask(client, app::self_request(&forge.api)).await {
        Ok((200..=299, body)) => app::registered(&body),
        Ok((401 | 404, body)) => {
            let advice = "compare both with the App's page, and generate a new key there";
            return vec![Finding::fail(WHAT, app::refused_key(&own.id, &said(&body)), advice)];
        }
        Ok((status, _)) => return vec![unclear(status)],
        Err(why) => {
            let advice = "check the network, the proxy variables and POCKETCI_GITHUB_URL";
            return vec![Finding::fail(WHAT, why, advice)];
        }
    };
    let Some(known) = known else { return vec![unclear(200)] };
    let mut findings = vec![Finding::ok(WHAT, format!("GitHub knows it as `{}`", known.slug))];
    findings.extend(lacking("The App", &known.permissions));
    match ask(client, app::installations_request(&forge.api)).await {
        Ok((200..=299, body)) => match app::installations(&body) {
            Some(found) if found.is_empty() => {
                let detail = "nobody has installed it";
                let advice = "install it where its repositories are, from the App's page";
                findings.push(Finding::warn(WHAT, detail, advice));
            }
            Some(found) => {
                findings.push(Finding::ok(WHAT, format!("installed {} times", found.len())));
                for one in found {
                    let account = &one.account;
                    if one.suspended {
                        let detail = format!("its installation at `{account}` is suspended");
                        let advice = "let it go on in the settings of that account";
                        findings.push(Finding::warn(WHAT, detail, advice));
                    }
                    let who = format!("its installation at `{account}`");
                    findings.extend(lacking(&who, &one.permissions));
                }
            }
            None => findings.push(unclear(200)),
        },
        Ok((status, _)) => findings.push(unclear(status)),
        Err(why) => findings.push(Finding::warn(WHAT, why, "try again later")),
    }
    findings
}

/// Nothing where it may do all that it is wanted for.
fn lacking(who: &str, granted: &BTreeMap<String, String>) -> Option<Finding> {
    let missing = app::missing(granted);
    let advice = "add it on the App's page, and accept it where the App is installed";
    let detail = format!("{who} lacks {}", missing.join(", "));
    (!missing.is_empty()).then(|| Finding::warn(WHAT, detail, advice))
}

fn unclear(status: u16) -> Finding {
    let detail = format!("GitHub answers {status} when asked for the App");
    Finding::warn(WHAT, detail, "check POCKETCI_GITHUB_URL, and try again later")
}

async fn ask(client: &ForgeClient, request: Request<Vec<u8>>) -> Result<(u16, Vec<u8>), String> {
    let answer = client.send(request).await.map_err(|error| error.to_string())?;
    Ok((answer.status().as_u16(), answer.into_body()))
}
