//! The tree of steps as dagger shows its own: what is internal or encapsulated is hidden unless it
//! failed, what is passed through leaves its children to what is above it, and work that was put
//! off is shown where it was asked for first.
//!
//! Whatever the spans say of one another, every one is in the tree once, and nothing recurses.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::{Span, SpanId};

/// How a step is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Running,
    Passed,
    Failed,
    Canceled,
}

/// A step, with its place in [`Tree::steps`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub id: SpanId,
    /// The place of what it is part of.
    pub parent: Option<usize>,
    /// 0 for what is part of nothing.
    pub depth: usize,
    /// How many steps follow that are part of it, or of what is part of it, and so on.
    pub below: usize,
    /// The same without those that are hidden.
    pub shown_below: usize,
    pub name: String,
    pub detail: String,
    pub message: String,
    pub exit: Option<i64>,
    pub start: Timestamp,
    pub end: Option<Timestamp>,
    pub progress: Progress,
    pub cached: bool,
    /// Not for people who do not ask for everything.
    pub hidden: bool,
    /// It has printed something.
    pub logged: bool,
}

impl Step {
    /// How long it took; none while it goes on.
    pub fn took(&self) -> Option<SignedDuration> {
        self.end.map(|end| end.duration_since(self.start))
    }
}

/// How many steps there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that are not hidden, which the others count too.
    pub steps: usize,
    pub hidden: usize,
    pub cached: usize,
    pub failed: usize,
    pub running: usize,
}

/// All steps of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// Each before those that are part of it, which come in the order of their starts.
    pub steps: Vec<Step>,
    /// The place of the step that made the whole fail.
    pub failing: Option<usize>,
    pub counts: Counts,
}

impl Tree {
    pub(super) fn new(known: &HashMap<SpanId, Span>, logged: &HashSet<SpanId>) -> Self {
        let sketch = Sketch::new(known);
        let mut tree = Self { steps: sketch.steps(logged), ..Self::default() };
        tree.count_below();
        tree.failing = tree.find_failing(known);
        tree.hide(known);
        for step in &tree.steps {
            let counts = &mut tree.counts;
            if step.hidden {
                counts.hidden += 1;
                continue;
            }
            counts.steps += 1;
            counts.cached += usize::from(step.cached);
            counts.failed += usize::from(step.progress == Progress::Failed);
            counts.running += usize::from(step.progress == Progress::Running);
        }
        tree
    }

    /// The place of a step.
    pub fn find(&self, id: SpanId) -> Option<usize> {
        self.steps.iter().position(|step| step.id == id)
    }

    /// The places of what is directly part of a step, or of the roots.
    pub fn children(&self, of: Option<usize>) -> impl Iterator<Item = usize> + '_ {
        let (mut next, end) = match of {
            Some(place) => (place + 1, place + 1 + self.steps[place].below),
            None => (0, self.steps.len()),
        };
        std::iter::from_fn(move || {
            let place = (next < end).then_some(next)?;
            next += 1 + self.steps[place].below;
            Some(place)
        })
    }

    /// Whether a step is another, or that one is part of it.
    pub fn holds(&self, place: usize, inner: usize) -> bool {
        (place..=place + self.steps[place].below).contains(&inner)
    }

    fn count_below(&mut self) {
        for place in (0..self.steps.len()).rev() {
            if let Some(parent) = self.steps[place].parent {
                self.steps[parent].below += 1 + self.steps[place].below;
            }
        }
    }

    /// Where dagger says that the failure came from, else the deepest failure of the last step
    /// that failed, and so on. One that its root has got over is no failure.
    fn find_failing(&self, known: &HashMap<SpanId, Span>) -> Option<usize> {
        let last_failed = |of| {
            let failed =
                self.children(of).filter(|at| self.steps[*at].progress == Progress::Failed);
            failed.max_by_key(|at| (self.steps[*at].end, *at))
        };
        let mut place = last_failed(None)?;
        loop {
            let origin = known.get(&self.steps[place].id).and_then(|span| span.origin);
            let origin = origin.and_then(|origin| self.find(origin));
            if let Some(origin) = origin.filter(|at| self.steps[*at].progress == Progress::Failed) {
                return Some(origin);
            }
            match last_failed(Some(place)) {
                Some(deeper) => place = deeper,
                None => return Some(place),
            }
        }
    }

    fn hide(&mut self, known: &HashMap<SpanId, Span>) {
        for place in 0..self.steps.len() {
            let step = &self.steps[place];
            let marks = known.get(&step.id).map(|span| span.marks).unwrap_or_default();
            let above = step.parent.map(|parent| &self.steps[parent]);
            let above_marks = above.and_then(|it| known.get(&it.id)).map(|span| span.marks);
            let above_failed = above.is_some_and(|it| it.progress == Progress::Failed);
            let encapsulated = marks.encapsulated || above_marks.is_some_and(|it| it.encapsulate);
            let hidden = above.is_some_and(|it| it.hidden)
                || marks.internal
                || encapsulated && !above_failed;
            self.steps[place].hidden = hidden;
        }
        // Whatever made it fail is not for a few.
        let mut shown = self.failing;
        while let Some(place) = shown {
            self.steps[place].hidden = false;
            shown = self.steps[place].parent;
        }
        for place in (0..self.steps.len()).rev() {
            let step = &self.steps[place];
            let shown = step.shown_below + usize::from(!step.hidden);
            if let Some(parent) = step.parent {
                self.steps[parent].shown_below += shown;
            }
        }
    }
}

/// The spans in the order of their starts, each with what it is part of.
struct Sketch<'a> {
    spans: Vec<&'a Span>,
    /// What resumed a span last.
    resumed: Vec<Option<usize>>,
    /// Not in the tree itself.
    through: Vec<bool>,
    parents: Vec<Option<usize>>,
}

impl<'a> Sketch<'a> {
    fn new(known: &'a HashMap<SpanId, Span>) -> Self {
        let mut spans: Vec<&Span> = known.values().collect();
        spans.sort_by_key(|span| (span.start, span.id));
        let places: HashMap<SpanId, usize> =
            spans.iter().enumerate().map(|(at, span)| (span.id, at)).collect();
        let place = |id: Option<SpanId>, not: usize| {
            id.and_then(|id| places.get(&id).copied()).filter(|at| *at != not)
        };
        let mut resumed = vec![None; spans.len()];
        let mut through: Vec<bool> = spans.iter().map(|span| span.marks.passthrough).collect();
        let mut parents: Vec<Option<usize>> =
            spans.iter().enumerate().map(|(at, span)| place(span.parent, at)).collect();
        for at in 0..spans.len() {
            // One that itself only resumes is not where people look.
            let of = place(spans[at].resumes, at).filter(|of| spans[*of].resumes.is_none());
            if let Some(of) = of.filter(|_| spans[at].marks.passthrough) {
                resumed[of] = Some(at);
                through[at] = true;
                // What it did is shown there, unless that is itself a part of it.
                if parents[of] != Some(at) {
                    parents[at] = Some(of);
                }
            }
        }
        let mut sketch = Self { spans, resumed, through, parents };
        sketch.pass_through();
        sketch
    }

    /// Makes every parent one that is in the tree, or none.
    fn pass_through(&mut self) {
        const UNKNOWN: usize = usize::MAX;
        // Of each that is passed through, the nearest above that is not.
        let mut above: Vec<Option<usize>> = vec![Some(UNKNOWN); self.spans.len()];
        for from in 0..self.spans.len() {
            let (mut path, mut place) = (Vec::new(), self.parents[from]);
            let found = loop {
                match place {
                    Some(at) if self.through[at] => {
                        if above[at] != Some(UNKNOWN) {
                            break above[at];
                        }
                        // For now, so that a circle ends.
                        above[at] = None;
                        path.push(at);
                        place = self.parents[at];
                    }
                    other => break other,
                }
            };
            for at in path {
                above[at] = found;
            }
            self.parents[from] = found.filter(|at| *at != from);
            // The walks of others go on from here as they would have.
            if self.through[from] {
                above[from] = self.parents[from];
            }
        }
    }

    fn steps(&self, logged: &HashSet<SpanId>) -> Vec<Step> {
        let count = self.spans.len();
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); count];
        let mut roots = Vec::new();
        for at in 0..count {
            match self.parents[at] {
                Some(parent) => children[parent].push(at),
                None => roots.push(at),
            }
        }
        let mut steps: Vec<Step> = Vec::new();
        let mut seen = vec![false; count];
        // Those that are part of one another in a circle are reached from no root.
        for from in roots.into_iter().chain(0..count) {
            let mut open = vec![(from, None, 0)];
            while let Some((at, parent, depth)) = open.pop() {
                if std::mem::replace(&mut seen[at], true) || self.through[at] {
                    continue;
                }
                let place = steps.len();
                steps.push(self.step(at, parent, depth, logged));
                let inner = children[at].iter().rev();
                open.extend(inner.map(|child| (*child, Some(place), depth + 1)));
            }
        }
        steps
    }

    fn step(
        &self,
        at: usize,
        parent: Option<usize>,
        depth: usize,
        logged: &HashSet<SpanId>,
    ) -> Step {
        let span = self.spans[at];
        let work = self.resumed[at].map(|at| self.spans[at]);
        let (start, end) = match work {
            // Its own time is that of its description.
            Some(work) if span.marks.pending => (work.start, work.end),
            Some(work) => (span.start, span.end.zip(work.end).map(|(one, two)| one.max(two))),
            None => (span.start, span.end),
        };
        let failed = span.failed || work.is_some_and(|it| it.failed);
        let canceled = span.marks.canceled || work.is_some_and(|it| it.marks.canceled);
        let progress = match end {
            _ if failed => Progress::Failed,
            None => Progress::Running,
            Some(_) if canceled => Progress::Canceled,
            Some(_) => Progress::Passed,
        };
        let message = match work {
            Some(work) if span.message.is_empty() => work.message.clone(),
            _ => span.message.clone(),
        };
        Step {
            id: span.id,
            parent,
            depth,
            below: 0,
            shown_below: 0,
            name: span.name.clone(),
            detail: span.detail.clone(),
            message,
            exit: span.exit.or(work.and_then(|it| it.exit)),
            start,
            end,
            progress,
            cached: span.marks.cached,
            hidden: false,
            logged: logged.contains(&span.id),
        }
    }
}
