//! The file `.git/index` of a fresh checkout, in git's format, version 2.

use sha1::{Digest, Sha1};

use super::content::Kind;

/// One path of the index.
pub(super) struct Entry<'a> {
    pub(super) path: &'a [u8],
    pub(super) id: git2::Oid,
    pub(super) kind: Kind,
    /// Bytes of the file or of a link's target.
    pub(super) size: u64,
}

/// The index of files that all changed at `mtime`.
///
/// What else an index says of a file (device, inode, owner, second time) is left zero: the
/// checkout's `core.checkStat = minimal` and `core.trustctime = false` make git not look at it,
/// so that the index also fits a copy of the checkout elsewhere.
pub(super) fn index(entries: &mut [Entry<'_>], mtime: u32) -> Vec<u8> {
    entries.sort_unstable_by(|a, b| a.path.cmp(b.path));
    let mut bytes = Vec::with_capacity(entries.len() * 100);
    bytes.extend_from_slice(b"DIRC");
    bytes.extend_from_slice(&2_u32.to_be_bytes());
    bytes.extend_from_slice(&u32::try_from(entries.len()).unwrap_or(u32::MAX).to_be_bytes());
    for entry in entries {
        let start = bytes.len();
        // Git, too, keeps the lower 32 bits.
        let size = (entry.size & u64::from(u32::MAX)) as u32;
        // Time of change of the inode, of the content; then device, inode, mode, owner, group.
        for number in [0, 0, mtime, 0, 0, 0, entry.kind.mode(), 0, 0, size] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(entry.id.as_bytes());
        let length = u16::try_from(entry.path.len()).map_or(0xfff, |length| length.min(0xfff));
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(entry.path);
        // One to eight zeroes, to a multiple of eight.
        let padding = 8 - (bytes.len() - start) % 8;
        bytes.extend_from_slice(&[0; 8][..padding]);
    }
    let checksum = Sha1::digest(&bytes);
    bytes.extend_from_slice(&checksum);
    bytes
}
