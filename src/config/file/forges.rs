//! The section `forges`: where forges are that variables have no names for, above all several of
//! one kind.

use url::Url;

use super::super::forges::{address, own_service, root_of};
use super::{Place, source};
use crate::domain::ids::{ForgeId, Instance, Vendor};
use crate::domain::policy::Source;
use crate::domain::yaml::{Fields, Node, Text, Value, quote};

const ENTRY: [&str; 6] = ["vendor", "name", "url", "username", "token", "webhook-secret"];

/// A forge as an entry sets it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgeSection {
    pub id: ForgeId,
    pub url: Url,
    pub username: Option<String>,
    pub token: Option<Source>,
    /// Several while one is being rotated.
    pub webhook_secrets: Vec<Source>,
}

impl Place<'_, '_> {
    pub(super) fn forges(&mut self, node: Node) -> Vec<ForgeSection> {
        let Value::List(items) = node.value else {
            self.reading.mismatch(&node, "`forges`", "a list of entries with `vendor`");
            return Vec::new();
        };
        let mut forges: Vec<ForgeSection> = Vec::new();
        for item in items {
            let span = item.span;
            let Some(forge) = self.forge(item) else { continue };
            if forges.iter().any(|known| known.id == forge.id) {
                let help = "give each of them another `name`".to_owned();
                self.reading.wrong(span, format!("`forges` has `{}` twice", forge.id), help);
            } else if let Some(known) = forges.iter().find(|known| known.url == forge.url) {
                let help = "one entry serves all repositories of a forge".to_owned();
                let message = format!("`{}` is where `{}` is", forge.id, known.id);
                self.reading.wrong(span, message, help);
            } else {
                forges.push(forge);
            }
        }
        forges
    }

    fn forge(&mut self, item: Node) -> Option<ForgeSection> {
        let whole = item.span;
        let mut fields = self.reading.fields(item, "an entry of `forges`", &ENTRY)?;
        let Some(node) = fields.take("vendor") else {
            let help = format!("write one of {}", words());
            let message = "an entry of `forges` has no `vendor`".to_owned();
            self.reading.wrong(whole, message, help);
            return None;
        };
        let all = Vendor::ALL.map(Vendor::as_str);
        let vendor = self.reading.word(&node, "`vendor`", &all);
        let name = fields.take("name").map(|node| self.name(&node));
        let url = fields.take("url").map(|node| self.url(&node));
        let username = self.word_of(&mut fields, "username");
        let token = fields.take("token").map(|node| source(self, node, "`token`", false));
        let secrets = fields.take("webhook-secret").map(|node| self.webhook_secrets(node));
        let vendor: Vendor = vendor?.parse().ok()?;
        let url = match url {
            Some(url) => url?,
            None => match own_service(vendor) {
                Some(url) => url,
                None => {
                    let message = format!("an entry of `forges` for {vendor} has no `url`");
                    self.reading.wrong(whole, message, format!("it is {}", root_of(vendor)));
                    return None;
                }
            },
        };
        let name = match name {
            Some(name) => Some(name?),
            None => None,
        };
        Some(ForgeSection {
            id: ForgeId::new(vendor, name),
            url,
            username: username?,
            // What cannot be read is an error of the whole file.
            token: token.flatten(),
            webhook_secrets: secrets.unwrap_or_default(),
        })
    }

    fn name(&mut self, node: &Node) -> Option<Instance> {
        let text = self.reading.text(node, "`name`")?;
        let name = text.value.parse::<Instance>();
        name.map_err(|error| self.reading.wrong(text.span, format!("`name`: {error}"), None)).ok()
    }

    fn url(&mut self, node: &Node) -> Option<Url> {
        let Text { value, span } = self.reading.text(node, "`url`")?;
        let right = "write the root of the forge, like `https://git.example.org`".to_owned();
        // What is in front of the `@` may be a password.
        if value.contains('@') {
            let message = "`url` holds credentials".to_owned();
            self.reading.wrong_hidden(span, message, right);
            return None;
        }
        let url = address(value.trim());
        if url.is_none() {
            self.reading.wrong(span, format!("{} is no address of a forge", quote(&value)), right);
        }
        url
    }

    /// None: it cannot be read; none inside: it is not there.
    fn word_of(&mut self, fields: &mut Fields, key: &str) -> Option<Option<String>> {
        let Some(node) = fields.take(key) else { return Some(None) };
        let text = self.reading.text(&node, &format!("`{key}`"))?;
        Some(Some(text.value.trim().to_owned()))
    }

    /// One source, or a list of them.
    fn webhook_secrets(&mut self, node: Node) -> Vec<Source> {
        let items = match node.value {
            Value::List(items) => items,
            _ => vec![node],
        };
        let what = "`webhook-secret`";
        items.into_iter().filter_map(|item| source(self, item, what, false)).collect()
    }
}

fn words() -> String {
    Vendor::ALL.map(|vendor| format!("`{vendor}`")).join(", ")
}
