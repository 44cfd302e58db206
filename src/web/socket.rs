//! The agent's own socket: for the command line on the same machine, which needs no token there.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Extension;
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::server::{Front, Seat, converse};
use super::who::OwnUser;

/// Its name in the data folder.
pub const NAME: &str = "agent.sock";

/// A socket that listens, removed from its folder when dropped.
#[derive(Debug)]
pub struct LocalSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl LocalSocket {
    /// Listens in a folder that is this agent's alone, so that a socket which is there was left
    /// by an earlier one.
    ///
    /// # Errors
    /// When the folder cannot be written, or its path is longer than a socket's may be.
    pub fn bind(folder: &Path) -> io::Result<Self> {
        let path = folder.join(NAME);
        match std::fs::symlink_metadata(&path) {
            Ok(found) if found.file_type().is_socket() => std::fs::remove_file(&path)?,
            Ok(_) => return Err(io::Error::other("something else has its name")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }
}

impl Drop for LocalSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Answers the agent's own user until `shutdown`; the connections then end with the others.
pub(super) async fn run(socket: LocalSocket, mut front: Front, shutdown: CancellationToken) {
    front.router = front.router.layer(Extension(OwnUser));
    let open = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = socket.listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) if is_own(&stream) => {
                let talk =
                    converse(stream, front.clone(), Arc::<Seat>::default(), shutdown.clone());
                open.spawn(talk);
            }
            Ok(_) => warn!("Refused another user on the agent's own socket"),
            Err(error) => {
                debug!(%error, "Cannot accept a connection on the agent's own socket");
                tokio::time::sleep(super::server::ACCEPT_PAUSE).await;
            }
        }
    }
    drop(socket);
    open.close();
    let _ = tokio::time::timeout(super::server::GRACE, open.wait()).await;
}

/// The file's mode says the same; this holds also where somebody has changed it.
fn is_own(stream: &UnixStream) -> bool {
    let own = nix::unistd::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

#[cfg(test)]
mod tests;
