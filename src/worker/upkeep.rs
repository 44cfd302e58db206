//! Space, and whether what the agent needs is there: looked at again and again.
//!
//! What is no longer kept goes every hour. When the disk has less room than the operator wants,
//! more goes at once (logs of old runs, cold mirrors), and when that is not enough, the web is
//! told by [`DISK`] to accept nothing until there is room again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::sys::statvfs::statvfs;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Worker;
use super::forges::Forge;
use crate::domain::forge::github::app::AppId;
use crate::domain::forge::{self, Answer, Headers, github};
use crate::domain::space::Disk;
use crate::health::{DATABASE, DISK};

/// How often what is not kept goes.
const RETENTION: Duration = Duration::from_secs(60 * 60);
/// How often the disk is looked at; it costs one question to the kernel.
const DISK_LOOK: Duration = Duration::from_secs(2);
/// How often room is made while there is too little.
const MAKE_ROOM: Duration = Duration::from_secs(60);
/// Runs whose logs stay, however little room there is.
const LAST_RUNS: u32 = 100;
/// Runs whose logs go before the disk is looked at again.
const LOGS_AT_ONCE: usize = 8;
/// From when on a mirror that nobody uses may go.
const COLD: Duration = Duration::from_secs(60 * 60);
/// How often a write is tried, and how often after one that failed.
const PROBE: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(2));
/// How long that may take before the database counts as hanging.
const PROBE_LIMIT: Duration = Duration::from_secs(10);
/// How often the engine is asked when nobody else does.
const ENGINE: Duration = Duration::from_secs(60);
/// How often the forge is asked, and how often while it does not answer.
const FORGE: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(60));

/// Looks until told to stop.
pub(super) async fn run(worker: Arc<Worker>, shutdown: CancellationToken) {
    let mut forges = JoinSet::new();
    for forge in worker.forges.iter() {
        let (worker, forge) = (Arc::clone(&worker), Arc::clone(forge));
        forges.spawn(async move { worker.keep_asking_forge(&forge).await });
    }
    let all = async {
        tokio::join!(
            worker.keep_room(),
            worker.keep_writing(),
            worker.keep_retention(),
            worker.keep_asking_engine(),
        )
    };
    tokio::select! {
        _ = all => {}
        // Everything here can be left off at any point.
        () = shutdown.cancelled() => {}
    }
}

impl Worker {
    async fn keep_room(&self) {
        let mut made = None::<Instant>;
        loop {
            match self.disk() {
                Ok(disk) => self.look_at_disk(disk, &mut made).await,
                // It has no say in whether deliveries are taken: the database has.
                Err(error) => tracing::debug!(%error, "Cannot tell how full the disk is"),
            }
            sleep(DISK_LOOK).await;
        }
    }

    async fn look_at_disk(&self, disk: Disk, made: &mut Option<Instant>) {
        let (min, mut disk) = (self.settings.min_free, disk);
        if !disk.has_room(min) && made.is_none_or(|at| at.elapsed() > MAKE_ROOM) {
            tracing::warn!(free = disk.free, total = disk.total, "The disk is nearly full");
            self.make_room().await;
            *made = Some(Instant::now());
            disk = self.disk().unwrap_or(disk);
        }
        let (had, has) = (self.health.condition(DISK).is_none_or(|it| it.ok), disk.has_room(min));
        let detail = disk.describe(min);
        match (had, has) {
            (true, false) => tracing::error!("{detail}"),
            (false, true) => tracing::info!("There is room on the disk again: {detail}"),
            _ => {}
        }
        self.tell(DISK, has, &detail);
        self.health.set_figure("disk_free_bytes", disk.free);
        self.health.set_figure("disk_size_bytes", disk.total);
    }

    fn disk(&self) -> nix::Result<Disk> {
        let disk = statvfs(&self.settings.data)?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.fragment_size());
        Ok(Disk { free: bytes(disk.blocks_available()), total: bytes(disk.blocks()) })
    }

    fn has_room(&self) -> bool {
        self.disk().is_ok_and(|disk| disk.has_room(self.settings.min_free))
    }

    /// Lets go of what can be had again or is old, until there is room.
    pub(super) async fn make_room(&self) {
        // Nothing but what is left over.
        tokio::task::block_in_place(|| self.workspaces.sweep());
        self.apply_retention().await;
        if self.has_room() {
            return;
        }
        match self.store.runs_with_logs(LAST_RUNS).await {
            Ok(runs) => self.drop_logs(runs).await,
            Err(error) => tracing::error!(%error, "Cannot tell which logs are old"),
        }
        while !self.has_room() {
            let mirrors = self.mirrors.clone();
            let removed = tokio::task::spawn_blocking(move || mirrors.remove_coldest(COLD)).await;
            match removed {
                Ok(Ok(Some(mirror))) => {
                    tracing::warn!(mirror = %mirror.display(), "Removed a mirror to make room");
                }
                Ok(Ok(None)) | Err(_) => break,
                Ok(Err(error)) => {
                    tracing::error!(%error, "Cannot remove a mirror to make room");
                    break;
                }
            }
        }
    }

    /// The oldest first, until there is room.
    async fn drop_logs(&self, runs: Vec<crate::domain::ids::RunId>) {
        let mut dropped = 0;
        for some in runs.chunks(LOGS_AT_ONCE) {
            if self.has_room() {
                break;
            }
            if let Err(error) = self.store.remove_logs(some.to_vec()).await {
                tracing::error!(%error, "Cannot remove logs to make room");
                break;
            }
            dropped += some.len();
        }
        if dropped > 0 {
            tracing::warn!(runs = dropped, "Removed logs of old runs to make room");
        }
    }

    async fn keep_writing(&self) {
        loop {
            let probed = timeout(PROBE_LIMIT, self.store.probe(Timestamp::now())).await;
            let why = match probed {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some(format!("A write takes longer than {} s", PROBE_LIMIT.as_secs())),
            };
            let worked = self.health.condition(DATABASE).is_none_or(|it| it.ok);
            match &why {
                Some(why) if worked => tracing::error!(why, "The database cannot be written"),
                None if !worked => tracing::info!("The database can be written again"),
                _ => {}
            }
            self.tell(DATABASE, why.is_none(), why.as_deref().unwrap_or("can be written"));
            sleep(if why.is_none() { PROBE.0 } else { PROBE.1 }).await;
        }
    }

    async fn keep_retention(&self) {
        match self.store.sweep_logs().await {
            Ok(0) => {}
            Ok(runs) => tracing::info!(runs, "Removed logs whose runs are not known"),
            Err(error) => tracing::warn!(%error, "Cannot look for logs whose runs are not known"),
        }
        loop {
            self.apply_retention().await;
            sleep(RETENTION).await;
        }
    }

    async fn apply_retention(&self) {
        match self.store.prune(self.settings.keep, Timestamp::now()).await {
            Ok(pruned) if pruned == Default::default() => {}
            Ok(pruned) => tracing::info!(
                runs = pruned.runs,
                deliveries = pruned.deliveries,
                "Deleted what is not kept any longer"
            ),
            Err(error) => tracing::warn!(%error, "Cannot delete what is not kept any longer"),
        }
        while let Ok(true) = self.store.give_back().await {}
        if let Ok(bytes) = self.store.log_bytes().await {
            self.health.set_figure("log_bytes", bytes);
        }
    }

    async fn keep_asking_engine(&self) {
        loop {
            sleep(ENGINE).await;
            // What is wrong is told and logged on the way, when it changes.
            if self.cli_version().await.is_ok() {
                let _ = self.engine_ready(ENGINE).await;
            }
        }
    }

    async fn keep_asking_forge(&self, forge: &Forge) {
        loop {
            let answers = self.ask_forge(forge).await;
            if let Err(why) = &answers {
                tracing::warn!(forge = %forge.id, why, "The forge does not answer as it should");
            }
            self.tell_forge(forge, answers.as_ref().err().map(String::as_str));
            sleep(if answers.is_ok() { FORGE.0 } else { FORGE.1 }).await;
        }
    }

    /// Asks what every kind of token may ask, and what costs nothing of its limit.
    async fn ask_forge(&self, forge: &Forge) -> Result<(), String> {
        if let Some(app) = forge.client.app() {
            return ask_as_app(forge, app.id()).await;
        }
        let response = probe(forge).await?;
        let (status, headers) =
            (response.status().as_u16(), Headers::from_http(response.headers()));
        let (anonymous, now) = (!forge.client.has_token(), Timestamp::now());
        let vendor = forge.id.vendor();
        let answers = forge::answers(vendor, status, &headers, response.body(), anonymous, now);
        answers.map_err(|why| forge::words_of(&why, vendor, &forge.token_name))
    }

    /// The same for those who need to know what kind of trouble it is.
    pub(super) async fn probe_forge(&self, forge: &Forge) -> Result<Answer, String> {
        let response = probe(forge).await?;
        let (status, headers) =
            (response.status().as_u16(), Headers::from_http(response.headers()));
        Ok(forge.read(status, &headers, response.body()))
    }
}

async fn probe(forge: &Forge) -> Result<http::Response<Vec<u8>>, String> {
    let request = if forge.client.app().is_some() {
        github::app::self_request(&forge.api)
    } else {
        let address = forge::probe_address(forge.id.vendor(), &forge.api);
        let request = http::Request::get(&address).body(Vec::new());
        request.map_err(|_| format!("`{address}` is not an address"))?
    };
    forge.client.send(request).await.map_err(|error| error.to_string())
}

/// Asks what GitHub knows of the App: whether its key is right.
async fn ask_as_app(forge: &Forge, id: &AppId) -> Result<(), String> {
    let response = probe(forge).await?;
    match response.status().as_u16() {
        200..=299 => Ok(()),
        401 | 404 => Err(github::app::refused_key(id, &github::said(response.body()))),
        status => Err(format!("GitHub answered {status} when asked for the App")),
    }
}

#[cfg(test)]
mod tests;
