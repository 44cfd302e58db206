//! What somebody starts by hand: which branch or tag they mean, and its commit.

use jiff::Timestamp;

use super::{Later, Worker, blocking};
use crate::domain::event::{Event, Repository};
use crate::domain::forge::manual;
use crate::domain::plan::{Reason, ReasonCode};
use crate::git::{GitError, Want};

impl Worker {
    /// The event with the repository's own reference and commit that it asks for, and every other
    /// event as it is. The error inside is why there is nothing to plan.
    pub(super) async fn asked_by_hand(
        &self,
        mut event: Event,
        repository: &Repository,
        as_of: Option<Timestamp>,
    ) -> Result<Result<Event, Reason>, Later> {
        if event.event_type != manual::EVENT {
            return Ok(Ok(event));
        }
        // Nothing was heard of it before: no delivery has said where it is.
        if repository.clone_url.is_empty() {
            let mut known = self.location(event.forge(), repository)?;
            if known.url.is_empty() {
                known.clone_url.trim_end_matches(".git").clone_into(&mut known.url);
            }
            event.repository = Some(known);
        }
        let mirror = match self.bring(event.forge(), repository, &Want::own(), as_of).await {
            Err(error @ GitError::NoSuchCommit { .. }) => {
                return Ok(Err(ReasonCode::NoSuchRef.because(error.to_string())));
            }
            brought => brought?,
        };
        let meant = manual::meant(&event);
        let found = blocking(move || {
            if meant.is_empty() {
                return Ok(mirror.resolve("")?.map(|sha| (None, sha)));
            }
            for reference in meant {
                if let Some(sha) = mirror.own(&reference)? {
                    return Ok(Some((Some(reference), sha)));
                }
            }
            Ok(None)
        })
        .await?;
        let Some((reference, sha)) = found else {
            let name = &repository.full_name;
            let text = match event.reference.as_deref() {
                None => format!("`{name}` has no commit yet"),
                Some(whole) if whole.starts_with("refs/") => format!("`{name}` has no `{whole}`"),
                Some(other) => format!("`{name}` has neither a branch nor a tag `{other}`"),
            };
            return Ok(Err(ReasonCode::NoSuchRef.because(text)));
        };
        manual::found(&mut event, reference.as_deref(), sha);
        Ok(Ok(event))
    }
}
