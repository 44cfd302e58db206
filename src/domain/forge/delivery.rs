//! What a delivery is known by.

use sha2::{Digest as _, Sha256};

/// Longer ids than this are no forge's (most are UUIDs) and not kept.
const LONGEST_ID: usize = 128;

/// The first of the ids that a forge sent that is one, or else the hash of the body.
pub(super) fn id<'a>(sent: impl IntoIterator<Item = Option<&'a str>>, body: &[u8]) -> String {
    let fits = |id: &&str| {
        let printable = id.bytes().all(|byte| byte.is_ascii_graphic());
        !id.is_empty() && id.len() <= LONGEST_ID && printable
    };
    let hash = || format!("sha256:{}", hex::encode(Sha256::digest(body)));
    sent.into_iter().flatten().find(fits).map_or_else(hash, str::to_owned)
}
