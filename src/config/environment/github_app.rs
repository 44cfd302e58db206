//! The GitHub App: by variables, or as `github-app create` has kept it in the data folder.

use std::ffi::OsString;
use std::path::Path;

use secrecy::SecretString;

use super::super::file::AppSection;
use super::super::github_app::Store;
use super::super::{ForgeConfig, GithubApp};
use super::Environment;
use crate::domain::forge::github::app::{AppId, AppKey};
use crate::domain::ids::{ForgeId, Vendor};
use crate::domain::policy::Source;
use crate::domain::sign_in::github::OAuthApp;
use crate::domain::signature::WebhookSecret;

const ID: &str = "POCKETCI_GITHUB_APP_ID";
const KEY: &str = "POCKETCI_GITHUB_APP_KEY";
const KEY_FILE: &str = "POCKETCI_GITHUB_APP_KEY_FILE";

impl<F: Fn(&str) -> Option<OsString>> Environment<F> {
    /// Takes up the App, and what comes with it; it wins over a token. Gives what must not be
    /// seen.
    pub(super) fn github_app(
        &mut self,
        forges: &mut Vec<ForgeConfig>,
        section: Option<&AppSection>,
        data_dir: &Path,
        warnings: &mut Vec<String>,
    ) -> Vec<SecretString> {
        let mut masked = Vec::new();
        let is_github = |forge: &ForgeConfig| forge.id == ForgeId::from(Vendor::Github);
        let own =
            section.is_some() || [ID, KEY, KEY_FILE].iter().any(|name| self.raw(name).is_some());
        if own && !forges.iter().any(is_github) {
            let github = self.forge(Vendor::Github, true);
            forges.splice(0..0, github);
        }
        let Some(github) = forges.iter_mut().find(|forge| is_github(forge)) else {
            return masked;
        };
        let keyed = [KEY, KEY_FILE].iter().any(|name| self.raw(name).is_some());
        let app = match (self.text(ID), section) {
            (Some(id), _) => self.app_of_variables(&id, &mut masked),
            (None, _) if keyed => {
                self.wrong.push(format!("{ID} is not set, and there is a key for it"));
                None
            }
            (None, Some(section)) => self.app_of_file(section, &mut masked),
            (None, None) => self.kept_app(github, data_dir, &mut masked),
        };
        if app.is_some() && github.token.take().is_some() {
            let text = "GITHUB_TOKEN is set and not used for GitHub: the GitHub App is. Specs may \
                        still name it";
            warnings.push(text.to_owned());
        }
        github.app = app;
        masked
    }

    fn app_of_file(
        &mut self,
        section: &AppSection,
        masked: &mut Vec<SecretString>,
    ) -> Option<GithubApp> {
        let (name, pem) = match &section.key {
            Source::Env(name) => {
                let Some(pem) = self.hidden(name) else {
                    self.wrong.push(format!("The key of `github-app`: {name} is not set"));
                    return None;
                };
                (name.clone(), pem)
            }
            Source::File(path) => {
                let name = format!("The key of `github-app`, `{}`,", path.display());
                match std::fs::read_to_string(path) {
                    Ok(pem) => (name, pem),
                    Err(error) => {
                        self.wrong.push(format!("{name} cannot be read: {error}"));
                        return None;
                    }
                }
            }
            // The file's reader takes no address here.
            Source::Dagger(_) => return None,
        };
        let key = self.app_key(&name, &pem)?;
        masked.push(SecretString::from(pem));
        Some(GithubApp { id: section.id.clone(), key, client: None })
    }

    fn app_of_variables(&mut self, id: &str, masked: &mut Vec<SecretString>) -> Option<GithubApp> {
        let id = match id.parse::<AppId>() {
            Ok(id) => Some(id),
            Err(_) => {
                self.wrong(ID, id, "the App's number or its client id, from the App's page");
                None
            }
        };
        let (name, pem) = match (self.hidden(KEY), self.raw(KEY_FILE)) {
            (Some(_), Some(_)) => {
                self.wrong.push(format!("{KEY} and {KEY_FILE} are both set: take one away"));
                return None;
            }
            (Some(pem), None) => (KEY.to_owned(), pem),
            (None, Some(path)) => {
                let name = format!("{KEY_FILE} names `{}`, which", Path::new(&path).display());
                match std::fs::read_to_string(&path) {
                    Ok(pem) => (name, pem),
                    Err(error) => {
                        self.wrong.push(format!("{name} cannot be read: {error}"));
                        return None;
                    }
                }
            }
            (None, None) => {
                self.wrong.push(format!("{ID} is set, and neither {KEY} nor {KEY_FILE}"));
                return None;
            }
        };
        let key = self.app_key(&name, &pem)?;
        masked.push(SecretString::from(pem));
        Some(GithubApp { id: id?, key, client: None })
    }

    fn app_key(&mut self, name: &str, pem: &str) -> Option<AppKey> {
        AppKey::parse(pem).map_err(|error| self.wrong.push(format!("{name} {error}"))).ok()
    }

    fn kept_app(
        &mut self,
        github: &mut ForgeConfig,
        data_dir: &Path,
        masked: &mut Vec<SecretString>,
    ) -> Option<GithubApp> {
        let kept = match Store::new(data_dir).read() {
            Ok(kept) => kept?,
            Err(why) => {
                self.wrong.push(why);
                return None;
            }
        };
        // One that was made for another server is none of this one.
        if kept.url != github.url.as_str() {
            return None;
        }
        let name = format!("The key of the GitHub App in `{}`", data_dir.display());
        let key = self.app_key(&name, &kept.key)?;
        let id = kept.id.to_string().parse().ok()?;
        masked.push(SecretString::from(kept.key));
        if !kept.webhook_secret.is_empty() {
            github.webhook_secrets.push(WebhookSecret::new(&kept.webhook_secret));
            masked.push(SecretString::from(kept.webhook_secret));
        }
        let named = !(kept.client_id.is_empty() || kept.client_secret.is_empty());
        let client = named.then(|| {
            let secret = SecretString::from(kept.client_secret);
            masked.push(secret.clone());
            OAuthApp { id: kept.client_id, secret }
        });
        Some(GithubApp { id, key, client })
    }
}
