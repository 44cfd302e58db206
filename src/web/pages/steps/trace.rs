//! The tree of a call's steps as it is written on a page: as much at once as can be read, and
//! links to the rest.

use askama::Template;
use jiff::SignedDuration;

use super::super::Site;
use super::super::words::Badge;
use super::{Wish, output, unreadable};
use crate::domain::trace::{Progress, Step, Tree};
use crate::web::log::Line;
use crate::web::steps::{self, Attempt, Steps};
use crate::web::text::{count, duration};

/// Steps that are written at once; behind the others are links.
const ENOUGH: usize = 400;
/// Steps of one step that are written at once.
const WIDEST: usize = 200;
/// Steps within steps that are written at once, but for those that lead to the failure.
const DEEPEST: usize = 4;
/// The same for those: browsers nest no further than some hundreds.
const DEEPEST_FAILURE: usize = 48;
/// Lines of the failing step that are there at once.
const LINES: usize = 200;
/// The tree, or a part of it.
#[derive(Template)]
#[template(path = "trace.html")]
pub(in crate::web::pages) struct Trace {
    /// The address of the steps' own pages.
    pub(super) base: String,
    /// `attempt=2`.
    pub(super) attempt: String,
    /// `14 steps, 3 cached`.
    words: String,
    /// The name and the address of the step that failed.
    failing: Option<(String, String)>,
    hidden: usize,
    /// The hidden ones are shown too.
    all: bool,
    cut: bool,
    /// There may be more soon.
    pub(super) moving: bool,
    pieces: Vec<Piece>,
}

/// What the tree is written with, one behind the other.
enum Piece {
    Step(Box<Row>),
    /// The end of a step with others in it.
    End,
    /// Steps that are on a page of their own.
    More {
        href: String,
        words: String,
    },
}

struct Row {
    id: String,
    badge: Badge,
    name: String,
    detail: String,
    message: String,
    took: String,
    /// Since when, where it goes on.
    since: Option<String>,
    cached: bool,
    open: bool,
    /// It can be opened.
    folds: bool,
    /// Where its steps are, if not here, and how many.
    elsewhere: Option<(String, String)>,
    /// Steps follow, and an end.
    inner: bool,
    /// Where its output is, if not here.
    log: Option<String>,
    lines: Vec<Line>,
    /// There are more of them.
    lines_cut: bool,
}

/// A step whose own steps are being written.
struct Open<'a> {
    of: Option<usize>,
    /// Those that are still to be written.
    children: Box<dyn Iterator<Item = usize> + 'a>,
    /// How many come before those of this page.
    first: usize,
    written: usize,
}

impl Trace {
    /// The steps of an attempt for its call's page; none where there are none, and none are to
    /// be expected.
    pub(in crate::web::pages) async fn of(
        site: &Site,
        attempt: Attempt,
        over: bool,
    ) -> Option<String> {
        let found = steps::steps(site, attempt).await.unwrap_or_else(unreadable);
        let trace = match found {
            Some(steps) => Self::new(site, attempt, &steps, over, &Wish::default()).await,
            None if over => return None,
            None => Self::empty(attempt),
        };
        trace.render().ok()
    }

    pub(super) fn empty(attempt: Attempt) -> Self {
        Self {
            base: base(attempt),
            attempt: format!("attempt={}", attempt.2),
            words: String::new(),
            failing: None,
            hidden: 0,
            all: false,
            cut: false,
            moving: true,
            pieces: Vec::new(),
        }
    }

    pub(super) async fn new(
        site: &Site,
        attempt: Attempt,
        steps: &Steps,
        over: bool,
        wish: &Wish,
    ) -> Self {
        let (tree, counts) = (&steps.tree, steps.tree.counts);
        let mut words = vec![count(counts.steps, "step")];
        if counts.cached > 0 {
            words.push(format!("{} cached", counts.cached));
        }
        if counts.running > 0 && !over {
            words.push(format!("{} running", counts.running));
        }
        let all = wish.all.is_some_and(|all| all != 0);
        let mut trace = Self { words: words.join(", "), ..Self::empty(attempt) };
        (trace.hidden, trace.all, trace.cut) = (counts.hidden, all, steps.cut);
        trace.moving = !over;
        trace.failing = tree.failing.map(|place| {
            let step = &tree.steps[place];
            (step.name.clone(), trace.address(step, 0))
        });
        trace.write(tree, None, wish.from.unwrap_or(0), over);
        trace.lead_to_failing(tree);
        trace.add_failing_output(site, attempt, tree).await;
        trace
    }

    /// A step alone, with what is part of it.
    pub(super) async fn of_step(
        site: &Site,
        attempt: Attempt,
        steps: &Steps,
        (place, from): (usize, usize),
        over: bool,
        all: bool,
    ) -> Self {
        let mut trace = Self { moving: false, all, ..Self::empty(attempt) };
        trace.write(&steps.tree, Some(place), from, over);
        trace.add_failing_output(site, attempt, &steps.tree).await;
        trace
    }

    /// Where a step's own steps are from one of them on.
    pub(super) fn address(&self, step: &Step, from: usize) -> String {
        let (base, attempt) = (&self.base, &self.attempt);
        let all = if self.all { "&all=1" } else { "" };
        let from = if from > 0 { format!("&from={from}") } else { String::new() };
        format!("{base}/{}?{attempt}{all}{from}", step.id)
    }

    /// Writes the steps of one, or the roots, from one of them on.
    fn write(&mut self, tree: &Tree, of: Option<usize>, from: usize, over: bool) {
        let shown = |all: bool, at: &usize| all || !tree.steps[*at].hidden;
        let all = self.all;
        let mut left = ENOUGH;
        // What is open: its steps that are still to be written, and how many were.
        let top = tree.children(of).filter(move |at| shown(all, at)).skip(from);
        let mut open = vec![Open { of, children: Box::new(top), first: from, written: 0 }];
        loop {
            let depth = open.len();
            let Some(Open { of: parent, children, first, written }) = open.last_mut() else {
                break;
            };
            let Some(place) = children.next() else {
                open.pop();
                if !open.is_empty() {
                    self.pieces.push(Piece::End);
                }
                continue;
            };
            let fails =
                |place: usize| tree.failing.is_some_and(|failing| tree.holds(place, failing));
            let mut place = place;
            if *written == WIDEST {
                let next = *first + *written;
                let rest: Vec<usize> = std::iter::once(place).chain(children.by_ref()).collect();
                let href = match *parent {
                    Some(parent) => self.address(&tree.steps[parent], next),
                    None => {
                        let all = if self.all { "&all=1" } else { "" };
                        format!("{}?{}{all}&from={next}", self.base, self.attempt)
                    }
                };
                let words = format!("{} more", count(rest.len(), "step"));
                self.pieces.push(Piece::More { href, words });
                // What leads to the failure is there, wherever it stands among them.
                let Some(failing) = rest.into_iter().find(|place| fails(*place)) else { continue };
                place = failing;
            }
            let fails = fails(place);
            *written += 1;
            let step = &tree.steps[place];
            let below = if self.all { step.below } else { step.shown_below };
            let room = left > 0 && depth < DEEPEST || fails && depth < DEEPEST_FAILURE;
            left = left.saturating_sub(1);
            let running = step.progress == Progress::Running && !over && depth < DEEPEST;
            let inner = below > 0 && room;
            let elsewhere =
                (below > 0 && !room).then(|| (self.address(step, 0), count(below, "step")));
            let log =
                step.logged.then(|| format!("{}/{}/log?{}", self.base, step.id, self.attempt));
            // What failed says why; those above it would only say it again.
            let failing = tree.failing.map(|failing| &tree.steps[failing]);
            let said = failing.is_some_and(|failing| {
                fails
                    && step.id != failing.id
                    && !failing.message.is_empty()
                    && step.message.contains(failing.message.trim())
            });
            let message = if said { String::new() } else { step.message.clone() };
            // The root is named after the whole command line.
            let (name, rest) = match step.name.split_once(' ') {
                Some((name, rest)) if step.parent.is_none() => (name, rest),
                _ => (step.name.as_str(), ""),
            };
            let detail = [rest, &step.detail].join(" ").trim().to_owned();
            self.pieces.push(Piece::Step(Box::new(Row {
                id: step.id.to_string(),
                badge: badge(step.progress, over),
                name: name.to_owned(),
                detail,
                folds: below > 0 || step.logged || !message.is_empty(),
                message,
                took: step.took().map_or_else(String::new, brief),
                since: (step.end.is_none() && !over).then(|| format!("{:.3}", step.start)),
                cached: step.cached,
                open: fails || running || depth == 1 && of.is_none() && inner,
                elsewhere,
                inner,
                log,
                lines: Vec::new(),
                lines_cut: false,
            })));
            if inner {
                let children = tree.children(Some(place)).filter(move |at| shown(all, at));
                let children = Box::new(children);
                open.push(Open { of: Some(place), children, first: 0, written: 0 });
            }
        }
    }

    /// The failing step is on the page itself, if it is not too deep.
    fn lead_to_failing(&mut self, tree: &Tree) {
        let Some(failing) = tree.failing.map(|place| tree.steps[place].id.to_string()) else {
            return;
        };
        let here = |piece: &Piece| matches!(piece, Piece::Step(row) if row.id == failing);
        if let Some((_, href)) = &mut self.failing
            && self.pieces.iter().any(here)
        {
            *href = format!("#s-{failing}");
        }
    }

    async fn add_failing_output(&mut self, site: &Site, attempt: Attempt, tree: &Tree) {
        let Some(failing) = tree.failing.map(|place| &tree.steps[place]) else { return };
        if !failing.logged {
            return;
        }
        let id = failing.id.to_string();
        let row = self.pieces.iter_mut().find_map(|piece| match piece {
            Piece::Step(row) if row.id == id => Some(row),
            _ => None,
        });
        let Some(row) = row else { return };
        let (lines, cut) = output(site, attempt, failing.id, LINES).await;
        (row.lines, row.lines_cut) = (lines, cut);
        if !cut {
            row.log = None;
        }
    }
}

fn base((run, call, _): Attempt) -> String {
    format!("/runs/{run}/calls/{call}/steps")
}

pub(super) fn badge(progress: Progress, over: bool) -> Badge {
    match progress {
        Progress::Running if over => Badge::new("interrupted", "idle"),
        Progress::Running => Badge::new("running", "busy"),
        Progress::Passed => Badge::new("passed", "good"),
        Progress::Failed => Badge::new("failed", "bad"),
        Progress::Canceled => Badge::new("cancelled", "idle"),
    }
}

/// `340 ms`, and as elsewhere from a second on.
pub(super) fn brief(took: SignedDuration) -> String {
    match took.as_millis() {
        ..1 => "0 ms".to_owned(),
        millis @ 1..1000 => format!("{millis} ms"),
        _ => duration(took),
    }
}
