//! Each vendor's forge by its variables, and the forges of the agent's file.

use std::ffi::OsString;

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::super::file::ForgeSection;
use super::super::forges::{
    ForgeConfig, SettingNames, means_own_service, own_service, root_of, variable,
};
use super::Environment;
use crate::domain::forge;
use crate::domain::ids::{ForgeId, Vendor};
use crate::domain::policy::Source;
use crate::domain::signature::WebhookSecret;
use crate::secrets::{Values, unfit};

impl<F: Fn(&str) -> Option<OsString>> Environment<F> {
    /// The forges that anything is set of, then those of the file; GitHub where there is none.
    /// Adds what must not be seen of the file's to `masked`.
    pub(super) fn forges(
        &mut self,
        sections: &[ForgeSection],
        masked: &mut Vec<SecretString>,
        warnings: &mut Vec<String>,
    ) -> Vec<ForgeConfig> {
        let mut forges = Vec::new();
        for vendor in Vendor::ALL {
            let id = ForgeId::from(vendor);
            if !sections.iter().any(|section| section.id == id) {
                forges.extend(self.forge(vendor, false));
                continue;
            }
            let names = SettingNames::variables(vendor);
            for name in [names.url, names.secret] {
                if self.raw(&name).is_some() {
                    let text = format!(
                        "{name} is set, and POCKETCI_CONFIG sets `{id}` up too: take one away, \
                         or give the file's a `name`"
                    );
                    self.wrong.push(text);
                }
            }
        }
        for section in sections {
            let forge = self.forge_of_file(section, masked);
            if let Some(same) = forges.iter().find(|known| known.url == section.url) {
                let (id, other) = (section.id, same.id);
                self.wrong.push(format!("POCKETCI_CONFIG: `{id}` is where `{other}` is"));
            }
            let rival = forges.iter().find(|known| {
                known.id.vendor() == section.id.vendor() && shares_a_secret(known, &forge)
            });
            if let Some(rival) = rival {
                let (id, vendor) = (section.id, section.id.vendor());
                warnings.push(format!(
                    "`{id}` and `{}` have the same webhook secret: what comes to \
                     `/webhooks/{vendor}` or `/` counts as the latter's",
                    rival.id
                ));
            }
            forges.push(forge);
        }
        if forges.is_empty() {
            forges.extend(self.forge(Vendor::Github, true));
        }
        forges
    }

    fn forge_of_file(
        &mut self,
        section: &ForgeSection,
        masked: &mut Vec<SecretString>,
    ) -> ForgeConfig {
        let (vendor, url) = (section.id.vendor(), section.url.clone());
        let names = SettingNames::of_file(section.id);
        if let Some(own) = means_own_service(vendor, &url).filter(|_| url.scheme() != "https") {
            let own = own.as_str().trim_end_matches('/');
            self.wrong.push(format!("{} must be `{own}`", names.url));
        }
        let token = section.token.as_ref().and_then(|source| {
            if let Source::Env(name) = source {
                self.tokens.insert(name.clone());
            }
            let text = self.of_source(&names.token, source)?;
            self.is_a_token(&names.token, text.trim()).then(|| SecretString::from(text.trim()))
        });
        let mut webhook_secrets = Vec::new();
        for source in &section.webhook_secrets {
            self.withheld.insert(source.clone());
            let text = self.of_source(&names.secret, source).unwrap_or_default();
            for line in secret_lines(&text) {
                masked.push(SecretString::from(line));
                webhook_secrets.push(WebhookSecret::new(line));
            }
        }
        masked.extend(token.clone());
        let secrets = webhook_secrets.iter().map(|secret| (&names.secret, secret.expose()));
        let all = secrets.chain(token.iter().map(|token| (&names.token, token.expose_secret())));
        for (name, value) in all {
            if let Some(why) = unfit(value) {
                self.wrong.push(format!("{name} {why}"));
            }
        }
        ForgeConfig {
            id: section.id,
            clone_root: url.clone(),
            api: forge::api_base(vendor, &url),
            url,
            username: section.username.clone(),
            token,
            app: None,
            webhook_secrets,
            names,
        }
    }

    /// What a source holds; none where it holds nothing, which is noted.
    fn of_source(&mut self, setting: &str, source: &Source) -> Option<Zeroizing<String>> {
        let found = match source {
            Source::Env(name) => match self.hidden(name) {
                Some(text) => Ok(Zeroizing::new(text)),
                None => Err(format!("{name} is not set")),
            },
            Source::File(_) => match Values::default().value(source) {
                Ok(text) => Ok(Zeroizing::new(text.expose_secret().to_owned())),
                Err(error) => Err(error.to_string()),
            },
            // The file's reader takes no address here.
            Source::Dagger(_) => return None,
        };
        let found = found.and_then(|text| match text.trim() {
            "" => Err("it is empty".to_owned()),
            _ => Ok(text),
        });
        found.map_err(|why| self.wrong.push(format!("{setting}: {why}"))).ok()
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
        let right = root_of(vendor);
        let Some(url) = self.url(&names.url, right).or_else(|| own_service(vendor)) else {
            if self.wrong.len() == before {
                self.wrong.push(format!("{} is not set: it must be {right}", names.url));
            }
            return None;
        };
        if let Some(own) = means_own_service(vendor, &url).filter(|_| url.scheme() != "https") {
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
        self.is_a_token(name, &token);
        Some(SecretString::from(token))
    }

    fn is_a_token(&mut self, name: &str, token: &str) -> bool {
        let good = token.bytes().all(|b| b.is_ascii_graphic());
        if !good {
            let text = format!("{name} holds characters that no token has: paste it again");
            self.wrong.push(text);
        }
        good
    }

    fn webhook_secrets(&mut self, name: &str) -> Vec<WebhookSecret> {
        let text = self.hidden(name).unwrap_or_default();
        secret_lines(&text).map(WebhookSecret::new).collect()
    }
}

/// Several secrets stand one a line.
fn secret_lines(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
    lines.filter(|line| !line.trim().is_empty())
}

fn shares_a_secret(one: &ForgeConfig, other: &ForgeConfig) -> bool {
    let mut secrets = one.webhook_secrets.iter();
    secrets
        .any(|secret| other.webhook_secrets.iter().any(|other| other.expose() == secret.expose()))
}
