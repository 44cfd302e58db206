//! A push that was caught up with may still come by itself, and the other way round: whichever
//! was recorded later is not planned.

use super::heads::{OURS, forge_id};
use super::memory::Memory;
use crate::domain::event::{Event, RefType};
use crate::domain::ids::DeliveryId;
use crate::domain::plan::Reason;
use crate::store::ClaimedDelivery;
use crate::worker::Worker;

impl Worker {
    /// Why a push need not be planned: it came earlier, made by us or by itself.
    pub(in crate::worker) async fn caught_up(
        &self,
        delivery: &ClaimedDelivery,
        event: &Event,
    ) -> anyhow::Result<Option<Reason>> {
        let (Some(repository), Some(branch), Some(sha), "push", Some(RefType::Branch)) = (
            &event.repository,
            &event.branch,
            &event.sha,
            event.event_type.as_str(),
            event.ref_type,
        ) else {
            return Ok(None);
        };
        let repository = &repository.full_name;
        if delivery.forge_id.starts_with(OURS) {
            let memory =
                Memory::read(&self.store, delivery.forge, repository, Some(delivery.id)).await?;
            let text = "the push came by itself while it was being caught up with";
            return Ok(memory.is_at(branch, sha).then(|| reason(text.to_owned())));
        }
        let made = forge_id(repository, branch, sha.as_str());
        let made = self.store.delivery_under(delivery.forge, &made).await?;
        let Some(made) = made.filter(|made| *made < delivery.id) else { return Ok(None) };
        let memory =
            Memory::read(&self.store, delivery.forge, repository, Some(delivery.id)).await?;
        let moves = memory.branches.get(branch).map(Vec::as_slice).unwrap_or_default();
        let since = |id: Option<DeliveryId>| id.is_some_and(|id| id > made);
        // From where the branch went only after that, it is a push of its own.
        let later = moves.iter().any(|one| since(one.delivery) && one.after == event.before);
        Ok((!later).then(|| reason(format!("the push was caught up with as delivery {made}"))))
    }
}

fn reason(text: String) -> Reason {
    Reason { code: "caught_up".to_owned(), text }
}
