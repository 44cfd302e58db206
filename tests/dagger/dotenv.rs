//! `.env` files, which the CLI takes for arguments that a call leaves out: the one in a local
//! module's folder, and the nearest from the working directory upwards. A Secret's `cmd://…` in
//! one is run by the shell on this machine.

use std::fs;
use std::path::Path;

use crate::module::{Function, Module, find_up};
use crate::names::plain;

pub struct Dotenv(Vec<(String, String)>);

impl Dotenv {
    pub fn read(module: &Module) -> Self {
        let mut pairs = Vec::new();
        if let Some(text) = read(&module.folder) {
            pairs.extend(parse(&text, false));
        }
        let found = std::env::current_dir().ok().and_then(|cwd| find_up(&cwd, ".env"));
        if let Some(text) = found.filter(|folder| *folder != module.folder).and_then(|f| read(&f)) {
            pairs.extend(parse(&text, true));
        }
        Self(pairs)
    }

    /// The value for an argument of a function, or of the constructor.
    pub fn value(&self, module: &Module, function: Option<&str>, arg: &str) -> Option<&str> {
        let arg = plain(arg);
        let function = function.map(plain).unwrap_or_default();
        let names = [format!("{function}{arg}"), format!("{}{function}{arg}", plain(&module.name))];
        let known = |(name, _): &&(String, String)| names.contains(&plain(name));
        self.0.iter().find(known).map(|(_, value)| value.as_str())
    }

    /// The only trace that it leaves: `user default: ci(token="cmd://…")`.
    pub fn notices(&self, module: &Module) -> Vec<String> {
        let mut notices = Vec::new();
        let name = &module.name;
        for arg in &module.source.constructor {
            if let Some(value) = self.value(module, None, &arg.name) {
                notices.push(format!("user default: {name}({}={value:?})\n", arg.name));
            }
        }
        for Function { name: function, args, .. } in &module.source.functions {
            for arg in args {
                if let Some(value) = self.value(module, Some(function), &arg.name) {
                    let arg = &arg.name;
                    notices.push(format!("user default: {name}.{function}({arg}={value:?})\n"));
                }
            }
        }
        notices
    }
}

fn read(folder: &Path) -> Option<String> {
    fs::read_to_string(folder.join(".env")).ok()
}

fn parse(text: &str, expand: bool) -> Vec<(String, String)> {
    let pair = |line: &str| {
        let line = line.trim().strip_prefix("export ").unwrap_or(line.trim());
        let (name, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
        let value = value.trim();
        let quoted = |quote| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
        let value = quoted('"').or(quoted('\'')).unwrap_or(value);
        let value = if expand { expanded(value) } else { value.to_owned() };
        Some((name.trim().to_owned(), value))
    };
    text.lines().filter_map(pair).collect()
}

fn expanded(value: &str) -> String {
    let mut text = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(before);
        text.push_str(&std::env::var(name).unwrap_or_default());
        rest = behind;
    }
    text + rest
}
