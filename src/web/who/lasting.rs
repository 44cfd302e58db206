//! Streams that last: whoever may not see it any more is shown no more.

use std::sync::Arc;
use std::time::Duration;

use super::{Asker, Proven};
use crate::domain::ids::{ForgeId, RepoName};
use crate::domain::rights::Deed;
use crate::web::Site;
use crate::web::problem::Problem;

/// How often it is asked though nobody said that anything has ended.
const LOOK: Duration = Duration::from_secs(10);

impl Site {
    /// Comes back when the asker's session or token has ended, or their right to see this.
    pub(in crate::web) async fn until_ended(
        self: Arc<Self>,
        asker: Asker,
        about: Option<(ForgeId, RepoName)>,
    ) {
        let mut ended = self.ended.subscribe();
        loop {
            let _ = tokio::time::timeout(LOOK, ended.changed()).await;
            if !self.lasts(&asker, about.as_ref()).await {
                return;
            }
        }
    }

    async fn lasts(&self, asker: &Asker, about: Option<&(ForgeId, RepoName)>) -> bool {
        let asker = match &asker.key {
            None => asker.clone(),
            Some(key) => match self.proof(key).await {
                Ok(Proven::Nothing) => return false,
                Ok(proven) => Asker { proven, ..asker.clone() },
                // What cannot be told has not ended.
                Err(_) => return true,
            },
        };
        let Some((forge, name)) = about else { return true };
        let allowed = self.demand(&asker, Deed::See, Some((*forge, name))).await;
        !matches!(allowed, Err(Problem { status: 401 | 403 | 404, .. }))
    }
}
