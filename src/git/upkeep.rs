//! Keeping a mirror that is fetched into for months as quick as on its first day.

use super::Mirror;

/// After a fetch, in its turn.
pub(super) async fn run(_mirror: &Mirror) {}
