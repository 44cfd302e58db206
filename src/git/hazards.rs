//! What a commit holds that must not lie beside a module, because the CLI would act on it here:
//! anything named `.env`, and links that lead out of the tree.

use std::cell::Cell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;

use git2::{Odb, Oid};

use super::content::{Content, Fault, File, Kind, folded};

/// Links followed in one path before it is taken for a loop, as the kernel has it.
const LINKS: usize = 40;

/// The longest target of a link, in bytes, as the kernel has it.
const TARGET: usize = 4096;

/// Links of one commit at most, and bytes of their targets.
const MOST: usize = 100_000;
const TARGETS: usize = 16 << 20;

/// Parts of paths that are walked to find out where all links of a commit lead; a commit that asks
/// for more means harm, and what is left then counts as leading out.
const STEPS: u32 = 20_000_000;

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
#[derive(Default)]
struct Links {
    exact: HashMap<Vec<u8>, Rc<[u8]>>,
    caseless: HashMap<Vec<u8>, Rc<[u8]>>,
    steps: Cell<u32>,
}

impl Links {
    fn read(odb: &Odb<'_>, files: &[File]) -> Result<Self, Fault> {
        let mut links = Self::default();
        let mut targets: HashMap<Oid, Rc<[u8]>> = HashMap::new();
        let mut bytes = 0;
        for file in files.iter().filter(|file| file.kind == Kind::Link) {
            let target = match targets.entry(file.id) {
                Entry::Occupied(known) => Rc::clone(known.get()),
                Entry::Vacant(free) => {
                    let (size, _) = odb.read_header(file.id)?;
                    if size > TARGET {
                        let path = String::from_utf8_lossy(&file.path);
                        let why = format!("the target of the link `{path}` is too long");
                        return Err(Fault::Tree(why));
                    }
                    bytes += size;
                    Rc::clone(free.insert(odb.read(file.id)?.data().into()))
                }
            };
            if links.exact.len() >= MOST || bytes > TARGETS {
                return Err(Fault::Tree(format!("it holds more than {MOST} links, or long ones")));
            }
            links.insert(&file.path, target);
        }
        Ok(links)
    }

    fn insert(&mut self, path: &[u8], target: Rc<[u8]>) {
        self.exact.insert(path.to_owned(), Rc::clone(&target));
        self.caseless.insert(lower(path), target);
    }

    /// Whether the link at this path leads out of the tree, on any file system. Not asked of the
    /// disk: what lies above the tree there is none of its business, and a link that leads
    /// nowhere today can lead somewhere tomorrow.
    fn lead_out(&self, path: &[u8]) -> bool {
        leads_out(path, |at| self.step().then(|| self.exact.get(at).map(|it| &**it)))
            || leads_out(path, |at| {
                self.step().then(|| self.caseless.get(&lower(at)).map(|it| &**it))
            })
    }

    /// Whether another one may be taken.
    fn step(&self) -> bool {
        self.steps.set(self.steps.get().saturating_add(1));
        self.steps.get() < STEPS
    }
}

/// `link` gives the target of a link at a path, or says that it has been asked too often.
fn leads_out<'a>(path: &'a [u8], link: impl Fn(&[u8]) -> Option<Option<&'a [u8]>>) -> bool {
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
                let here = at.join(&b'/');
                let Some(target) = link(&here).filter(|_| here.len() <= TARGET) else {
                    return true;
                };
                let Some(target) = target else { continue };
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
