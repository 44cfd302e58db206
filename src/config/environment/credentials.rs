//! What nobody is to see: the forges' tokens, the webhooks' secrets, those of the calls.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::super::SettingNames;
use super::super::file::File;
use super::Environment;
use crate::domain::ids::Vendor;
use crate::domain::policy::{Policy, Source};
use crate::domain::redact::Masks;
use crate::secrets::{SecretError, Values, unfit};

/// Whether a variable is named like a secret.
fn is_named_secret(name: &str) -> bool {
    const WORDS: [&str; 5] = ["TOKEN", "SECRET", "PASSW", "CREDENTIAL", "_KEY"];
    let name = name.to_ascii_uppercase();
    WORDS.iter().any(|word| name.contains(word))
}

impl<F: Fn(&str) -> Option<OsString>> Environment<F> {
    /// What nothing may show, as far as it is known at start.
    pub(super) fn masks(
        &mut self,
        own: Vec<SecretString>,
        policy: &Policy,
        values: &Values,
        passed: &[(String, OsString)],
        warnings: &mut Vec<String>,
    ) -> Masks {
        let mut masked = own;
        for vendor in Vendor::ALL {
            let names = SettingNames::variables(vendor);
            let hooks = Zeroizing::new(self.hidden(&names.secret).unwrap_or_default());
            let hooks = hooks.lines().filter(|line| !line.trim().is_empty());
            let hooks = hooks.map(|line| (names.secret.clone(), SecretString::from(line)));
            let token = Zeroizing::new(self.hidden(&names.token).unwrap_or_default());
            let token = Some(token.trim()).filter(|token| !token.is_empty());
            let token = token.map(|token| (names.token, SecretString::from(token)));
            for (name, value) in hooks.chain(token) {
                if let Some(why) = unfit(value.expose_secret()) {
                    self.wrong.push(format!("{name} {why}"));
                }
                masked.push(value);
            }
        }
        let named = policy.secrets().map(|(_, source)| source);
        let user_name = Source::Env("GITHUB_USERNAME".to_owned());
        let sources: BTreeSet<Source> = named.collect();
        for source in sources.iter().filter(|source| **source != user_name) {
            match values.value(source) {
                Ok(value) => masked.push(value),
                Err(error @ SecretError::Unfit { .. }) => {
                    let text = error.to_string();
                    if !self.wrong.contains(&text) {
                        self.wrong.push(text);
                    }
                }
                // It may come before it is needed.
                Err(error @ SecretError::Unreadable { .. }) => {
                    warnings.push(format!("A secret cannot be given out: {error}"));
                }
                Err(SecretError::Unset(_) | SecretError::Address) => {}
            }
        }
        // What is passed to every call is not all secret, and nobody says what is.
        let cloud = self.present(&["DAGGER_CLOUD_TOKEN"]);
        let likely = passed.iter().chain(&cloud).filter(|(name, _)| is_named_secret(name));
        for (_, value) in likely {
            if let Some(value) = value.to_str().filter(|value| unfit(value).is_none()) {
                masked.push(SecretString::from(value));
            }
        }
        Masks::new(masked.iter().map(|value| value.expose_secret()))
    }

    /// The names that `from-env` may use in every repository as long as the file does not speak of
    /// secrets, and the values of all variables that may lead to one.
    pub(super) fn secrets(
        &mut self,
        file: &File,
        warnings: &mut Vec<String>,
    ) -> (Vec<String>, Values) {
        let mut names = vec!["GITHUB_USERNAME".to_owned(), "GITHUB_TOKEN".to_owned()];
        for name in self.names("POCKETCI_SECRETS") {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let said = file.repositories.iter().filter_map(|rule| rule.secrets.as_ref());
        for secret in said.clone().flatten().filter(|it| self.withheld.contains(&it.source)) {
            self.wrong.push(format!(
                "POCKETCI_CONFIG gives `{}` to repositories, and it proves a forge's webhooks: \
                 whoever has it can send them",
                secret.name
            ));
        }
        if names.len() > 2 && said.clone().next().is_some() {
            let text = "POCKETCI_SECRETS is not used, because the file of POCKETCI_CONFIG says \
                        which secrets repositories may have: name them there";
            warnings.push(text.to_owned());
        }
        let sources = said.flatten().filter_map(|secret| match &secret.source {
            Source::Env(name) => Some((name.clone(), "The file of POCKETCI_CONFIG")),
            _ => None,
        });
        let listed = names.iter().map(|name| (name.clone(), "POCKETCI_SECRETS"));
        let mut values = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for (name, says) in listed.chain(sources) {
            if !seen.insert(name.clone()) {
                continue;
            }
            let credential = name == "GITHUB_USERNAME" || name == "GITHUB_TOKEN";
            let value = match credential {
                // Read as they are used elsewhere: a line break behind a token is none of it.
                true => self.raw(&name).and_then(|value| value.into_string().ok()),
                false => self.hidden(&name),
            };
            let value = value.map(Zeroizing::new);
            let value = value.as_deref().map(|value| if credential { value.trim() } else { value });
            match value.filter(|value| !value.is_empty()) {
                Some(value) => _ = values.insert(name, SecretString::from(value)),
                None if credential => {}
                None => warnings.push(format!("{says} names {name}, which is not set")),
            }
        }
        (names, Values::new(values))
    }

    pub(super) fn pass_env(&mut self, warnings: &mut Vec<String>) -> Vec<(String, OsString)> {
        let mut passed = Vec::new();
        for name in self.names("POCKETCI_PASS_ENV") {
            let token = |vendor: &Vendor| SettingNames::variables(*vendor).token == name;
            if Vendor::ALL.iter().any(token) || self.tokens.contains(&name) {
                self.wrong.push(format!(
                    "POCKETCI_PASS_ENV names {name}, which every call would see: let the specs \
                     that need it name it under `secrets`"
                ));
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
