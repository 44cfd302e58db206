//! The text of a `pocketci.yaml` to [`Spec`]s, or to everything that is wrong with it.

use super::{GitDepth, OnInterrupt, Spec, Target};
use crate::domain::duration;
use crate::domain::glob::Globs;
use crate::domain::inert;
use crate::domain::yaml::{self, Diagnostics, Fields, Node, Reading, Span, Text, Value, quote};
use sha2::{Digest as _, Sha256};

/// Characters of a name: status contexts hold it, and GitHub cuts those at 255.
const LONGEST_NAME: usize = 100;

/// The module's folder when the file does not say, relative to the file.
const DEFAULT_MODULE: &str = "./ci";

const KEYS: [&str; 16] = [
    "module-path",
    "commands",
    "events",
    "paths",
    "secrets",
    "functions",
    "name",
    "ignore",
    "timeout",
    "run-timeout",
    "cancel-superseded",
    "max-parallel",
    "concurrency",
    "on-interrupt",
    "report",
    "git-depth",
];

/// Reads the specs of a file: one for each document, and the default one for an empty file.
///
/// `path` is the file's, relative to the repository (`services/api/pocketci.yaml`). The errors
/// are all that could be found, not only the first.
pub fn parse(path: &str, text: &str) -> Result<Vec<Spec>, Diagnostics> {
    yaml::read(path, text, |reading, documents| {
        let any = !documents.is_empty();
        let read = documents.into_iter().filter_map(|document| reading.document(document));
        let mut specs: Vec<Spec> = read.collect();
        if !any {
            specs.push(empty(path));
        }
        specs
    })
}

/// Reads a file as it lies in the repository; text that is not UTF-8 is an error with its place.
pub fn parse_bytes(path: &str, bytes: &[u8]) -> Result<Vec<Spec>, Diagnostics> {
    parse(path, yaml::decode(path, bytes)?)
}

/// The spec of a repository without a `pocketci.yaml`: the module `./ci`, and no filters.
pub fn default_for_root() -> Spec {
    empty("pocketci.yaml")
}

/// What an empty file at this path means.
fn empty(path: &str) -> Spec {
    let folder = folder_of(path);
    Spec {
        path: path.to_owned(),
        folder: folder.to_owned(),
        name: name_of(path),
        target: Target::Module(default_module(folder)),
        events: None,
        paths: None,
        secrets: Vec::new(),
        ignore: None,
        timeout: None,
        run_timeout: None,
        cancel_superseded: None,
        max_parallel: None,
        concurrency: None,
        on_interrupt: OnInterrupt::default(),
        summary: true,
        git_depth: GitDepth::default(),
        functions: std::collections::BTreeMap::new(),
    }
}

/// What the spec of this file is called when it does not say: its folder, as far as that can
/// stand in a status. One that cannot keeps its own by its hash.
pub fn name_of(path: &str) -> String {
    let folder = folder_of(path);
    if folder.chars().count() <= LONGEST_NAME && !folder.chars().any(inert::is_active) {
        return folder.to_owned();
    }
    let hash = hex::encode(&Sha256::digest(folder)[..4]);
    let start: String = inert::one_line(folder).chars().take(LONGEST_NAME - 9).collect();
    format!("{start}~{hash}")
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn default_module(folder: &str) -> String {
    let default = DEFAULT_MODULE.trim_start_matches("./");
    if folder.is_empty() { default.to_owned() } else { format!("{folder}/{default}") }
}

impl Reading<'_> {
    /// One document; none where something is wrong with it, which is then noted.
    fn document(&mut self, document: Node) -> Option<Spec> {
        let mut fields = self.fields(document, "a pocketci.yaml", &KEYS)?;
        let mut spec = empty(self.path);
        self.target(&mut spec, &mut fields);
        if let Some(node) = fields.take("events") {
            spec.events = self.events(node);
        }
        if let Some(node) = fields.take("paths") {
            spec.paths = self.globs(&node, "`paths`");
        }
        if let Some(node) = fields.take("secrets") {
            spec.secrets = self.secrets(node);
        }
        if let Some(node) = fields.take("functions") {
            spec.functions = self.functions(node);
        }
        if let Some(node) = fields.take("name") {
            spec.name = self.name(&node).unwrap_or_default();
        }
        let place = fields.place("ignore");
        if let (Some(node), Some(place)) = (fields.take("ignore"), place) {
            spec.ignore = self.ignore(&node, place, &spec.folder);
        }
        self.settings(&mut spec, &mut fields);
        Some(spec)
    }

    /// `module-path`, or `commands` in its place.
    fn target(&mut self, spec: &mut Spec, fields: &mut Fields) {
        if let (Some(_), Some(place)) = (fields.place("module-path"), fields.place("commands")) {
            let help = "commands are run without a module: keep one of the two, \
                        or make two documents with `---` between them";
            let message = "`commands` and `module-path` exclude one another".to_owned();
            self.wrong(place, message, help.to_owned());
        }
        if let Some(node) = fields.take("module-path")
            && let Some(module) = self.module_path(&node, &spec.folder)
        {
            spec.target = Target::Module(module);
        }
        if let Some(node) = fields.take("commands") {
            spec.target = Target::Commands(self.commands(node));
        }
    }

    fn module_path(&mut self, node: &Node, folder: &str) -> Option<String> {
        let path = self.text(node, "`module-path`")?;
        match inside(folder, &path.value) {
            Ok(module) => Some(module),
            Err(why) => {
                let help = "it is relative to the folder of this file, \
                            and stays inside the repository, like `./ci`";
                let message = format!("`module-path` {} {why}", quote(&path.value));
                self.wrong(path.span, message, help.to_owned());
                None
            }
        }
    }

    fn name(&mut self, node: &Node) -> Option<String> {
        let name = self.text(node, "`name`")?;
        let value = name.value.trim();
        let why = if value.chars().any(inert::is_active) {
            "must be one line of plain text"
        } else if value.starts_with('/') || value.ends_with('/') {
            "must not start or end with a slash"
        } else if value.chars().count() > LONGEST_NAME {
            "is longer than 100 characters"
        } else {
            return Some(value.to_owned());
        };
        self.wrong(name.span, format!("`name` {} {why}", quote(value)), None);
        None
    }

    fn ignore(&mut self, node: &Node, key: Span, folder: &str) -> Option<Globs> {
        if !folder.is_empty() {
            let help = "move it to the `pocketci.yaml` at the root of the repository".to_owned();
            self.wrong(key, "`ignore` counts in the root's file only".to_owned(), help);
            return None;
        }
        self.globs(node, "`ignore`")
    }

    /// The keys with one plain value.
    fn settings(&mut self, spec: &mut Spec, fields: &mut Fields) {
        for (key, timeout) in
            [("timeout", &mut spec.timeout), ("run-timeout", &mut spec.run_timeout)]
        {
            let name = format!("`{key}`");
            let node = fields.take(key);
            let Some(text) = node.and_then(|node| self.text(&node, &name)) else { continue };
            match duration::parse(&text.value) {
                Ok(duration) => *timeout = Some(duration),
                Err(error) => self.wrong(text.span, format!("{name}: {error}"), None),
            }
        }
        if let Some(node) = fields.take("cancel-superseded") {
            spec.cancel_superseded = self.boolean(&node, "`cancel-superseded`");
        }
        if let Some(node) = fields.take("max-parallel") {
            spec.max_parallel = self.count(&node, "`max-parallel`");
        }
        if let Some(node) = fields.take("concurrency") {
            spec.concurrency = self.concurrency(node);
        }
        if let Some(node) = fields.take("on-interrupt") {
            spec.on_interrupt = match self.word(&node, "`on-interrupt`", &["retry", "fail"]) {
                Some(word) if word == "fail" => OnInterrupt::Fail,
                _ => OnInterrupt::Retry,
            };
        }
        if let Some(node) = fields.take("report")
            && let Some(mut report) = self.fields(node, "`report`", &["summary"])
            && let Some(node) = report.take("summary")
        {
            spec.summary = self.boolean(&node, "`summary`").unwrap_or(true);
        }
        if let Some(node) = fields.take("git-depth") {
            spec.git_depth = self.git_depth(&node).unwrap_or_default();
        }
    }

    fn git_depth(&mut self, node: &Node) -> Option<GitDepth> {
        let commits = |number: &String| number.parse::<u32>().ok().filter(|n| *n >= 1);
        match &node.value {
            Value::Text(text) if text == "full" => return Some(GitDepth::Full),
            Value::Number(number) if commits(number).is_some() => {
                return commits(number).map(GitDepth::Commits);
            }
            Value::Text(text) | Value::Number(text) => {
                let wanted = "a number of commits from 1 on, or `full`";
                let message = format!("`git-depth` must be {wanted}, not {}", quote(text));
                self.wrong(node.span, message, None);
            }
            _ => self.mismatch(node, "`git-depth`", "a number of commits or `full`"),
        }
        None
    }

    /// A list of globs over paths.
    pub(super) fn globs(&mut self, node: &Node, what: &str) -> Option<Globs> {
        let texts = self.texts(node, what)?;
        self.compiled_globs(&texts, node.span)
    }

    pub(super) fn compiled_globs(&mut self, texts: &[Text], whole: Span) -> Option<Globs> {
        if !self.are_short(texts) {
            return None;
        }
        let before = self.found.len();
        for text in texts {
            self.glob_place(text);
        }
        let globs: Vec<String> = texts.iter().map(|text| text.value.clone()).collect();
        let error = match Globs::new(&globs) {
            Ok(globs) => return (self.found.len() == before).then_some(globs),
            Err(error) => error,
        };
        let bad = texts.iter().find(|text| Globs::new(std::slice::from_ref(&text.value)).is_err());
        let (span, shown) = bad.map_or((whole, &error.glob), |text| (text.span, &text.value));
        self.wrong(span, format!("{} is not a glob: {}", quote(shown), error.why), None);
        None
    }

    /// A glob that can match no path of a repository, however it is written.
    fn glob_place(&mut self, glob: &Text) {
        let bare = glob.value.strip_prefix('!').unwrap_or(&glob.value);
        let start = ["./", "../", "/"].into_iter().find(|start| bare.starts_with(start));
        if let Some(start) = start {
            let help = "globs are relative to the folder of this file, like `src/**`".to_owned();
            let message = format!("{} starts with `{start}` and can match nothing", quote(bare));
            self.wrong(glob.span, message, help);
        }
    }
}

/// Where a path that is written in a folder leads, relative to the repository.
fn inside(folder: &str, path: &str) -> Result<String, &'static str> {
    if path.starts_with('/') {
        return Err("is absolute");
    }
    if path.contains('\\') {
        return Err("holds a backslash");
    }
    if path.chars().any(char::is_control) {
        return Err("holds a control character");
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or("leaves the repository")?;
            }
            _ if part.eq_ignore_ascii_case(".git") => return Err("leads into `.git`"),
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests;
