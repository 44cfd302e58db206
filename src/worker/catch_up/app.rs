//! What the App's own webhook could not deliver, of all repositories that it is installed on.

use super::undelivered::Unheard;
use super::{CatchUp, Caught};
use crate::domain::forge::github::hooks::{self, Owner};

/// GitHub asks for no number of the one hook that an App has; what it sent names it.
const HOOK: u64 = 0;

impl CatchUp<'_> {
    /// An App may not read the webhooks of repositories and organisations, and needs none.
    pub(super) async fn unheard_by_app(&self, caught: &mut Caught) -> Vec<Unheard> {
        let owner = Owner::App;
        match self.attempts(&owner, HOOK).await {
            Ok(attempts) => {
                let unheard = hooks::unheard(&attempts, self.since).into_iter();
                unheard
                    .map(|attempt| Unheard { owner: owner.clone(), hook: HOOK, attempt })
                    .collect()
            }
            Err(silence) => {
                caught.trouble("deliveries", &owner, silence);
                Vec::new()
            }
        }
    }
}
