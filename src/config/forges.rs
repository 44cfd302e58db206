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
    /// A forge of the agent's file.
    pub(super) fn of_file(id: ForgeId) -> Self {
        let name = |what: &str| format!("`{what}` of `{id}` in POCKETCI_CONFIG");
        Self { url: name("url"), token: name("token"), secret: name("webhook-secret") }
    }

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

/// Where a vendor has its own service.
pub(super) fn own_service(vendor: Vendor) -> Option<Url> {
    let url = match vendor {
        Vendor::Github => "https://github.com",
        Vendor::Gitlab => "https://gitlab.com",
        Vendor::Bitbucket => "https://bitbucket.org",
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs | Vendor::BitbucketServer => return None,
    };
    url.parse().ok()
}

/// What the address of a vendor's forge is, for messages.
pub(super) fn root_of(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::Github => {
            "`https://github.com` or the root of an Enterprise Server, like \
             `https://ghe.example.org`"
        }
        _ => "the root of the forge, like `https://git.example.org`",
    }
}

/// An address of the web without query and fragment; it may hold credentials.
pub(super) fn address(text: &str) -> Option<Url> {
    text.parse::<Url>().ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

/// The vendor's own service, where an address means it: it is spoken to by HTTPS alone.
pub(super) fn means_own_service(vendor: Vendor, url: &Url) -> Option<Url> {
    let host = url.host_str().map(|host| host.strip_prefix("www.").unwrap_or(host));
    own_service(vendor).filter(|own| own.host_str() == host)
}

/// A vendor's variable: `GITEA_TOKEN`, `BITBUCKET_SERVER_URL`, `POCKETCI_GITHUB_URL`.
pub(super) fn variable(vendor: Vendor, what: &str) -> String {
    let own = if vendor == Vendor::Github && what == "URL" { "POCKETCI_" } else { "" };
    format!("{own}{}", vendor.variable(what))
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
