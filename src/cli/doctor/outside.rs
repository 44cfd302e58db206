//! What the agent needs of others: the dagger CLI, its engine, the forge.

use std::time::Duration;

use http::{Request, Response};
use jiff::Timestamp;

use super::Finding;
use crate::config::{Config, ForgeConfig};
use crate::dagger::Dagger;
use crate::domain::forge::probe_address;
use crate::domain::redact::Masks;

/// How long the engine may take to say that it is there.
const PING_LIMIT: Duration = Duration::from_secs(10);
/// A clock that is further off than this makes time stamps and rate limits useless.
const CLOCK_LIMIT: i64 = 60;

/// The CLI first; without it there is nobody to ask for the engine.
pub(super) async fn dagger(config: &Config) -> Vec<Finding> {
    // Where commands may run on the host, a repository can do without modules.
    let missing = if config.host_commands { Finding::warn } else { Finding::fail };
    let Ok(scratch) = tempfile::tempdir() else {
        let detail = "no temporary folder can be made to ask it from";
        return vec![Finding::fail("dagger", detail, "check TMPDIR and its disk".to_owned())];
    };
    let folder = scratch.path().to_owned();
    let dagger = Dagger::new(config.dagger.clone(), config.base_env.clone(), folder);
    let version = match dagger.version().await {
        Ok(version) => version,
        Err(error) => {
            let advice = "without it only `commands:` can run".to_owned();
            return vec![missing("dagger", error.to_string(), advice)];
        }
    };
    if let Err(error) = version.supported() {
        let advice = "install a newer one: an older one can call a failure a success".to_owned();
        return vec![missing("dagger", error.to_string(), advice)];
    }
    let engine = match dagger.ping(PING_LIMIT).await {
        Ok(()) => Finding::ok("engine", "answers"),
        Err(error) => {
            let advice = "start it, or correct _EXPERIMENTAL_DAGGER_RUNNER_HOST".to_owned();
            missing("engine", error.to_string(), advice)
        }
    };
    vec![Finding::ok("dagger", format!("version {version}")), engine]
}

/// The forge with its token, and the clock by its answer.
pub(super) async fn forge(forge: &ForgeConfig) -> Vec<Finding> {
    let client = crate::agent::client(forge, &Masks::default());
    // The one address that every kind of token may ask, and that costs nothing of its limit.
    let address = probe_address(forge.id.vendor(), &forge.api);
    let Ok(request) = Request::get(&address).body(Vec::new()) else {
        let detail = format!("`{address}` is not an address");
        return vec![Finding::fail("forge", detail, format!("correct {}", forge.names.url))];
    };
    match client.send(request).await {
        Ok(answer) => {
            let mut findings = match &forge.app {
                Some(app) => super::github_app::check(forge, app, &client).await,
                None => vec![token(forge, &answer)],
            };
            findings.extend(clock(&answer, Timestamp::now()));
            findings
        }
        Err(error) => {
            let url = &forge.names.url;
            let advice = format!("check the network, the proxy variables and {url}");
            vec![Finding::fail("forge", error.to_string(), advice)]
        }
    }
}

/// What the forge thinks of the token.
fn token(forge: &ForgeConfig, answer: &Response<Vec<u8>>) -> Finding {
    const WHAT: &str = "token";
    let name = &forge.names.token;
    if forge.token.is_none() {
        let detail = format!("{name} is not set: no statuses, and no private repositories");
        let advice = "make one that may read contents and write commit statuses";
        return Finding::fail(WHAT, detail, advice);
    }
    match answer.status().as_u16() {
        200..=299 => {}
        401 => {
            let detail = format!("the forge refuses {name}: it is wrong, revoked or has expired");
            return Finding::fail(WHAT, detail, "make a new one");
        }
        // An Enterprise Server answers so where rate limits are switched off.
        404 => {
            return Finding::ok(WHAT, format!("{name} is accepted; its scopes are not told"));
        }
        status => {
            let detail = format!("the forge answers {status}");
            let advice = format!("check {}, and try again later", forge.names.url);
            return Finding::warn(WHAT, detail, advice);
        }
    }
    let Some(scopes) = answer.headers().get("x-oauth-scopes").and_then(|v| v.to_str().ok()) else {
        let detail = "accepted; a fine-grained token does not tell what it may";
        return Finding::ok(
            WHAT,
            format!("{detail}: it needs Contents: read and Commit statuses: write"),
        );
    };
    let has = |wanted: &str| scopes.split(',').any(|scope| scope.trim() == wanted);
    if has("repo") {
        return Finding::ok(WHAT, "accepted, with the scope `repo`");
    }
    if has("repo:status") || has("public_repo") {
        let detail = format!("accepted, with the scopes `{scopes}`");
        let advice = "private repositories need the scope `repo`";
        return Finding::warn(WHAT, detail, advice);
    }
    let detail = format!("accepted, but its scopes (`{scopes}`) do not let it write statuses");
    Finding::fail(WHAT, detail, "give it the scope `repo`, or `repo:status` for public ones")
}

/// How far this clock is from the forge's.
fn clock(answer: &Response<Vec<u8>>, now: Timestamp) -> Option<Finding> {
    let date = answer.headers().get("date")?.to_str().ok()?;
    let there = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
    let off = now.as_second() - there.as_second();
    Some(match off.abs() {
        0..=CLOCK_LIMIT => Finding::ok("clock", "agrees with the forge's"),
        seconds => {
            let way = if off > 0 { "ahead of" } else { "behind" };
            let detail = format!("{seconds} s {way} the forge's");
            Finding::warn("clock", detail, "let the machine keep its time by NTP")
        }
    })
}

#[cfg(test)]
mod tests;
