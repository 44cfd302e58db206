//! Starting something by hand: a delivery that the agent makes itself.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::runs::repository;
use super::shape;
use crate::domain::actor::Actor;
use crate::domain::event::{Repository, Sender};
use crate::domain::forge::manual::{self, Asked};
use crate::domain::ids::{DeliveryId, ForgeId, RepoName};
use crate::domain::rights::Deed;
use crate::store::{NewDelivery, Recorded, RunQuery};
use crate::web::Site;
use crate::web::problem::Problem;
use crate::web::who::{Asker, random};

const NONE: &str = "There is no such repository";
/// The header that says which wish it is.
const KEY: &str = "idempotency-key";
const LONGEST_KEY: usize = 255;

/// Has a branch or a tag of a repository planned as the event `manual`, as if a webhook had come.
///
/// A repository that the agent has no runs of yet is for those alone who may do everything. Whoever
/// was cut off asks again with the same `Idempotency-Key`: for as long as the delivery is kept,
/// that starts nothing more, and is answered with the one there is.
#[utoipa::path(
    post, path = "/trigger", request_body = shape::Trigger,
    params(("Idempotency-Key" = Option<String>, Header,
            description = "Up to 255 visible characters of ASCII, new for each wish; each asker has keys of their own")),
    responses(
        (status = 202, description = "It waits to be planned", body = shape::Triggered),
        (status = 400, description = "A wish that cannot be understood", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 403, description = "The asker may not", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such repository, or its forge is not set up",
         body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not come", body = Problem,
         content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "The key was used for another wish", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn begin(
    State(site): State<Arc<Site>>,
    asker: Asker,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<shape::Triggered>), Problem> {
    let by = asker.actor()?;
    let key = key(&headers)?;
    let wish: shape::Trigger = site.wish(body).await?;
    let (forge, name) = place(&wish)?;
    site.demand(&asker, Deed::Start, Some((forge, &name))).await?;
    let known = site.newest_word_of(forge, &name).await?;
    if known.is_none() && !site.offers(&asker, Deed::Administer, None).await {
        return Err(Problem::not_found(NONE));
    }
    if !site.app.doors.iter().any(|door| door.forge == forge) {
        return Err(Problem::not_found(format!("The forge `{forge}` is not set up here")));
    }
    let reference = wish.reference.filter(|text| !text.trim().is_empty());
    if let Some(reference) = &reference {
        manual::check(reference).map_err(|_| {
            Problem::bad("`ref` is the name of a branch or a tag, or `refs/heads/…`, `refs/tags/…`")
        })?;
    }
    let asked = Asked {
        repository: known.unwrap_or_else(|| unknown(&name)),
        reference,
        inputs: wish.inputs.unwrap_or_default(),
        sender: sender(&by),
    };
    let (id, forge_id) = match key {
        Some(key) => site.record_once(forge, &asked, forge_id(&by, &key)).await?,
        None => site.record_asked(forge, &asked).await?,
    };
    tracing::info!(id = id.0, repository = %name, by = by.name(), "Something is started by hand");
    site.app.wake.notify_one();
    let url = format!("{}/deliveries/{id}", site.app.public_url.trim_end_matches('/'));
    Ok((StatusCode::ACCEPTED, Json(shape::Triggered { delivery: id.0, forge_id, url })))
}

/// What makes a wish that is sent twice one.
fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut keys = headers.get_all(KEY).iter();
    let Some(key) = keys.next() else { return Ok(None) };
    let text = key.to_str().ok().filter(|text| (1..=LONGEST_KEY).contains(&text.len()));
    match (text, keys.next()) {
        (Some(text), None) if text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(Some(text.to_owned()))
        }
        _ => Err(Problem::bad("`Idempotency-Key` is one key of up to 255 visible characters")),
    }
}

/// The id of the delivery that somebody's key stands for: another's same key is another one.
fn forge_id(by: &Actor, key: &str) -> String {
    let of = Sha256::digest(format!("{}\n{key}", by.name()));
    format!("{}{:.32}", manual::ID, hex::encode(of))
}

/// Which repository is meant.
fn place(wish: &shape::Trigger) -> Result<(ForgeId, RepoName), Problem> {
    match wish.forge.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        None => repository(wish.repository.trim()),
        Some(forge) => {
            let bad = |field: &str, error: &dyn std::fmt::Display| {
                Problem::bad(format!("`{field}`: {error}"))
            };
            let forge = forge.parse().map_err(|error| bad("forge", &error))?;
            let name = wish.repository.trim().parse();
            Ok((forge, name.map_err(|error| bad("repository", &error))?))
        }
    }
}

/// A repository that no delivery has told of: nobody is shown what may be private.
fn unknown(name: &RepoName) -> Repository {
    Repository {
        full_name: name.clone(),
        owner: name.owner().to_owned(),
        name: name.name().to_owned(),
        clone_url: String::new(),
        url: String::new(),
        default_branch: String::new(),
        private: true,
    }
}

/// Whom functions are told of. The id is the forge's, and of nobody else.
fn sender(by: &Actor) -> Sender {
    let id = match by {
        Actor::Forge { id, .. } => id.clone(),
        Actor::Person { .. } | Actor::Local | Actor::Token(_) => String::new(),
    };
    Sender { login: by.name(), id }
}

impl Site {
    /// What the newest run's event says of a repository; none: there is none.
    async fn newest_word_of(
        &self,
        forge: ForgeId,
        name: &RepoName,
    ) -> Result<Option<Repository>, Problem> {
        let store = &self.app.store;
        let query = RunQuery { repository: Some((forge, name.clone())), ..RunQuery::default() };
        let Some(newest) = store.find_runs(&query, 1).await?.runs.pop() else { return Ok(None) };
        let run = store.run(newest.id).await?;
        Ok(run.and_then(|run| run.event.repository))
    }

    async fn record_asked(
        &self,
        forge: ForgeId,
        asked: &Asked,
    ) -> Result<(DeliveryId, String), Problem> {
        loop {
            let forge_id = format!("{}{:.16}", manual::ID, random()?);
            let delivery = delivery(forge, asked, &forge_id);
            if let Recorded::New(id) = self.app.store.record(delivery).await? {
                return Ok((id, forge_id));
            }
        }
    }

    /// Records what was asked for with a key, or finds what was recorded then.
    async fn record_once(
        &self,
        forge: ForgeId,
        asked: &Asked,
        forge_id: String,
    ) -> Result<(DeliveryId, String), Problem> {
        let store = &self.app.store;
        match store.record(delivery(forge, asked, &forge_id)).await? {
            Recorded::New(id) => Ok((id, forge_id)),
            Recorded::Replay { id, .. } => {
                // Where the body is gone, so is what it could be compared with.
                let body = store.delivery_body(id).await.ok();
                let before = body.and_then(|body| serde_json::from_slice::<Asked>(&body).ok());
                let wish = |asked: &Asked| {
                    let name = asked.repository.full_name.clone();
                    (name, asked.reference.clone(), asked.inputs.clone())
                };
                if before.is_some_and(|before| wish(&before) != wish(asked)) {
                    return Err(Problem::new(
                        StatusCode::UNPROCESSABLE_ENTITY,
                        format!(
                            "The `Idempotency-Key` was used for another wish, delivery {id}: \
                             take a new one"
                        ),
                    ));
                }
                Ok((id, forge_id))
            }
        }
    }
}

/// A wish as it is recorded.
fn delivery(forge: ForgeId, asked: &Asked, forge_id: &str) -> NewDelivery {
    let short = asked.reference.as_deref().unwrap_or(&asked.repository.default_branch);
    let short =
        ["refs/heads/", "refs/tags/"].iter().find_map(|it| short.strip_prefix(it)).unwrap_or(short);
    NewDelivery {
        forge,
        forge_id: forge_id.to_owned(),
        event_name: manual::EVENT.to_owned(),
        repository: Some(asked.repository.full_name.to_string()),
        title: format!("{} {short}", manual::EVENT).trim_end().to_owned(),
        headers: Vec::new(),
        body: asked.body(),
        received_at: Timestamp::now(),
        skip: None,
    }
}
