//! The agent's file, `POCKETCI_CONFIG`: what does not fit a variable.
//!
//! Read as strictly as a `pocketci.yaml`: unknown keys, duplicates and wrong types are errors with
//! file, line and column. It names where secrets are and never holds one; a value that stands
//! where a source belongs is not shown.

mod forges;
mod github_app;
mod repositories;
mod source;

use std::path::{Path, PathBuf};

use crate::domain::policy::Rule;
use crate::domain::yaml::{self, Diagnostics, Node, Reading};

pub use forges::ForgeSection;
pub use github_app::AppSection;
pub(crate) use source::source;

const KEYS: [&str; 3] = ["forges", "github-app", "repositories"];

/// What the file says.
#[derive(Debug, Clone, Default)]
pub struct File {
    /// In the order of the file.
    pub repositories: Vec<Rule>,
    /// In the order of the file; no two of one id, and none where another is.
    pub forges: Vec<ForgeSection>,
    pub github_app: Option<AppSection>,
}

/// What is read while a file is: its diagnostics, and the folder that its paths are relative to.
pub(crate) struct Place<'r, 'a> {
    pub(crate) reading: &'r mut Reading<'a>,
    pub(crate) folder: PathBuf,
}

impl File {
    /// Reads a file as it lies on the disk; `path` is for messages and for what is relative to it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Diagnostics> {
        let shown = path.display().to_string();
        let text = yaml::decode(&shown, bytes)?;
        yaml::read(&shown, text, |reading, documents| {
            let folder = path.parent().map(Path::to_owned).unwrap_or_default();
            let mut place = Place { reading, folder };
            let mut documents = documents.into_iter();
            let file = documents.next().map(|document| place.file(document)).unwrap_or_default();
            for extra in documents {
                let help = "keep everything above it, in one document".to_owned();
                let message = "the agent's file is one document".to_owned();
                place.reading.wrong(extra.span, message, help);
            }
            file
        })
    }
}

impl Place<'_, '_> {
    fn file(&mut self, document: Node) -> File {
        let mut file = File::default();
        let fields = self.reading.fields(document, "the agent's file", &KEYS);
        let Some(mut fields) = fields else { return file };
        file.forges = fields.take("forges").map(|node| self.forges(node)).unwrap_or_default();
        file.github_app = fields.take("github-app").and_then(|node| self.github_app(node));
        if let Some(node) = fields.take("repositories") {
            file.repositories = self.repositories(node);
        }
        file
    }
}

#[cfg(test)]
mod tests;
