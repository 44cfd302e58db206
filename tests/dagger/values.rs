//! Values of arguments: what the flags' texts turn into when the engine fetches it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use crate::Failure;
use crate::args::{Given, typed};
use crate::dotenv::Dotenv;
use crate::module::{Arg, Module, find_up};
use crate::names::kebab;

#[derive(Clone)]
pub enum Value {
    Plain(Json),
    Folder { path: PathBuf, ignore: Vec<String> },
    File(PathBuf),
    Secret(Secret),
}

#[derive(Clone)]
pub enum Secret {
    /// Looked up when it is used.
    Address(String),
    /// Already run on this machine.
    Known(String),
}

pub type Values = BTreeMap<String, Value>;

/// Gives every argument its value: from the command line, a `.env`, its default or its default
/// path; one that has none of these is left out.
pub fn resolve(
    module: &Module,
    function: Option<&str>,
    args: &[Arg],
    given: &Given,
    dotenv: &Dotenv,
    path: &str,
) -> Result<Values, Failure> {
    let mut values = Values::new();
    for arg in args {
        let value = if let Some(json) = given.get(&arg.name) {
            fetched(arg, json, path)?
        } else if let Some(text) = dotenv.value(module, function, &arg.name) {
            match arg.kind.name() {
                // Run at once, whether or not the function ever looks at it.
                "Secret" => {
                    let secret = Secret::Address(text.to_owned());
                    Value::Secret(secret.plaintext().map_or(secret, Secret::Known))
                }
                _ => {
                    let json =
                        typed(module, &arg.kind, text).map_err(|why| Failure::traced(&why))?;
                    fetched(arg, &json, path)?
                }
            }
        } else if let Some(default) = &arg.default {
            Value::Plain(default.clone())
        } else if !arg.default_path.is_empty() {
            contextual(module, function, arg)?
        } else {
            continue;
        };
        values.insert(arg.name.clone(), value);
    }
    Ok(values)
}

fn fetched(arg: &Arg, json: &Json, usage: &str) -> Result<Value, Failure> {
    let failed = |why: String| Failure {
        usage: Some(usage.to_owned()),
        ..Failure::traced(&format!(
            "failed to get value for argument \"{}\": {why}",
            kebab(&arg.name)
        ))
    };
    let (Json::String(text), false) = (json, arg.kind.is_list()) else {
        return Ok(Value::Plain(json.clone()));
    };
    let path = Path::new(text.strip_prefix("file://").unwrap_or(text));
    match arg.kind.name() {
        "Directory" => {
            let whole = std::env::current_dir().unwrap_or_default().join(path);
            let whole = whole.components().collect::<PathBuf>();
            // Links are followed: whatever they point to is uploaded.
            let real = fs::canonicalize(&whole).ok().filter(|path| path.is_dir());
            let path = real.ok_or_else(|| {
                failed(format!(
                    "failed to get snapshot: failed to snapshot: failed to receive stat message: \
                     rpc error: code = NotFound desc = get full root path: rpc error: code = \
                     NotFound desc = eval symlinks: lstat {}: no such file or directory",
                    whole.display()
                ))
            })?;
            Ok(Value::Folder { path, ignore: arg.ignore.clone() })
        }
        "File" => {
            let real = fs::canonicalize(path).ok().filter(|path| path.is_file());
            let name = path.file_name().unwrap_or_default().display();
            real.map(Value::File)
                .ok_or_else(|| failed(format!("stat {name}: no such file or directory")))
        }
        "Secret" => Ok(Value::Secret(Secret::Address(text.clone()))),
        _ => Ok(Value::Plain(json.clone())),
    }
}

/// A default path is relative to the folder above the module that holds `.git`.
fn contextual(module: &Module, function: Option<&str>, arg: &Arg) -> Result<Value, Failure> {
    let root = find_up(&module.folder, ".git").unwrap_or_else(|| module.folder.clone());
    let path = root.join(arg.default_path.trim_start_matches('/'));
    let (kind, exists) = match arg.kind.name() {
        "File" => ("file", path.is_file()),
        _ => ("directory", path.is_dir()),
    };
    if !exists {
        let object = module.main_object().unwrap_or_default();
        let name = path.file_name().unwrap_or_default().display();
        return Err(Failure::plain(&format!(
            "failed to compute cache key for {object}.{}: load contextual arg \"{}\": load \
             contextual {kind} \"{}\": failed to select {kind}: stat {name}: no such file or \
             directory",
            function.unwrap_or("new"),
            arg.name,
            arg.default_path
        )));
    }
    Ok(match kind {
        "file" => Value::File(path),
        _ => Value::Folder { path, ignore: arg.ignore.clone() },
    })
}

impl Secret {
    /// The value, or the engine's words for why there is none.
    pub fn plaintext(&self) -> Result<String, String> {
        let address = match self {
            Self::Known(value) => return Ok(value.clone()),
            Self::Address(address) => address,
        };
        let failed = |why: String| format!("rpc error: code = Unknown desc = {why}");
        if let Some(command) = address.strip_prefix("cmd://") {
            let output = Command::new("sh").args(["-c", command]).output();
            let output = output.map_err(|error| failed(error.to_string()))?;
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        if let Some(path) = address.strip_prefix("file://") {
            return fs::read_to_string(path).map_err(|_| {
                let text = "no such file or directory";
                failed(format!("failed to read secret file \"{path}\": open {path}: {text}"))
            });
        }
        // What is no address is taken for a variable's name.
        let name = address.strip_prefix("env://").or(address.strip_prefix("env:"));
        let name = name.unwrap_or(address);
        std::env::var(name).map_err(|_| {
            let shown: String = name.chars().take(3).collect();
            failed(format!("secret env var not found: \"{shown}...\""))
        })
    }
}

impl Value {
    /// As text, with what stands behind the name in `${name.what}` or `${name/what}`.
    pub fn text(&self, what: &str) -> Result<String, Failure> {
        let read = |path: &Path| {
            fs::read_to_string(path)
                .map_err(|error| Failure::plain(&format!("{}: {error}", path.display())))
        };
        match (self, what) {
            (Self::Plain(Json::String(text)), "") => Ok(text.clone()),
            (Self::Plain(Json::Null), "") => Ok(String::new()),
            (Self::Plain(json), "") => Ok(json.to_string()),
            (Self::Folder { path, .. } | Self::File(path), "") => Ok(path.display().to_string()),
            (Self::File(path), ".contents") => read(path),
            (Self::Folder { path, ignore }, ".entries") => {
                Ok(Json::from(entries(path, ignore)).to_string())
            }
            (Self::Folder { path, .. }, ".glob") => Ok(files(path).to_string()),
            (Self::Folder { path, .. }, what) if what.starts_with('/') => {
                read(&path.join(&what[1..]))
            }
            (Self::Secret(secret), "") => secret.plaintext().map_err(|why| Failure::plain(&why)),
            (_, what) => panic!("stand-in.json: nothing is known about `{what}` of a value"),
        }
    }
}

/// The names in a folder, sorted, folders with a slash.
pub fn entries(folder: &Path, ignore: &[String]) -> Vec<String> {
    let Ok(found) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = found
        .flatten()
        .map(|entry| (entry.file_name().display().to_string(), entry.path().is_dir()))
        .filter(|(name, _)| !ignore.iter().any(|pattern| ignored(pattern, name)))
        .map(|(name, folder)| if folder { name + "/" } else { name })
        .collect();
    names.sort();
    names
}

fn ignored(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(end) => name.ends_with(end),
        None => pattern.trim_end_matches('/') == name,
    }
}

/// How many things lie in a folder, at any depth.
fn files(folder: &Path) -> usize {
    let Ok(found) = fs::read_dir(folder) else { return 0 };
    let below = |path: PathBuf| 1 + if path.is_dir() { files(&path) } else { 0 };
    found.flatten().map(|entry| below(entry.path())).sum()
}
