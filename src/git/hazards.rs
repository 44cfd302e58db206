//! What a commit holds that must not lie beside a module, because the CLI would act on it here:
//! anything named `.env`, and links that lead out of the tree.

use std::collections::HashMap;

use git2::{Odb, Oid};

use super::content::{Content, Fault, File, Kind, folded};

/// Links followed in one path before it is taken for a loop, as the kernel has it.
const LINKS: usize = 40;

/// Paths that a note names before it only counts.
const NAMED: usize = 3;

/// Whether `.env` files may lie beside a module: a decision of the operator's, for they can name
/// commands and folders of this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dotenv {
    Removed,
    Kept,
}

/// What is left out of a module's tree.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Hazards {
    /// Paths of whatever is named `.env`, in any folder and of any kind; of a folder of that
    /// name, itself or what lies in it.
    pub dotenv: Vec<String>,
    /// Links whose target is absolute or leads above the root, by themselves or through others.
    pub links: Vec<String>,
}

impl Hazards {
    /// Whether the tree can be used for a module as it is.
    pub fn is_empty(&self) -> bool {
        self.dotenv.is_empty() && self.links.is_empty()
    }

    /// What a reader of the log should know about a tree without them.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.dotenv.is_empty() {
            notes.push("The module is loaded from a copy without anything named `.env`".to_owned());
        }
        if !self.links.is_empty() {
            let named = &self.links[..self.links.len().min(NAMED)];
            let named = named.iter().map(|path| format!("`{}`", path.escape_debug()));
            let named = named.collect::<Vec<_>>().join(", ");
            let more = self.links.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            notes.push(format!(
                "The module is loaded from a copy without links that lead out of the repository: \
                 {named}{more}"
            ));
        }
        notes
    }
}

impl Content {
    /// A tree as a module may lie in it, and what was left out of it.
    pub(super) fn for_module(
        odb: &Odb<'_>,
        tree: Oid,
        dotenv: Dotenv,
    ) -> Result<(Self, Hazards), Fault> {
        let mut content = Self::of(odb, tree)?;
        let mut hazards = Hazards::default();
        if dotenv == Dotenv::Removed {
            let mut keep = |path: &[u8]| {
                let kept = !path.split(|byte| *byte == b'/').any(is_dotenv);
                if !kept {
                    hazards.dotenv.push(String::from_utf8_lossy(path).into_owned());
                }
                kept
            };
            content.folders.retain(|path| keep(path));
            content.files.retain(|file| keep(&file.path));
        }
        let links = Links::read(odb, &content.files)?;
        content.files.retain(|file| {
            let out = file.kind == Kind::Link && links.lead_out(&file.path);
            if out {
                hazards.links.push(String::from_utf8_lossy(&file.path).into_owned());
            }
            !out
        });
        Ok((content, hazards))
    }
}

/// Whether a name is `.env`, or may become it on some file system.
fn is_dotenv(name: &[u8]) -> bool {
    folded(name) == ".env"
}

/// The links of a tree by their paths: as they are written, and as a file system sees them that
/// takes upper and lower case for one.
struct Links {
    exact: HashMap<Vec<u8>, Vec<u8>>,
    caseless: HashMap<Vec<u8>, Vec<u8>>,
}

impl Links {
    fn read(odb: &Odb<'_>, files: &[File]) -> Result<Self, Fault> {
        let mut links = Self { exact: HashMap::new(), caseless: HashMap::new() };
        for file in files.iter().filter(|file| file.kind == Kind::Link) {
            links.insert(&file.path, odb.read(file.id)?.data());
        }
        Ok(links)
    }

    fn insert(&mut self, path: &[u8], target: &[u8]) {
        self.exact.insert(path.to_owned(), target.to_owned());
        self.caseless.insert(lower(path), target.to_owned());
    }

    /// Whether the link at this path leads out of the tree, on any file system. Not asked of the
    /// disk: what lies above the tree there is none of its business, and a link that leads
    /// nowhere today can lead somewhere tomorrow.
    fn lead_out(&self, path: &[u8]) -> bool {
        leads_out(path, |at| self.exact.get(at))
            || leads_out(path, |at| self.caseless.get(&lower(at)))
    }
}

fn leads_out<'a>(path: &'a [u8], link: impl Fn(&[u8]) -> Option<&'a Vec<u8>>) -> bool {
    let parts = |path: &'a [u8]| path.split(|byte| *byte == b'/').rev();
    // What is still to be walked, the next part last.
    let mut open: Vec<&[u8]> = parts(path).collect();
    let mut at: Vec<&[u8]> = Vec::new();
    let mut followed = 0;
    while let Some(part) = open.pop() {
        match part {
            b"" | b"." => {}
            b".." => {
                if at.pop().is_none() {
                    return true;
                }
            }
            name => {
                at.push(name);
                let Some(target) = link(&at.join(&b'/')) else { continue };
                followed += 1;
                if followed > LINKS || target.starts_with(b"/") {
                    return true;
                }
                at.pop();
                open.extend(parts(target));
            }
        }
    }
    false
}

fn lower(path: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(path).to_lowercase().into_bytes()
}

#[cfg(test)]
mod tests;
