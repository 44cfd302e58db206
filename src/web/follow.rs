//! Logs followed by many: the file is read once for all who watch a call.
//!
//! A watcher first catches up by itself, from wherever it stands, and then hears what the one
//! reader of that log tells everybody. One that falls behind catches up again.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use super::log::blocking;
use crate::domain::ids::{CallId, RunId};
use crate::domain::run::Outcome;
use crate::store::log::{Chunk, LogFollower};
use crate::store::{CallState, Change, Store, StoreError};

/// How often a log that is watched is looked at; writers show their lines every tenth of a second.
const LOOK: Duration = Duration::from_millis(50);
/// How often the state of the call is looked at though nobody said that it changed.
const NET: Duration = Duration::from_secs(2);
/// Pieces that a watcher may fall behind.
const BACKLOG: usize = 64;
/// Bytes of a log in one piece.
const PIECE: usize = 64 * 1024;

/// Which log: an attempt at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Attempt {
    pub(super) run: RunId,
    pub(super) call: CallId,
    pub(super) number: u32,
}

/// What a watcher is told.
#[derive(Debug, Clone)]
pub(super) enum News {
    Lines(Arc<Piece>),
    /// The attempt has ended, and every line of it was told.
    End(Ended),
}

/// Some lines.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) from: u64,
    pub(super) bytes: Bytes,
    /// Bytes that were left out of the log before them.
    pub(super) left_out: u64,
    /// See [`Piece::told`].
    told: OnceLock<Bytes>,
}

impl Piece {
    /// How they are told, made by the first who tells them, for all.
    pub(super) fn told(&self, make: impl FnOnce(&Self) -> Bytes) -> Bytes {
        self.told.get_or_init(|| make(self)).clone()
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    With(Outcome),
    /// There is a newer attempt.
    Again,
    /// The call is gone.
    Gone,
}

/// The readers of the logs that are being watched.
#[derive(Default)]
pub(super) struct Watched(Mutex<HashMap<Attempt, Weak<Reader>>>);

/// Reads one log for as long as somebody watches.
struct Reader {
    news: broadcast::Sender<News>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(task) = self.task.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

/// One who watches a log.
pub(super) struct Watcher {
    store: Store,
    attempt: Attempt,
    follower: Option<LogFollower>,
    at: u64,
    /// None once the attempt had ended before anybody watched.
    live: Option<(Arc<Reader>, broadcast::Receiver<News>)>,
    ended: Option<Ended>,
    done: bool,
}

impl Watched {
    /// Watches a log from a place on, see [`LogFollower::new`].
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn watch(
        &self,
        store: &Store,
        attempt: Attempt,
        from: u64,
    ) -> Result<Watcher, StoreError> {
        let ended = ended(store, attempt).await?;
        let live = ended.is_none().then(|| {
            let reader = self.reader(store, attempt);
            let news = reader.news.subscribe();
            (reader, news)
        });
        let follower = LogFollower::new(&path(store, attempt), from);
        Ok(Watcher {
            store: store.clone(),
            attempt,
            follower: Some(follower),
            at: from,
            live,
            ended,
            done: false,
        })
    }

    fn reader(&self, store: &Store, attempt: Attempt) -> Arc<Reader> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, reader| reader.strong_count() > 0);
        if let Some(reader) = all.get(&attempt).and_then(Weak::upgrade) {
            return reader;
        }
        let news = broadcast::Sender::new(BACKLOG);
        let task = tokio::spawn(read_for_all(store.clone(), attempt, news.clone()));
        let reader = Arc::new(Reader { news, task: Mutex::new(Some(task)) });
        all.insert(attempt, Arc::downgrade(&reader));
        reader
    }
}

impl Watcher {
    /// The next news; none after the end.
    ///
    /// # Errors
    /// What the file system or the database says.
    pub(super) async fn next(&mut self) -> io::Result<Option<News>> {
        loop {
            if self.done {
                return Ok(None);
            }
            if let Some(follower) = self.follower.take() {
                let (follower, chunk) = read(follower, self.ended.is_some()).await?;
                if chunk.bytes.is_empty() {
                    // Level with the file: from here on others read.
                    if let Some(ended) = self.ended.take() {
                        self.done = true;
                        return Ok(Some(News::End(ended)));
                    }
                } else {
                    self.at = chunk.end();
                    self.follower = Some(follower);
                    return Ok(Some(News::Lines(Arc::new(chunk.into()))));
                }
            }
            let Some((_, news)) = &mut self.live else {
                self.done = true;
                return Ok(None);
            };
            match news.recv().await {
                // What is behind or before: the file knows better.
                Ok(News::Lines(piece)) if piece.from != self.at => {
                    if piece.from > self.at {
                        self.catch_up();
                    }
                }
                Ok(News::Lines(piece)) => {
                    self.at = piece.from + piece.bytes.len() as u64;
                    return Ok(Some(News::Lines(piece)));
                }
                Ok(News::End(ended)) => {
                    // Some lines may have been told before this one listened.
                    self.ended = Some(ended);
                    self.live = None;
                    self.catch_up();
                }
                Err(broadcast::error::RecvError::Lagged(_)) => self.catch_up(),
                Err(broadcast::error::RecvError::Closed) => {
                    self.live = None;
                    self.ended =
                        ended(&self.store, self.attempt).await.map_err(io::Error::other)?;
                    self.catch_up();
                }
            }
        }
    }

    fn catch_up(&mut self) {
        self.follower = Some(LogFollower::new(&path(&self.store, self.attempt), self.at));
    }
}

impl From<Chunk> for Piece {
    fn from(chunk: Chunk) -> Self {
        Self {
            from: chunk.from,
            bytes: chunk.bytes.into(),
            left_out: chunk.left_out,
            told: OnceLock::new(),
        }
    }
}

/// Tells everybody what comes, until the attempt has ended.
async fn read_for_all(store: Store, attempt: Attempt, news: broadcast::Sender<News>) {
    let mut changes = store.changes();
    let mut follower = match start(&store, attempt).await {
        Ok(follower) => follower,
        Err(error) => return tracing::error!(%error, "Cannot read a log that is watched"),
    };
    let mut looked = tokio::time::Instant::now();
    let mut over = None;
    loop {
        let chunk;
        (follower, chunk) = match read(follower, over.is_some()).await {
            Ok(read) => read,
            Err(error) => return tracing::error!(%error, "Cannot read a log that is watched"),
        };
        if !chunk.bytes.is_empty() {
            let _ = news.send(News::Lines(Arc::new(chunk.into())));
            continue;
        }
        if let Some(ended) = over {
            let _ = news.send(News::End(ended));
            return;
        }
        let mut ask = looked.elapsed() > NET;
        loop {
            match changes.try_recv() {
                Ok(some) => ask |= some.contains(&Change::Call(attempt.call)),
                Err(broadcast::error::TryRecvError::Lagged(_)) => ask = true,
                Err(_) => break,
            }
        }
        if ask {
            looked = tokio::time::Instant::now();
            match ended(&store, attempt).await {
                Ok(ended) => over = ended,
                Err(error) => tracing::warn!(%error, "Cannot tell whether a call has ended"),
            }
        }
        if over.is_none() {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// A reader at the end of what there is: whoever watches catches up by itself.
async fn start(store: &Store, attempt: Attempt) -> io::Result<LogFollower> {
    let mut follower = LogFollower::new(&path(store, attempt), 0);
    blocking(move || {
        follower.go_to_end()?;
        Ok(follower)
    })
    .await
}

async fn read(mut follower: LogFollower, ended: bool) -> io::Result<(LogFollower, Chunk)> {
    blocking(move || {
        let chunk = follower.read(PIECE, ended)?;
        Ok((follower, chunk))
    })
    .await
}

fn path(store: &Store, attempt: Attempt) -> std::path::PathBuf {
    store.log_path(attempt.run, attempt.call, attempt.number)
}

/// Whether nothing more is written to the log, and why.
async fn ended(store: &Store, attempt: Attempt) -> Result<Option<Ended>, StoreError> {
    let Some((state, number)) = store.call_state(attempt.call).await? else {
        return Ok(Some(Ended::Gone));
    };
    Ok(match state {
        _ if number > attempt.number => Some(Ended::Again),
        CallState::Finished(outcome) => Some(Ended::With(outcome)),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
