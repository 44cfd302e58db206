//! The section `github-app`: `{id: 123, key: {file: …}}`.

use super::{Place, source};
use crate::domain::forge::github::app::AppId;
use crate::domain::policy::Source;
use crate::domain::yaml::{Node, Value};

const KEYS: [&str; 2] = ["id", "key"];

/// An App that the agent is, with the place of its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppSection {
    pub id: AppId,
    pub key: Source,
}

impl Place<'_, '_> {
    pub(super) fn github_app(&mut self, node: Node) -> Option<AppSection> {
        let whole = node.span;
        if !matches!(node.value, Value::Map(_)) {
            self.reading.mismatch(&node, "`github-app`", "`{id: 123, key: {file: path}}`");
            return None;
        }
        let mut fields = self.reading.fields(node, "`github-app`", &KEYS)?;
        let id = fields.take("id").and_then(|node| {
            let text = self.reading.text(&node, "`id`")?;
            let read = text.value.parse::<AppId>();
            if let Err(error) = &read {
                let help = "it is on the App's page".to_owned();
                self.reading.wrong(text.span, format!("`id`: {error}"), help);
            }
            Some(read.ok())
        });
        let key = fields.take("key").map(|node| source(self, node, "`key`", false));
        for (name, given) in [("id", id.is_some()), ("key", key.is_some())] {
            if !given {
                let help = "write `github-app: {id: 123, key: {file: path}}`".to_owned();
                self.reading.wrong(whole, format!("`github-app` has no `{name}`"), help);
            }
        }
        Some(AppSection { id: id??, key: key?? })
    }
}
