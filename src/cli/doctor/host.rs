//! What this machine has: the data folder, its disk, and what lies above it.

use std::path::{Path, PathBuf};

use nix::sys::{statfs, statvfs};

use super::Finding;
use crate::config::TlsFiles;
use crate::dagger;
use crate::domain::space::{Disk, MinFree};
use crate::web::Tls;

const WHAT: &str = "data folder";

/// Less free space than this will not last for a mirror and its checkouts.
const SCARCE: u64 = 2 * 1024 * 1024 * 1024;
/// Less than this will not last for the database.
const NOTHING: u64 = 100 * 1024 * 1024;

/// Disks on which SQLite's locks or its shared memory do not hold what they promise.
const REMOTE: [(i64, &str); 6] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x0102_1997, "9P"),
    (0x6573_5546, "FUSE"),
];
const TMPFS: i64 = 0x0102_1994;

pub(super) fn data_folder(folder: &Path, min_free: MinFree) -> Vec<Finding> {
    let mut findings = vec![writable(folder)];
    if let Some(there) = nearest(folder) {
        findings.extend(disk(&there));
        findings.extend(space(&there, min_free));
    }
    findings.extend(dotenv(folder));
    findings
}

/// The folder itself, or what would become its parent.
fn nearest(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|above| above.is_dir()).map(Path::to_owned)
}

fn writable(folder: &Path) -> Finding {
    let shown = folder.display();
    let advice = "give it to the user that runs the agent, or set POCKETCI_DATA_DIR";
    let Some(there) = nearest(folder) else {
        return Finding::fail(WHAT, format!("`{shown}` cannot be made"), advice);
    };
    match tempfile::tempfile_in(&there) {
        Ok(_) if there == folder => Finding::ok(WHAT, format!("`{shown}` is writable")),
        Ok(_) => Finding::ok(WHAT, format!("`{shown}` will be made at the first start")),
        Err(error) => {
            Finding::fail(WHAT, format!("`{}` is not writable: {error}", there.display()), advice)
        }
    }
}

fn disk(folder: &Path) -> Option<Finding> {
    let kind = statfs::statfs(folder).ok()?.filesystem_type().0;
    if kind == TMPFS {
        let detail = "it lies in memory, and is gone after a restart of the machine";
        return Some(Finding::warn("disk", detail, "set POCKETCI_DATA_DIR to a folder on a disk"));
    }
    let (_, name) = REMOTE.into_iter().find(|(magic, _)| *magic == kind)?;
    let detail = format!("it lies on {name}, where a database can be damaged");
    Some(Finding::fail("disk", detail, "set POCKETCI_DATA_DIR to a folder on a local disk"))
}

fn space(folder: &Path, min_free: MinFree) -> Option<Finding> {
    let disk = statvfs::statvfs(folder).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.fragment_size());
    let disk = Disk { free: bytes(disk.blocks_available()), total: bytes(disk.blocks()) };
    Some(room(disk, min_free))
}

fn room(disk: Disk, min_free: MinFree) -> Finding {
    let detail = disk.describe(min_free);
    let advice = "make room: mirrors, checkouts and logs go there";
    match disk.free {
        _ if !disk.has_room(min_free) => Finding::fail("disk", detail, advice),
        ..NOTHING => Finding::fail("disk", detail, advice),
        NOTHING..SCARCE => Finding::warn("disk", detail, advice),
        _ => Finding::ok("disk", detail),
    }
}

/// `dagger` reads a `.env` from any folder above the one it works in, and can run programs for it.
fn dotenv(folder: &Path) -> Option<Finding> {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let above = dagger::no_dotenv_above(&folder.join("work"), dagger::DATA_DIR).err()?;
    let detail = format!("`{}` lies above the data folder: dagger reads it", above.file.display());
    let advice = "move it, or set POCKETCI_DATA_DIR: it sets arguments of calls and can run \
                  programs; `serve` refuses to start";
    Some(Finding::fail(".env", detail, advice))
}

/// The certificate and its key, where HTTPS is to be spoken; nothing otherwise.
pub(super) fn tls(files: Option<&TlsFiles>) -> Option<Finding> {
    const SOON_DAYS: u32 = 14;
    let files = files?;
    let shown = files.certificate.display();
    Some(match Tls::validity(&files.certificate, &files.key, SOON_DAYS) {
        Ok((until, false)) => Finding::ok("tls", format!("certificate of `{shown}` until {until}")),
        Ok((until, true)) => Finding::warn(
            "tls",
            format!("the certificate of `{shown}` ends on {until}"),
            "renew it; a running agent takes the new files up by itself",
        ),
        Err(error) => Finding::fail(
            "tls",
            format!("{error:#}"),
            "correct POCKETCI_TLS_CERT and POCKETCI_TLS_KEY, or the files that they name",
        ),
    })
}

#[cfg(test)]
mod tests;
