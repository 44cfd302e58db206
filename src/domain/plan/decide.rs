//! From names, matchers and arguments to the decision.

use super::arguments::Filling;
use super::explain::{context, explain, nothing, refused};
use super::matching::{Admitted, Matching, Refusal, names_every_status};
use super::{Action, Changes, Decision, Plan, PlannedCall, Policy, Reason};
use crate::domain::admission;
use crate::domain::event::Event;
use crate::domain::function::{Argument, Function, Module};
use crate::domain::names::{self, Name};
use crate::domain::spec::{Spec, Target};
use crate::domain::strcase;

/// Decides what to call, and says why for every function.
///
/// The spec's filters come first, then the levels of names in their order: the first at which a
/// function is admitted wins, and everything admitted there is called. A function with an error
/// (a required argument that nothing fills) counts as admitted; the others still run.
pub fn plan(
    event: &Event,
    spec: &Spec,
    module: &Module,
    changes: &Changes,
    policy: &Policy<'_>,
) -> Plan {
    if let Err(reason) = admission::admits(event, spec, changes) {
        return refused(module, reason);
    }
    let names = names::names(event);
    let matching = Matching::new(event, spec, changes);
    let (chosen, mut fates) = choose(event, &matching, &names, module);
    let mut calls = Vec::new();
    if let Some(level) = chosen {
        let name = &names[level];
        let filling = Filling { event, name, changes, secrets: &spec.secrets, policy };
        for (function, fate) in module.functions.iter().zip(&mut fates) {
            let Fate::Chosen(posts_status) = *fate else { continue };
            *fate = match action(spec, function, &filling, &module.constructor) {
                Ok((action, notes)) => {
                    calls.push(PlannedCall {
                        function: function.name.clone(),
                        kebab: strcase::to_kebab(&function.name),
                        level: name.level,
                        context: context(event, spec, name.level, &function.name),
                        posts_status,
                        action,
                        notes,
                    });
                    Fate::Called
                }
                Err(reason) => Fate::Error(reason, posts_status),
            };
        }
    }
    let functions = explain(event, spec, module, &names, chosen, fates);
    let reason = if calls.is_empty() { Some(nothing(event, &functions)) } else { None };
    let at_fault = functions.iter().any(|function| function.decision == Decision::Error);
    let decision = match (calls.is_empty(), at_fault) {
        (false, _) => Decision::Call,
        (true, true) => Decision::Error,
        (true, false) => Decision::Skip,
    };
    Plan { decision, reason, calls, functions, marks: Vec::new() }
}

/// What is known about a function so far.
pub(super) enum Fate {
    /// Not named for the event, or only at levels that were not looked at.
    Unnamed,
    /// Named and refused; the first refusal, at the most specific name, is the one to tell.
    Refused(Reason),
    /// At the level that won; whether it posts a status.
    Chosen(bool),
    Called,
    Error(Reason, bool),
}

/// Finds the first name at which a function is admitted, and marks what is found there.
fn choose(
    event: &Event,
    matching: &Matching<'_>,
    names: &[Name],
    module: &Module,
) -> (Option<usize>, Vec<Fate>) {
    let mut fates: Vec<Fate> = module.functions.iter().map(|_| Fate::Unnamed).collect();
    for (level, name) in names.iter().enumerate() {
        let mut found = false;
        for (function, fate) in module.functions.iter().zip(&mut fates) {
            if !name.names(&function.name) {
                continue;
            }
            match (matching.admits(function, name), &fate) {
                (Ok(Admitted { posts_status }), _) => {
                    found = true;
                    *fate = Fate::Chosen(posts_status);
                }
                (Err(Refusal::Error(reason)), _) => {
                    found = true;
                    *fate = Fate::Error(reason, names_every_status(event));
                }
                (Err(Refusal::Skip(reason)), Fate::Unnamed) => *fate = Fate::Refused(reason),
                (Err(Refusal::Skip(_)), _) => {}
            }
        }
        if found {
            return (Some(level), fates);
        }
    }
    (None, fates)
}

/// What runs for a function, and what its log must say first; or what is missing for it.
fn action(
    spec: &Spec,
    function: &Function,
    filling: &Filling<'_>,
    constructor: &[Argument],
) -> Result<(Action, Vec<String>), Reason> {
    match &spec.target {
        Target::Module(module) => {
            let name = &function.name;
            // For each function anew: a secret may be for some of them.
            let constructor = filling.fill(name, "the constructor", constructor)?;
            let filled = filling.fill(name, &format!("`{name}`"), &function.args)?;
            let notes = constructor.notes.into_iter().chain(filled.notes);
            let action = Action::Dagger {
                module: module.clone(),
                constructor: constructor.args,
                args: filled.args,
                sync: function.sync,
            };
            Ok((action, notes.collect()))
        }
        Target::Commands(commands) => {
            let command = commands.iter().find(|command| command.name == function.name);
            let run = command.map(|command| command.run.clone()).unwrap_or_default();
            let (secrets, notes) = filling.variables(&function.name)?;
            Ok((Action::Shell { run, secrets }, notes))
        }
    }
}
