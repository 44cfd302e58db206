//! `check`: what is wrong with `pocketci.yaml` files, drawn as compilers do.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::output::{DOUBTFUL, FAINT, GOOD, count, plain};
use super::working::files::{self, Tree};
use super::{Failure, output};
use crate::config::file::File;
use crate::domain::spec::{self, Diagnostic, Severity, Spec, Target};

/// Checks every pocketci.yaml below the current folder, or the files named.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Files to check in place of those below the current folder
    files: Vec<PathBuf>,
    /// Check this file of an agent (POCKETCI_CONFIG) in place of them, or as well
    #[arg(long, value_name = "FILE")]
    agent_file: Vec<PathBuf>,
    /// Print a JSON list of files with their diagnostics
    #[arg(long)]
    json: bool,
}

/// A file with what came out of it.
struct Checked {
    /// As people reach it from here.
    shown: String,
    specs: Vec<Spec>,
    diagnostics: Vec<Diagnostic>,
    warnings: Vec<String>,
}

impl Checked {
    fn is_good(&self) -> bool {
        self.diagnostics.iter().all(|one| one.severity != Severity::Error)
    }
}

pub(super) fn check(options: Options) -> Result<(), Failure> {
    let here = std::env::current_dir().map_err(|error| {
        Failure::bad_input(format!("The current folder cannot be read: {error}"))
    })?;
    let mut checked = Vec::new();
    for file in &options.agent_file {
        checked.push(check_agent_file(&here, file)?);
    }
    if options.files.is_empty() && options.agent_file.is_empty() {
        let tree = Tree::around(&here);
        for file in tree.spec_files(&here)? {
            checked.push(check_file(&tree, &here, &tree.root.join(&file), &file)?);
        }
    }
    for file in &options.files {
        let full = here.join(file);
        let tree = Tree::around(full.parent().unwrap_or(&here));
        let inside = tree.relative(&full);
        checked.push(check_file(&tree, &here, &full, &inside)?);
    }
    share_names(&mut checked);
    if options.json {
        print_json(&checked)?;
    } else {
        print(&checked)?;
    }
    match checked.iter().all(Checked::is_good) {
        true => Ok(()),
        false => Err(Failure::bad_input_shown()),
    }
}

/// `inside` is the file's path in the repository, which decides what its paths are relative to.
fn check_file(tree: &Tree, here: &Path, full: &Path, inside: &str) -> Result<Checked, Failure> {
    let shown = full.strip_prefix(here).unwrap_or(full).display().to_string();
    let bytes = files::read(full)?;
    let (specs, diagnostics) = match spec::parse_bytes(inside, &bytes) {
        Ok(specs) => (specs, Vec::new()),
        Err(errors) => {
            let here = |one: &Diagnostic| Diagnostic { path: shown.clone(), ..one.clone() };
            (Vec::new(), errors.diagnostics().iter().map(here).collect())
        }
    };
    let warnings = specs.iter().flat_map(|spec| doubts(tree, spec)).collect();
    Ok(Checked { shown, specs, diagnostics, warnings })
}

/// The agent's own file, with what it says; whether its secrets are there, `doctor` tells.
fn check_agent_file(here: &Path, file: &Path) -> Result<Checked, Failure> {
    let full = here.join(file);
    let bytes = files::read(&full)?;
    let diagnostics = match File::parse(&full, &bytes) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.of_file(&file.display().to_string()).diagnostics().to_vec(),
    };
    let shown = file.display().to_string();
    Ok(Checked { shown, specs: Vec::new(), diagnostics, warnings: Vec::new() })
}

/// What is probably not meant, and not wrong in itself.
fn doubts(tree: &Tree, spec: &Spec) -> Vec<String> {
    match &spec.target {
        Target::Module(module) if !tree.root.join(module).is_dir() => {
            let module = if module.is_empty() { "." } else { module };
            vec![format!("there is no folder `{module}` for its module")]
        }
        Target::Module(_) => Vec::new(),
        Target::Commands(commands) => {
            let deaf = commands.iter().filter(|command| !files::asks_for_an_event(&command.name));
            deaf.map(|command| {
                format!("no event calls `{}`: names end in `On…` or `dispatch`", command.name)
            })
            .collect()
        }
    }
}

/// Two specs of one name would overwrite each other's summary on a commit.
fn share_names(checked: &mut [Checked]) {
    let mut first: BTreeMap<String, String> = BTreeMap::new();
    for file in checked {
        for spec in &file.specs {
            if let Some(other) = first.get(&spec.name) {
                let summary = match spec.name.as_str() {
                    "" => "pocketci".to_owned(),
                    name => format!("pocketci/{name}"),
                };
                let text = format!(
                    "two specs report as `{summary}` (the other is in {other}): give one a `name`"
                );
                file.warnings.push(text);
            } else {
                first.insert(spec.name.clone(), file.shown.clone());
            }
        }
    }
}

fn print(checked: &[Checked]) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    if checked.is_empty() {
        writeln!(out, "No pocketci.yaml below this folder: a module in ./ci is used without one")?;
    }
    for file in checked {
        for diagnostic in &file.diagnostics {
            writeln!(out, "{}", diagnostic.render(true))?;
        }
        for warning in &file.warnings {
            let shown = plain(&file.shown);
            writeln!(out, "{DOUBTFUL}warning{DOUBTFUL:#}: {shown}: {}", plain(warning))?;
        }
        if file.is_good() {
            let specs = match file.specs.len() {
                0 => "the agent's file".to_owned(),
                specs => count(specs, "spec"),
            };
            writeln!(out, "{GOOD}ok{GOOD:#} {} {FAINT}({specs}){FAINT:#}", plain(&file.shown))?;
        }
    }
    Ok(())
}

fn print_json(checked: &[Checked]) -> Result<(), Failure> {
    let file = |file: &Checked| {
        let names: Vec<&str> = file.specs.iter().map(|spec| spec.name.as_str()).collect();
        json!({
            "path": file.shown,
            "ok": file.is_good(),
            "specs": names,
            "diagnostics": file.diagnostics,
            "warnings": file.warnings,
        })
    };
    output::json(&checked.iter().map(file).collect::<Vec<_>>())?;
    Ok(())
}
