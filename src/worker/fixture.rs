//! A worker that nothing outside is there for, for tests.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::Notify;

use super::forges::{Forge, Forges};
use super::{Settings, Worker};
use crate::dagger::Dagger;
use crate::domain::ids::{RunId, Vendor};
use crate::domain::redact::Masks;
use crate::domain::space::{Keep, MinFree};
use crate::forge_client::ForgeClient;
use crate::git::Mirrors;
use crate::health::Health;
use crate::secrets::Values;
use crate::store::tests::{at, delivery};
use crate::store::{NewRun, Settlement, Store};

/// Its data lies in the folder.
pub(super) async fn worker(folder: &TempDir, change: impl FnOnce(&mut Settings)) -> Worker {
    let data = folder.path().to_owned();
    let work = data.join("work");
    std::fs::create_dir_all(&work).unwrap();
    let nowhere = "http://127.0.0.1:9";
    let mut settings = Settings {
        data: data.clone(),
        work: work.clone(),
        parallelism: 1,
        repository_parallelism: None,
        call_timeout: Duration::from_secs(60),
        run_timeout: None,
        drain_timeout: Duration::ZERO,
        catch_up: None,
        compare_every: None,
        log_limit: 1 << 20,
        keep: Keep::default(),
        min_free: MinFree::Percent(5.0),
        policy: Arc::default(),
        secrets: Values::default(),
        masks: Masks::default(),
        base_env: Vec::new(),
        shell_env: Vec::new(),
        pass_env: Vec::new(),
        public_url: nowhere.to_owned(),
        steps: None,
        onward: None,
    };
    change(&mut settings);
    Worker::new(
        Store::open(&data).await.unwrap(),
        Mirrors::new(data.join("mirrors"), Vec::new()),
        Dagger::new("no-such-dagger".into(), Vec::new(), work),
        Forges::new(vec![Forge::new(
            Vendor::Github.into(),
            ForgeClient::new(nowhere.parse().unwrap(), nowhere.to_owned(), None),
            nowhere.to_owned(),
            nowhere.parse().unwrap(),
            "GITHUB_TOKEN".to_owned(),
        )]),
        settings,
        Arc::new(Health::default()),
        Arc::new(Notify::new()),
    )
}

/// A delivery that becomes this run.
pub(super) async fn settle(store: &Store, forge_id: &str, run: NewRun) -> RunId {
    store.record(delivery(forge_id)).await.unwrap();
    let id = store.claim_delivery(at(1)).await.unwrap().unwrap().id;
    let settlement = Settlement::Planned { runs: vec![run], parts: Vec::new() };
    store.settle(id, settlement, at(2)).await.unwrap()[0]
}
