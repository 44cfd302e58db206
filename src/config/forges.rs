//! The forges that the operator has set up, each with its place, credentials and secrets.

use std::fmt;

use secrecy::SecretString;
use url::Url;

use super::{Config, GithubApp};
use crate::domain::ids::{ForgeId, Vendor};
use crate::domain::signature::WebhookSecret;

/// One forge; what belongs to it is sent to no other host.
#[derive(Clone)]
pub struct ForgeConfig {
    pub id: ForgeId,
    /// Its root: `https://github.com`, or a server of one's own.
    pub url: Url,
    /// What clone URLs start with: the same, but in the demo.
    pub clone_root: Url,
    /// Where its API is, without a slash at the end.
    pub api: String,
    /// For git; none: what the forge takes beside a token.
    pub username: Option<String>,
    /// None where there is an App.
    pub token: Option<SecretString>,
    /// Of a GitHub: `POCKETCI_GITHUB_APP_ID` with its key, or what `github-app create` has kept.
    pub app: Option<GithubApp>,
    /// What its webhooks are signed with; several while one is being rotated. Without one nothing
    /// of it is taken.
    pub webhook_secrets: Vec<WebhookSecret>,
    /// Where the operator has put each of them, for messages.
    pub names: SettingNames,
}

/// What the operator calls a forge's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingNames {
    /// `POCKETCI_GITHUB_URL`.
    pub url: String,
    /// `GITHUB_TOKEN`.
    pub token: String,
    /// `X_HUB_SIGNATURE`.
    pub secret: String,
}

impl SettingNames {
    /// The variables of a vendor.
    pub fn variables(vendor: Vendor) -> Self {
        let name = |what: &str| variable(vendor, what);
        let github = vendor == Vendor::Github;
        Self {
            url: name("URL"),
            token: name("TOKEN"),
            secret: if github { "X_HUB_SIGNATURE".to_owned() } else { name("WEBHOOK_SECRET") },
        }
    }
}

/// A vendor's variable: `GITEA_TOKEN`, `BITBUCKET_SERVER_URL`, `POCKETCI_GITHUB_URL`.
pub(super) fn variable(vendor: Vendor, what: &str) -> String {
    let prefix = vendor.as_str().to_ascii_uppercase().replace('-', "_");
    let own = if vendor == Vendor::Github && what == "URL" { "POCKETCI_" } else { "" };
    format!("{own}{prefix}_{what}")
}

impl ForgeConfig {
    /// Whether it can be told anything.
    pub fn has_credentials(&self) -> bool {
        self.token.is_some() || self.app.is_some()
    }

    /// Whether anything of it is taken.
    pub fn has_secret(&self) -> bool {
        !self.webhook_secrets.is_empty()
    }
}

impl Config {
    /// The forge of that name.
    pub fn forge(&self, id: ForgeId) -> Option<&ForgeConfig> {
        self.forges.iter().find(|forge| forge.id == id)
    }

    /// The same, to change.
    pub fn forge_mut(&mut self, id: ForgeId) -> Option<&mut ForgeConfig> {
        self.forges.iter_mut().find(|forge| forge.id == id)
    }
}

impl fmt::Debug for ForgeConfig {
    /// Leaves out what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForgeConfig")
            .field("id", &self.id)
            .field("url", &self.url.as_str())
            .field("api", &self.api)
            .field("username", &self.username)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("app", &self.app.as_ref().map(|app| app.id.as_str()))
            .field("webhook_secrets", &self.webhook_secrets.len())
            .finish()
    }
}
