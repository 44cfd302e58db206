//! A plan for people, and the same for programs.

use std::io::{self, Write};

use anstyle::Style;
use serde_json::{Value, json};

use super::Answer;
use crate::cli::output::{BAD, DOUBTFUL, FAINT, GOOD, STRONG, count, plain, shell_line};
use crate::cli::working::Planned;
use crate::domain::event::{Disposition, Event};
use crate::domain::plan::{
    Action, Addresses, Changes, Decision, FunctionDecision, Places, Plan, PlannedCall, Reason,
    ReasonCode,
};
use crate::domain::spec::{Spec, SpecErrors, Target};
use crate::domain::trigger::{self, TriggerExtra};

/// Where the event trigger file would be.
const EVENT_TRIGGER: &str = "event.json";

/// Files that are named in the header; the rest is counted.
const FILES_SHOWN: usize = 3;

/// The plan as `plan --json` promises it.
pub(super) fn json(answer: &Answer) -> Value {
    let extra = TriggerExtra {
        delivery_id: &answer.delivery_id,
        run_id: None,
        attempt: 1,
        changes: answer.changes.files(),
    };
    let mut specs: Vec<Value> =
        answer.planned.iter().map(|one| spec_json(one, &answer.source)).collect();
    specs.extend(answer.broken.iter().map(|errors| {
        json!({
            "path": errors.diagnostics().first().map(|one| one.path.as_str()),
            "module": null,
            "decision": Decision::Error,
            "reason": {"code": "spec_error", "text": errors.headline()},
            "calls": [],
            "functions": [],
        })
    }));
    json!({"event": trigger::value(&answer.event, extra), "specs": specs})
}

fn spec_json(one: &Planned, source: &str) -> Value {
    let module = match &one.spec.target {
        Target::Module(module) => Some(module.as_str()),
        Target::Commands(_) => None,
    };
    let calls: Vec<Value> = one.plan.calls.iter().map(|call| call_json(call, source)).collect();
    let functions = one.plan.functions.iter().map(|function| {
        json!({
            "name": function.name,
            "decision": function.decision,
            "code": function.code,
            "text": function.text,
        })
    });
    json!({
        "path": one.spec.path,
        "module": module,
        "decision": one.plan.decision,
        "reason": one.plan.reason,
        "calls": calls,
        "functions": functions.collect::<Vec<_>>(),
    })
}

fn call_json(call: &PlannedCall, source: &str) -> Value {
    let args: Vec<String> = match &call.action {
        Action::Dagger { args, .. } => {
            args.iter().map(|arg| arg.render(places(source), &Addresses::new())).collect()
        }
        Action::Shell { .. } => Vec::new(),
    };
    json!({
        "function": call.function,
        "kebab": call.kebab,
        "level": call.level,
        "args": args,
        "argv": argv(call, source),
    })
}

fn places(source: &str) -> Places<'_> {
    Places { module_tree: source, source, event_trigger: EVENT_TRIGGER }
}

/// The whole command line, the program first.
fn argv(call: &PlannedCall, source: &str) -> Vec<String> {
    match &call.action {
        Action::Dagger { .. } => {
            std::iter::once("dagger".to_owned()).chain(call.argv(places(source))).collect()
        }
        Action::Shell { run, .. } => vec!["sh".to_owned(), "-c".to_owned(), run.clone()],
    }
}

/// The plan for people: a line for the event, a block for each spec, a line for each function.
pub(super) fn people(answer: &Answer, verbose: bool) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    header(&mut out, &answer.event, &answer.changes)?;
    if let Disposition::Skipped(why) = answer.event.disposition {
        return writeln!(out, "\n{FAINT}nothing to plan{FAINT:#}: {}", why.text());
    }
    if answer.planned.is_empty() && answer.broken.is_empty() {
        let why = "the repository has neither a pocketci.yaml nor a module in ./ci";
        return writeln!(out, "\n{FAINT}nothing to plan{FAINT:#}: {why}");
    }
    for one in &answer.planned {
        writeln!(out)?;
        block(&mut out, one, &answer.source, verbose)?;
    }
    Ok(())
}

/// The event in one line.
pub(in crate::cli) fn header(
    out: &mut impl Write,
    event: &Event,
    changes: &Changes,
) -> io::Result<()> {
    write!(out, "{STRONG}{}{STRONG:#}", plain(&event.title()))?;
    let mut facts: Vec<String> = Vec::new();
    if let Some(pull) = &event.pull_request {
        facts.push(format!("{} → {}", plain(&pull.head.reference), plain(&pull.base.reference)));
        if pull.fork {
            facts.push("from a fork".to_owned());
        }
    }
    if let Some(repository) = &event.repository {
        facts.push(repository.full_name.to_string());
    }
    if let Some(sha) = &event.sha {
        facts.push(sha.short().to_owned());
    }
    if event.disposition == Disposition::Planned {
        facts.push(match changes {
            Changes::NoDiff => "no diff".to_owned(),
            Changes::Files(files) if files.is_empty() => "no changed files".to_owned(),
            Changes::Files(files) => {
                let named: Vec<String> =
                    files.iter().take(FILES_SHOWN).map(|file| plain(file)).collect();
                let more = if files.len() > FILES_SHOWN { ", …" } else { "" };
                format!("{}: {}{more}", count(files.len(), "changed file"), named.join(", "))
            }
        });
    }
    for fact in facts {
        write!(out, " {FAINT}·{FAINT:#} {fact}")?;
    }
    writeln!(out)
}

fn block(out: &mut impl Write, one: &Planned, source: &str, verbose: bool) -> io::Result<()> {
    spec(out, &one.spec)?;
    let width = one.plan.functions.iter().map(|f| f.name.chars().count()).max().unwrap_or(0);
    for function in &one.plan.functions {
        let call = one.plan.calls.iter().find(|call| call.function == function.name);
        self::function(out, function, width)?;
        if let Some(call) = call.filter(|_| verbose) {
            writeln!(out, "      {FAINT}{}{FAINT:#}", shell_line(&argv(call, source)))?;
        }
        for note in call.iter().flat_map(|call| &call.notes) {
            writeln!(out, "      {DOUBTFUL}note{DOUBTFUL:#}: {}", plain(note))?;
        }
    }
    // A slip in a matcher's name would otherwise go unnoticed for ever.
    let known = |name: &&String| one.plan.functions.iter().any(|f| f.name == **name);
    if !one.plan.functions.is_empty() {
        for name in one.spec.functions.keys().filter(|name| !known(name)) {
            let text = "which the module does not list";
            writeln!(out, "  {DOUBTFUL}note{DOUBTFUL:#}: `functions` names `{name}`, {text}")?;
        }
    }
    reason(out, &one.plan)
}

/// A spec's file, and what it runs.
pub(in crate::cli) fn spec(out: &mut impl Write, spec: &Spec) -> io::Result<()> {
    let place = match &spec.target {
        Target::Module(module) if module.is_empty() => "module .".to_owned(),
        Target::Module(module) => format!("module {module}"),
        Target::Commands(commands) => count(commands.len(), "command"),
    };
    write!(out, "{STRONG}{}{STRONG:#} {FAINT}· {}", spec.path, plain(&place))?;
    if !spec.name.is_empty() && !spec.path.starts_with(&format!("{}/", spec.name)) {
        write!(out, " · {}", plain(&spec.name))?;
    }
    writeln!(out, "{FAINT:#}")
}

/// Why nothing is called.
pub(in crate::cli) fn reason(out: &mut impl Write, plan: &Plan) -> io::Result<()> {
    let told = |reason: &&Reason| reason.code != ReasonCode::FunctionErrors.as_str();
    if let Some(reason) = plan.reason.as_ref().filter(told) {
        let (style, words) = match plan.decision {
            Decision::Error => (BAD, "error"),
            Decision::Skip | Decision::Call => (STRONG, "nothing to call"),
        };
        writeln!(out, "  {style}{words}{style:#}: {}", plain(&reason.text))?;
    }
    Ok(())
}

/// One function with what is decided about it.
pub(in crate::cli) fn function(
    out: &mut impl Write,
    function: &FunctionDecision,
    width: usize,
) -> io::Result<()> {
    let (style, mark): (Style, &str) = match function.decision {
        Decision::Call => (GOOD, "call "),
        Decision::Skip => (FAINT, "skip "),
        Decision::Error => (BAD, "error"),
    };
    let (name, text) = (plain(&function.name), plain(&function.text));
    writeln!(out, "  {style}{mark}{style:#} {name:width$}  {text}")
}

/// The diagnostics of specs that cannot be planned, on standard error.
pub(in crate::cli) fn broken(broken: &[SpecErrors]) -> io::Result<()> {
    let mut out = anstream::stderr().lock();
    for errors in broken {
        writeln!(out, "{}", errors.render(true))?;
    }
    Ok(())
}
