//! When two commits have the same dagger module, so that it need not be listed again.
//!
//! A module is its own folder, the folders of its local dependencies, whatever else its
//! `dagger.json` includes, and the CLI that lists it. The identity is a hash over all of these;
//! where a module reaches for files that cannot be told from `dagger.json` alone, the whole tree
//! stands in for it: listed too often is slow, listed too rarely is wrong.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// A commit's tree, as far as identity needs it.
pub trait Tree {
    /// The object id of a folder; empty path for the root; none when there is no such folder.
    fn folder(&self, path: &str) -> Option<String>;
    /// The content of a file.
    fn file(&self, path: &str) -> Option<Vec<u8>>;
}

/// At most this many local dependencies are followed; a module with more is known by its tree.
const DEPENDENCY_LIMIT: usize = 200;

#[derive(Deserialize, Default)]
struct DaggerJson {
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    include: Option<Vec<String>>,
    #[serde(default)]
    dependencies: Option<Vec<Dependency>>,
    #[serde(default)]
    toolchains: Option<Vec<Dependency>>,
    #[serde(default)]
    sdk: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Dependency {
    Named { source: String },
    Bare(String),
}

impl Dependency {
    fn source(&self) -> &str {
        match self {
            Self::Named { source } | Self::Bare(source) => source,
        }
    }
}

/// The identity of the module in `module` (relative to the root), as listed by the CLI `cli`.
pub fn identity(tree: &dyn Tree, module: &str, cli: &str) -> String {
    let folders = closure(tree, module);
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    add(cli);
    add(module);
    match folders {
        Some(folders) => {
            for (path, id) in folders {
                add(&path);
                add(&id);
            }
        }
        None => add(&tree.folder("").unwrap_or_default()),
    }
    hex::encode(hash.finalize())
}

/// Every folder that the module is made of, with its object id; none when they cannot be told.
fn closure(tree: &dyn Tree, module: &str) -> Option<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut open = vec![module.to_owned()];
    while let Some(folder) = open.pop() {
        if found.contains_key(&folder) {
            continue;
        }
        // A link, or nothing at all: only the whole tree says what it is.
        found.insert(folder.clone(), tree.folder(&folder)?);
        if found.len() > DEPENDENCY_LIMIT {
            return None;
        }
        let at = |name: &str| {
            if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
        };
        if tree.file(&at("dagger-module.toml")).is_some() {
            return None;
        }
        let Some(text) = tree.file(&at("dagger.json")) else { continue };
        let json: DaggerJson = serde_json::from_slice(&text).ok()?;
        let outside = |path: &String| path.starts_with("..") || path.starts_with('/');
        if json.include.iter().flatten().any(|p| outside(&p.trim_start_matches('!').to_owned())) {
            return None;
        }
        if let Some(source) = json.source.filter(|s| !matches!(s.as_str(), "" | "." | "./")) {
            open.push(join(&folder, &source)?);
        }
        // An SDK may itself be a module of this repository.
        let sdk = match &json.sdk {
            Some(serde_json::Value::String(name)) => Some(name.clone()),
            Some(other) => other["source"].as_str().map(str::to_owned),
            None => None,
        };
        let dependencies =
            json.dependencies.iter().flatten().chain(json.toolchains.iter().flatten());
        let sources = dependencies.map(|d| d.source().to_owned()).chain(sdk);
        for source in sources {
            let local = join(&folder, &source);
            let named_so = source.starts_with('.') || source.starts_with('/');
            match local {
                // Also one that describes itself in another file than this.
                Some(local) if named_so || tree.folder(&local).is_some() => {
                    open.push(local);
                }
                None if named_so => return None,
                // Another repository's, pinned in the file that is hashed already.
                _ => {}
            }
        }
    }
    Some(found)
}

/// `path` relative to `folder`, without dots; none when it leaves the repository.
fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = if path.starts_with('/') {
        Vec::new()
    } else {
        folder.split('/').filter(|part| !part.is_empty()).collect()
    };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests;
