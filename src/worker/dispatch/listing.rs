//! What a module has to offer: listed by the engine once, then remembered for as long as the
//! module stays the same.

use std::time::Duration;

use anyhow::Context as _;

use super::{Later, Worker, blocking};
use crate::dagger::ListError;
use crate::domain::function::{ListingError, Module};
use crate::domain::identity::{self, Tree};
use crate::domain::ids::Sha;
use crate::domain::plan::{Reason, ReasonCode};
use crate::git::{Dotenv, GitError, Mirror};
use crate::worker::engine::FRESH;
use crate::worker::module_place;

/// A first module on a fresh engine pulls and builds its SDK.
const LIMIT: Duration = Duration::from_secs(10 * 60);

/// A commit's tree in a mirror.
struct At<'a>(&'a Mirror, &'a Sha);

impl Tree for At<'_> {
    fn folder(&self, path: &str) -> Option<String> {
        self.0.tree_id(self.1, path).ok().flatten()
    }

    fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.0.read(self.1, path).ok().flatten()
    }
}

/// The module that a listing describes; `Err` inside is the repository's mistake, in words.
fn understood(json: &[u8], folder: &str) -> Result<Result<Module, Reason>, Later> {
    match Module::parse(json) {
        Ok(module) => Ok(Ok(module)),
        Err(ListingError::NotJson(text)) => {
            Err(Later::Agent(anyhow::anyhow!("dagger's listing of `{folder}` is not one: {text}")))
        }
        Err(error) => Ok(Err(ReasonCode::ModuleBroken.because(error.to_string()))),
    }
}

impl Worker {
    /// The module in `folder` at `sha`; `Err` inside is the repository's mistake, in words.
    pub(super) async fn module(
        &self,
        mirror: &Mirror,
        sha: &Sha,
        folder: &str,
        dotenv: Dotenv,
    ) -> Result<Result<Module, Reason>, Later> {
        let there = blocking({
            let (mirror, sha, folder) = (mirror.clone(), sha.clone(), folder.to_owned());
            move || Ok(mirror.is_folder(&sha, &folder)? || mirror.is_link(&sha, &folder)?)
        });
        if !there.await? {
            let text = format!("there is no module at `./{folder}` in {}", sha.short());
            return Ok(Err(ReasonCode::NoModule.because(text)));
        }
        let mut cli = self.cli_version().await.map_err(Later::Engine)?;
        if dotenv == Dotenv::Kept {
            // What it lists may depend on them.
            cli.push_str(" with .env");
        }
        let key = blocking({
            let (mirror, sha, folder) = (mirror.clone(), sha.clone(), folder.to_owned());
            move || Ok::<_, GitError>(identity::identity(&At(&mirror, &sha), &folder, &cli))
        })
        .await?;
        if let Some(module) = self.kept_listing(&key, folder).await? {
            return Ok(module);
        }
        let _one = self.listing.lock().await;
        // Another delivery of the same module may have listed it meanwhile.
        if let Some(module) = self.kept_listing(&key, folder).await? {
            return Ok(module);
        }
        crate::crash::point("listing.before");
        let json = match self.list(mirror, sha, folder, dotenv).await? {
            Ok(json) => json,
            Err(reason) => return Ok(Err(reason)),
        };
        let module = understood(&json, folder)?;
        if module.is_ok() {
            crate::crash::point("listing.answered");
            let kept = self.store.keep_listing(&key, &json, jiff::Timestamp::now()).await;
            crate::crash::point("listing.kept");
            if let Err(error) = kept {
                tracing::warn!(%error, "Failed to keep a module's listing; it is listed again");
            }
        }
        Ok(module)
    }

    /// What was listed before, if it was.
    async fn kept_listing(
        &self,
        key: &str,
        folder: &str,
    ) -> Result<Option<Result<Module, Reason>>, Later> {
        let kept = self.store.listing(key).await.map_err(|error| Later::Agent(error.into()))?;
        let Some(json) = kept else { return Ok(None) };
        if let Err(error) = self.store.use_listing(key, jiff::Timestamp::now()).await {
            tracing::warn!(%error, "Failed to write down that a module's listing is of use");
        }
        understood(&json, folder).map(Some)
    }

    async fn list(
        &self,
        mirror: &Mirror,
        sha: &Sha,
        folder: &str,
        dotenv: Dotenv,
    ) -> Result<Result<Vec<u8>, Reason>, Later> {
        self.engine_ready(FRESH).await.map_err(Later::Engine)?;
        let room = tempfile::Builder::new()
            .prefix("listing-")
            .tempdir_in(&self.settings.work)
            .context("Cannot make a folder to list a module in")
            .map_err(Later::Agent)?;
        let tree = room.path().join("module");
        let resolved = blocking({
            let (mirror, sha, tree, folder) =
                (mirror.clone(), sha.clone(), tree, folder.to_owned());
            move || {
                match mirror.module_tree(&sha, &tree, dotenv) {
                    // The commit's own fault, and the same at every try.
                    Err(error @ GitError::Unusable { .. }) => return Ok(Err(error.to_string())),
                    written => written?,
                };
                Ok(module_place::resolve(&tree, &folder).map_err(|error| error.to_string()))
            }
        })
        .await?;
        let module = match resolved {
            Ok(module) => module,
            Err(why) => return Ok(Err(ReasonCode::ModuleOutside.because(why))),
        };
        match self.dagger.list(&module, LIMIT).await {
            Ok(json) => Ok(Ok(json)),
            Err(ListError::Module(text)) => {
                let text = self.settings.masks.text(&text);
                Ok(Err(ReasonCode::ModuleBroken.because(text)))
            }
            Err(ListError::Engine(error)) => {
                Err(Later::Engine(self.engine_silent(&error.to_string())))
            }
        }
    }
}
