//! `plan`: every function with its reason, without calling any.

use std::path::PathBuf;

use clap::Args;

pub(super) mod print;

use super::webhook::{self, Envelope, MAX_BYTES};
use super::working::planning::{self, Planned, Planner};
use super::working::{EventChoice, Place, has_diff};
use super::{Failure, output};
use crate::domain::event::{Disposition, Event};
use crate::domain::plan::{Changes, SecretAccess};
use crate::domain::spec::{self, Spec, SpecErrors};

/// Says for every function why an event would call it or not. The event is the last commit's push,
/// or the one named, with uncommitted changes; or that of a saved webhook (--payload).
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    choice: EventChoice,
    /// A saved webhook body in place of the working copy's event
    #[arg(long, value_name = "FILE", conflicts_with_all = ["branch", "base", "action", "filter"])]
    payload: Option<PathBuf>,
    #[command(flatten)]
    envelope: Envelope,
    /// A saved module listing in place of `dagger`
    #[arg(long, value_name = "FILE")]
    functions: Option<PathBuf>,
    /// A changed file in place of the diff, relative to the repository; repeatable, '' for none
    #[arg(long, value_name = "PATH")]
    changed: Vec<String>,
    /// A spec in place of the working copy's pocketci.yaml files
    #[arg(long, value_name = "FILE")]
    spec: Option<PathBuf>,
    /// Print the plan as JSON
    #[arg(long)]
    json: bool,
    /// Show the command line of every call too
    #[arg(short, long)]
    verbose: bool,
}

/// Everything that was decided, before it is printed.
struct Answer {
    event: Event,
    delivery_id: String,
    changes: Changes,
    planned: Vec<Planned>,
    broken: Vec<SpecErrors>,
    /// What `--src` would be.
    source: String,
}

pub(super) async fn plan(options: Options) -> Result<(), Failure> {
    let answer = options.answer().await?;
    if options.json {
        output::json(&print::json(&answer))?;
    } else {
        print::people(&answer, options.verbose)?;
    }
    if answer.broken.is_empty() {
        return Ok(());
    }
    print::broken(&answer.broken)?;
    Err(Failure::bad_input_shown())
}

impl Options {
    async fn answer(&self) -> Result<Answer, Failure> {
        let place = Place::here()?;
        let (event, delivery_id) = self.event(&place)?;
        let source = place.root.as_ref().map_or_else(|| ".".into(), |r| r.display().to_string());
        let mut answer = Answer {
            event,
            delivery_id,
            changes: Changes::NoDiff,
            planned: Vec::new(),
            broken: Vec::new(),
            source,
        };
        // Nothing is read for an event that plans nothing.
        if answer.event.disposition != Disposition::Planned {
            return Ok(answer);
        }
        answer.changes = self.changes(&answer.event, &place)?;
        let (specs, broken) = self.specs(&place)?;
        answer.broken = broken;
        let listing = self.functions.as_ref().map(std::fs::read).transpose();
        let listing = listing.map_err(|error| {
            Failure::bad_input(format!("Failed to read the listing (--functions): {error}"))
        })?;
        // Which secrets the server will let a repository have is not known here.
        let secret = |_: &str, _: &str| SecretAccess::Available;
        let (event, changes, root) = (&answer.event, &answer.changes, place.root);
        let planner = Planner { event, changes, root, listing, secret: &secret };
        for spec in specs {
            answer.planned.push(planner.plan(spec).await?);
        }
        Ok(answer)
    }

    /// The saved webhook's event, or the one that the working copy makes.
    fn event(&self, place: &Place) -> Result<(Event, String), Failure> {
        let Some(path) = &self.payload else {
            if self.envelope.headers.is_some() {
                let text = "--headers belong to a saved webhook: pass its body with --payload";
                return Err(Failure::bad_input(text));
            }
            let event = self.choice(place)?;
            return Ok((event, String::new()));
        };
        if !self.choice.is_empty() {
            let text = "--payload is an event already: name it with --event, not by itself";
            return Err(Failure::bad_input(text));
        }
        let body = std::fs::read(path).map_err(|error| {
            Failure::bad_input(format!("Failed to read `{}`: {error}", path.display()))
        })?;
        if body.len() as u64 > MAX_BYTES {
            return Err(Failure::bad_input(format!("`{}` is over 25 MiB", path.display())));
        }
        let webhook = webhook::read(&self.envelope, &body)?;
        Ok((webhook.event, webhook.delivery_id))
    }

    /// `plan --event push` means `plan push`.
    fn choice(&self, place: &Place) -> Result<Event, Failure> {
        let vendor = self.envelope.vendor;
        match (&self.choice.event, &self.envelope.event_name) {
            (_, None) => self.choice.event(vendor, place),
            (None, Some(event)) => {
                let choice = EventChoice { event: Some(event.clone()), ..self.choice.clone() };
                choice.event(vendor, place)
            }
            (Some(_), Some(_)) => Err(Failure::bad_input("The event is named twice")),
        }
    }

    fn changes(&self, event: &Event, place: &Place) -> Result<Changes, Failure> {
        if !self.changed.is_empty() {
            let named = self.changed.iter().filter(|path| !path.is_empty());
            let clean = |path: &String| path.trim_start_matches("./").to_owned();
            // An event without a diff has none, whatever is said.
            return Ok(match has_diff(event) {
                true => Changes::Files(named.map(clean).collect()),
                false => Changes::NoDiff,
            });
        }
        place.changes(event, self.payload.is_none())
    }

    fn specs(&self, place: &Place) -> Result<(Vec<Spec>, Vec<SpecErrors>), Failure> {
        if let Some(path) = &self.spec {
            return Ok(match planning::specs_of_file(path)? {
                Ok(specs) => (specs, Vec::new()),
                Err(errors) => (Vec::new(), vec![errors]),
            });
        }
        match place.tree() {
            Some(tree) => planning::specs(&tree),
            // With a saved listing there is a module, wherever it lies.
            None if self.functions.is_some() => Ok((vec![spec::default_for_root()], Vec::new())),
            None => {
                let text = "There is no working copy here, and no spec was passed";
                let hint = "run it in a repository, or pass --spec FILE and --functions FILE";
                Err(Failure::bad_input(text).hint(hint))
            }
        }
    }
}
