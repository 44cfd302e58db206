//! Each vendor's forge by its variables.

use std::ffi::OsString;

use secrecy::SecretString;
use url::Url;

use super::super::forges::{ForgeConfig, SettingNames, variable};
use super::Environment;
use crate::domain::forge;
use crate::domain::ids::Vendor;
use crate::domain::signature::WebhookSecret;

/// Where a vendor has its own service.
fn service(vendor: Vendor) -> Option<&'static str> {
    match vendor {
        Vendor::Github => Some("https://github.com"),
        Vendor::Gitlab => Some("https://gitlab.com"),
        Vendor::Bitbucket => Some("https://bitbucket.org"),
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs | Vendor::BitbucketServer => None,
    }
}

impl<F: Fn(&str) -> Option<OsString>> Environment<F> {
    /// The forges that anything is set of; GitHub where nothing is.
    pub(super) fn forges(&mut self) -> Vec<ForgeConfig> {
        let mut forges: Vec<_> =
            Vendor::ALL.into_iter().filter_map(|vendor| self.forge(vendor, false)).collect();
        if forges.is_empty() {
            forges.extend(self.forge(Vendor::Github, true));
        }
        forges
    }

    pub(super) fn forge(&mut self, vendor: Vendor, always: bool) -> Option<ForgeConfig> {
        let names = SettingNames::variables(vendor);
        let username = variable(vendor, "USERNAME");
        // A token alone may be a secret of somebody's functions.
        let all = [&names.url, &names.secret, &names.token, &username];
        let telling = if vendor == Vendor::Github { 4 } else { 2 };
        if !always && all[..telling].iter().all(|name| self.raw(name).is_none()) {
            return None;
        }
        let before = self.wrong.len();
        let right = match service(vendor) {
            Some(_) if vendor == Vendor::Github => {
                "`https://github.com` or the root of an Enterprise Server, like \
                 `https://ghe.example.org`"
            }
            _ => "the root of the forge, like `https://git.example.org`",
        };
        let url = self.url(&names.url, right);
        let service = service(vendor).and_then(|url| url.parse::<Url>().ok());
        let Some(url) = url.or_else(|| service.clone()) else {
            if self.wrong.len() == before {
                self.wrong.push(format!("{} is not set: it must be {right}", names.url));
            }
            return None;
        };
        let own = service.filter(|own| {
            let host = url.host_str().map(|host| host.strip_prefix("www.").unwrap_or(host));
            own.host_str() == host
        });
        if let Some(own) = own.filter(|_| url.scheme() != "https") {
            let right = format!("`{}`", own.as_str().trim_end_matches('/'));
            self.wrong(&names.url, url.as_str(), &right);
        }
        Some(ForgeConfig {
            id: vendor.into(),
            clone_root: url.clone(),
            api: forge::api_base(vendor, &url),
            url,
            username: self.text(&username),
            token: self.token(&names.token),
            app: None,
            webhook_secrets: self.webhook_secrets(&names.secret),
            names,
        })
    }

    fn token(&mut self, name: &str) -> Option<SecretString> {
        let token = self.hidden(name).map(|token| token.trim().to_owned());
        let token = token.filter(|token| !token.is_empty())?;
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            let text = format!("{name} holds characters that no token has: paste it again");
            self.wrong.push(text);
        }
        Some(SecretString::from(token))
    }

    fn webhook_secrets(&mut self, name: &str) -> Vec<WebhookSecret> {
        let text = self.hidden(name).unwrap_or_default();
        let lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        lines.filter(|line| !line.trim().is_empty()).map(WebhookSecret::new).collect()
    }
}
