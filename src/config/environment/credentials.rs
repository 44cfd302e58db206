//! The forge, and what nobody is to see: its token, the webhooks' secrets, those of the calls.

use std::collections::BTreeMap;
use std::ffi::OsString;

use secrecy::SecretString;

use super::super::GithubConfig;
use super::Environment;
use crate::domain::signature::WebhookSecret;

impl<F: Fn(&str) -> Option<OsString>> Environment<F> {
    pub(super) fn github(&mut self) -> GithubConfig {
        const RIGHT: &str = "`https://github.com` or the root of an Enterprise Server, like `https://ghe.example.org`";
        let url = self.url("POCKETCI_GITHUB_URL", RIGHT);
        let url = url.unwrap_or_else(|| {
            #[expect(clippy::unwrap_used, reason = "a constant that parses, shown by every test")]
            "https://github.com".parse().unwrap()
        });
        let api = if matches!(url.host_str(), Some("github.com" | "www.github.com")) {
            if url.scheme() != "https" {
                self.wrong("POCKETCI_GITHUB_URL", url.as_str(), "`https://github.com`");
            }
            "https://api.github.com".to_owned()
        } else {
            format!("{}/api/v3", url.as_str().trim_end_matches('/'))
        };
        let token = self.hidden("GITHUB_TOKEN").map(|token| token.trim().to_owned());
        let token = token.filter(|token| !token.is_empty());
        if token.as_ref().is_some_and(|token| !token.bytes().all(|b| b.is_ascii_graphic())) {
            let text = "GITHUB_TOKEN holds characters that no token has: paste it again";
            self.wrong.push(text.to_owned());
        }
        let username = self.text("GITHUB_USERNAME");
        let token = token.map(SecretString::from);
        GithubConfig { clone_root: url.clone(), url, api, username, token }
    }

    pub(super) fn webhook_secrets(&mut self) -> Vec<WebhookSecret> {
        let text = self.hidden("X_HUB_SIGNATURE").unwrap_or_default();
        let lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        lines.filter(|line| !line.trim().is_empty()).map(WebhookSecret::new).collect()
    }

    /// What no log may show.
    pub(super) fn masked(&mut self, values: &BTreeMap<String, SecretString>) -> Vec<SecretString> {
        let hooks = self.hidden("X_HUB_SIGNATURE").unwrap_or_default();
        let hooks = hooks.lines().filter(|line| !line.trim().is_empty()).map(SecretString::from);
        let values = values.iter().filter(|(name, _)| *name != "GITHUB_USERNAME");
        hooks.chain(values.map(|(_, value)| value.clone())).collect()
    }

    /// The names that `from-env` may use, and the values of those that are set.
    pub(super) fn secrets(
        &mut self,
        warnings: &mut Vec<String>,
    ) -> (Vec<String>, BTreeMap<String, SecretString>) {
        let mut names = vec!["GITHUB_USERNAME".to_owned(), "GITHUB_TOKEN".to_owned()];
        for name in self.names("POCKETCI_SECRETS") {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let mut values = BTreeMap::new();
        for (at, name) in names.iter().enumerate() {
            let value = match at {
                // Read as they are used elsewhere: a line break behind a token is none of it.
                0 | 1 => self.raw(name).and_then(|value| value.into_string().ok()),
                _ => self.hidden(name),
            };
            let value = if at < 2 { value.map(|value| value.trim().to_owned()) } else { value };
            match value.filter(|value| !value.is_empty()) {
                Some(value) => _ = values.insert(name.clone(), SecretString::from(value)),
                None if at < 2 => {}
                None => warnings.push(format!("POCKETCI_SECRETS names {name}, which is not set")),
            }
        }
        (names, values)
    }

    pub(super) fn pass_env(&mut self, warnings: &mut Vec<String>) -> Vec<(String, OsString)> {
        let mut passed = Vec::new();
        for name in self.names("POCKETCI_PASS_ENV") {
            if name == "GITHUB_TOKEN" {
                let text = "POCKETCI_PASS_ENV names GITHUB_TOKEN, which every call would see: \
                            let the specs that need it name it under `secrets`";
                self.wrong.push(text.to_owned());
                continue;
            }
            match self.raw(&name) {
                Some(value) => passed.push((name, value)),
                None => warnings.push(format!("POCKETCI_PASS_ENV names {name}, which is not set")),
            }
        }
        passed
    }
}
