//! The arrows of the architecture: which module of the crate may know which.

#![expect(clippy::unwrap_used, reason = "sources that cannot be read are a failed test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Each module of the crate with those it may name; `cli` may name every one.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("secrets", &["domain"]),
    ("config", &["domain", "secrets", "onward"]),
    ("crash", &[]),
    ("store", &["domain", "crash"]),
    ("git", &["domain", "crash"]),
    ("dagger", &["domain", "crash"]),
    ("forge_client", &["domain"]),
    ("onward", &[]),
    ("sign_in", &["domain", "forge_client"]),
    ("health", &["domain"]),
    (
        "worker",
        &[
            "domain",
            "secrets",
            "store",
            "git",
            "dagger",
            "forge_client",
            "onward",
            "health",
            "crash",
        ],
    ),
    ("web", &["domain", "store", "onward", "health", "crash"]),
    (
        "agent",
        &[
            "domain",
            "secrets",
            "config",
            "store",
            "git",
            "dagger",
            "forge_client",
            "onward",
            "sign_in",
            "health",
            "worker",
            "web",
            "crash",
        ],
    ),
];

/// What a core that decides and does nothing else cannot need.
const IMPURE: &[&str] = &[
    "async fn",
    "tokio",
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "Instant::now",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
];

#[test]
fn modules_name_only_what_they_may() {
    let mut wrong = BTreeSet::new();
    for file in sources() {
        let module = module(&file);
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == module) else { continue };
        for named in named(&code(&file)) {
            let known = ARROWS.iter().any(|(name, _)| *name == named) || named == "cli";
            if known && named != module && !allowed.contains(&named.as_str()) {
                wrong.insert(format!("{}: {module} must not know {named}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_domain_is_pure() {
    let mut wrong = Vec::new();
    for file in sources().into_iter().filter(|file| module(file) == "domain") {
        let code = code(&file);
        for word in IMPURE.iter().filter(|word| code.contains(**word)) {
            wrong.push(format!("{}: {word}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Every module of the crate is in the table, so that a new one is thought about.
#[test]
fn every_module_has_its_arrows() {
    let modules: BTreeSet<String> = sources().iter().map(|file| module(file)).collect();
    for module in modules {
        let known = ARROWS.iter().any(|(name, _)| *name == module);
        assert!(known || ["cli", "main", "lib"].contains(&module.as_str()), "{module}");
    }
}

/// The sources that are shipped; tests may know everything.
fn sources() -> Vec<PathBuf> {
    let mut folders = vec![root()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") && !is_test(&path) {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty());
    files.sort();
    files
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn is_test(path: &Path) -> bool {
    let inside = path.strip_prefix(root()).unwrap().with_extension("");
    inside.components().any(|part| part.as_os_str() == "tests")
}

/// The crate's module that a file belongs to.
fn module(file: &Path) -> String {
    let inside = file.strip_prefix(root()).unwrap();
    let first = inside.components().next().unwrap();
    first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// A file without its comments.
fn code(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().map(|line| line.split("//").next().unwrap());
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules of the crate that a text names: `crate::store`, `use crate::{git, store::X}`.
fn named(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(list) => found.extend(heads_of(list)),
            None => found.extend(word(rest)),
        }
    }
    found
}

/// The first words of the entries of a `use` list, up to its closing brace.
fn heads_of(list: &str) -> Vec<String> {
    let (mut depth, mut fresh, mut found) = (0, true, Vec::new());
    for (at, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            _ if fresh && !letter.is_whitespace() => {
                found.extend(word(&list[at..]));
                fresh = false;
            }
            _ => {}
        }
    }
    found
}

fn word(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

#[test]
fn lists_of_uses_are_read() {
    let code = "use crate::{domain::{ids, plan}, store::Store, git};\ncrate::web::serve()";
    let names: Vec<String> = named(code).into_iter().collect();
    assert_eq!(names, ["domain", "git", "store", "web"]);
}
