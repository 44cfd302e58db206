//! What nobody is to see: the forges' tokens, the webhooks' secrets, those of the calls.

use std::collections::BTreeMap;
use std::ffi::OsString;

use secrecy::SecretString;

use super::super::SettingNames;
use super::Environment;
use crate::domain::ids::Vendor;

impl<F: Fn(&str) -> Option<OsString>> Environment<F> {
    /// What no log may show.
    pub(super) fn masked(&mut self, values: &BTreeMap<String, SecretString>) -> Vec<SecretString> {
        let mut masked = Vec::new();
        for vendor in Vendor::ALL {
            let names = SettingNames::variables(vendor);
            let hooks = self.hidden(&names.secret).unwrap_or_default();
            let hooks = hooks.lines().filter(|line| !line.trim().is_empty());
            masked.extend(hooks.map(SecretString::from));
            let token = self.hidden(&names.token).map(|token| token.trim().to_owned());
            masked.extend(token.filter(|token| !token.is_empty()).map(SecretString::from));
        }
        let values = values.iter().filter(|(name, _)| *name != "GITHUB_USERNAME");
        masked.extend(values.map(|(_, value)| value.clone()));
        masked
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
            let token = |vendor: &Vendor| SettingNames::variables(*vendor).token == name;
            if Vendor::ALL.iter().any(token) {
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
