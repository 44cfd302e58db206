//! An event that was caught up with may still come by itself, and the other way round: whichever
//! was recorded later is not planned.

use super::heads::{OURS, forge_id};
use super::memory::{Memory, reference};
use crate::domain::event::Event;
use crate::domain::ids::DeliveryId;
use crate::domain::plan::Reason;
use crate::store::ClaimedDelivery;
use crate::worker::Worker;

impl Worker {
    /// Why an event need not be planned: it came earlier, made by us or by itself.
    pub(in crate::worker) async fn caught_up(
        &self,
        delivery: &ClaimedDelivery,
        event: &Event,
    ) -> anyhow::Result<Option<Reason>> {
        let (Some(repository), Some(sha), Some(reference)) =
            (&event.repository, &event.sha, reference(event))
        else {
            return Ok(None);
        };
        // That one is open again is an event of its own.
        if event.filter == "reopened" && event.pull_request.is_some() {
            return Ok(None);
        }
        let what = if event.pull_request.is_some() { "event" } else { "push" };
        let repository = &repository.full_name;
        if delivery.forge_id.starts_with(OURS) {
            let memory =
                Memory::read(&self.store, delivery.forge, repository, Some(delivery.id)).await?;
            let text = format!("the {what} came by itself while it was being caught up with");
            return Ok(memory.is_at(&reference, sha).then(|| reason(text)));
        }
        let made = forge_id(repository, &reference, sha.as_str());
        let made = self.store.delivery_under(delivery.forge, &made).await?;
        let Some(made) = made.filter(|made| *made < delivery.id) else { return Ok(None) };
        let memory =
            Memory::read(&self.store, delivery.forge, repository, Some(delivery.id)).await?;
        let moves = memory.moves.get(&reference).map(Vec::as_slice).unwrap_or_default();
        let since = |id: Option<DeliveryId>| id.is_some_and(|id| id > made);
        // From where it went only after that, it is an event of its own.
        let later = moves.iter().any(|one| since(one.delivery) && one.after == event.before);
        Ok((!later).then(|| reason(format!("the {what} was caught up with as delivery {made}"))))
    }
}

fn reason(text: String) -> Reason {
    Reason { code: "caught_up".to_owned(), text }
}
