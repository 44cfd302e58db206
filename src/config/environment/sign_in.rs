//! What people sign in with: GitHub, an OpenID provider; and who of them may do everything.

use std::ffi::OsString;

use secrecy::SecretString;
use url::Url;

use super::super::ForgeConfig;
use super::super::sign_in::{OidcConfig, OidcRightsConfig, SignInConfig};
use super::Environment;
use crate::domain::ids::Vendor;
use crate::domain::sign_in::admins::Admins;
use crate::domain::sign_in::github::OAuthApp;
use crate::domain::sign_in::grants::Grants;
use crate::domain::sign_in::oidc::Client;

const GITHUB_ID: &str = "POCKETCI_GITHUB_OAUTH_ID";
const GITHUB_SECRET: &str = "POCKETCI_GITHUB_OAUTH_SECRET";
const ISSUER: &str = "POCKETCI_OIDC_ISSUER";
const OIDC_ID: &str = "POCKETCI_OIDC_CLIENT_ID";
const OIDC_SECRET: &str = "POCKETCI_OIDC_CLIENT_SECRET";
const RIGHTS: &str = "POCKETCI_OIDC_RIGHTS";
const ADMINS: &str = "POCKETCI_ADMINS";

impl<F: Fn(&str) -> Option<OsString>> Environment<F> {
    /// Reads it; what must not be seen goes to `masked`.
    pub(super) fn sign_in(
        &mut self,
        forges: &[ForgeConfig],
        named: bool,
        masked: &mut Vec<SecretString>,
    ) -> SignInConfig {
        let github = self.pair(GITHUB_ID, GITHUB_SECRET, masked);
        let github = github.map(|(id, secret)| OAuthApp { id, secret });
        if github.is_some() && !forges.iter().any(|forge| forge.id == Vendor::Github) {
            self.wrong.push(format!("{GITHUB_ID} is set, and no GitHub is: set GITHUB_TOKEN too"));
        }
        let oidc = self.oidc(forges, masked);
        for name in [github.as_ref().map(|_| GITHUB_ID), oidc.as_ref().map(|_| ISSUER)] {
            if let Some(name) = name.filter(|_| !named) {
                self.wrong.push(format!(
                    "{name} is set and POCKETCI_URL is not: it says where people come back to"
                ));
            }
        }
        // An App that was made here is ready for it, and nobody has asked for it in so many words.
        let kept = || forges.iter().find_map(|forge| forge.app.as_ref()?.client.clone());
        let github = github.or_else(|| kept().filter(|_| named));
        SignInConfig { github, oidc, admins: self.admins(forges) }
    }

    fn oidc(
        &mut self,
        forges: &[ForgeConfig],
        masked: &mut Vec<SecretString>,
    ) -> Option<OidcConfig> {
        let before = self.wrong.len();
        let right = "the provider's issuer, like `https://login.example.org/realms/main`";
        let url = self.url(ISSUER, right);
        let pair = self.pair(OIDC_ID, OIDC_SECRET, masked);
        let text = self.text(RIGHTS);
        let (url, (id, secret)) = match (url, pair) {
            (Some(url), Some(pair)) => (url, pair),
            (url, pair) => {
                let any = url.is_some() || pair.is_some() || text.is_some();
                if any && self.wrong.len() == before {
                    let missing = if url.is_none() { ISSUER } else { OIDC_ID };
                    self.wrong.push(format!(
                        "{missing} is not set: {ISSUER}, {OIDC_ID} and {OIDC_SECRET} belong together"
                    ));
                }
                return None;
            }
        };
        let local = url.host_str().is_some_and(|host| {
            host == "localhost" || host.parse().is_ok_and(|it: std::net::IpAddr| it.is_loopback())
        });
        if url.scheme() != "https" && !local {
            self.wrong(ISSUER, url.as_str(), "an address with https: who people are comes by it");
        }
        let rights = self.oidc_rights(forges, &url, text)?;
        // As it was written: an issuer is compared letter by letter.
        let issuer = self.text(ISSUER)?;
        Some(OidcConfig { client: Client { issuer, id, secret }, rights })
    }

    fn oidc_rights(
        &mut self,
        forges: &[ForgeConfig],
        issuer: &Url,
        text: Option<String>,
    ) -> Option<OidcRightsConfig> {
        let Some(text) = text else {
            let root = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
            let same = |forge: &&ForgeConfig| root(&forge.url) == root(issuer);
            let found = forges.iter().find(same).map(|forge| OidcRightsConfig::Forge(forge.id));
            if found.is_none() {
                self.wrong.push(format!(
                    "{RIGHTS} is not set, and {ISSUER} is no forge of ours: say who may do what, \
                     like `groups:ci=operate, email:*@example.org=read`"
                ));
            }
            return found;
        };
        match Grants::parse(&text) {
            Ok(grants) => Some(OidcRightsConfig::Given { grants, text }),
            Err(error) => {
                self.wrong.push(format!("{RIGHTS}: {error}"));
                None
            }
        }
    }

    fn admins(&mut self, forges: &[ForgeConfig]) -> Admins {
        let text = self.text(ADMINS).unwrap_or_default();
        let admins = Admins::parse(&text).unwrap_or_else(|error| {
            self.wrong.push(format!("{ADMINS}: {error}"));
            Admins::default()
        });
        let known: Vec<_> = forges.iter().map(|forge| forge.id).collect();
        for forge in admins.forges().filter(|forge| !known.contains(forge)) {
            self.wrong.push(format!("{ADMINS} names somebody of `{forge}`, which is not set up"));
        }
        admins
    }

    /// A name and its secret, which belong together.
    fn pair(
        &mut self,
        id: &str,
        secret: &str,
        masked: &mut Vec<SecretString>,
    ) -> Option<(String, SecretString)> {
        let text = self.hidden(secret).map(|text| text.trim().to_owned());
        match (self.text(id), text.filter(|text| !text.is_empty())) {
            (None, None) => None,
            (Some(id), Some(text)) => {
                let secret = SecretString::from(text);
                masked.push(secret.clone());
                Some((id, secret))
            }
            (there, _) => {
                let (there, missing) = if there.is_some() { (id, secret) } else { (secret, id) };
                self.wrong.push(format!("{there} is set and {missing} is not"));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
