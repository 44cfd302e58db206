//! The steps of a call.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::trace::{self, Progress, Tree};

/// The steps of a call, each before those that are part of it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Steps {
    pub steps: Vec<Step>,
    /// The id of the step that made the call fail.
    pub failing: Option<String>,
    /// More was sent than is kept.
    pub cut: bool,
}

/// A step of a call.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// 16 hexadecimal digits.
    pub id: String,
    /// The id of what it is part of.
    pub parent: Option<String>,
    /// 0 for what is part of nothing.
    pub depth: usize,
    pub name: String,
    /// What it was called with, as far as that is text.
    pub arguments: String,
    /// `running`, `passed`, `failed`, `canceled`; `interrupted`: the call ended before it.
    pub state: String,
    /// What it says about its failure.
    pub message: Option<String>,
    /// Of the process that it was.
    pub exit_status: Option<i64>,
    /// The engine knew the answer.
    pub cached: bool,
    /// Not shown unless one asks for everything.
    pub hidden: bool,
    /// It has printed something.
    pub has_log: bool,
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// None while it goes on.
    pub seconds: Option<f64>,
}

impl Steps {
    /// `over`: the call has ended, and what it was doing with it.
    pub(in crate::web) fn new(tree: &Tree, cut: bool, over: bool) -> Self {
        let id = |place: usize| tree.steps[place].id.to_string();
        let step = |step: &trace::Step| Step {
            id: step.id.to_string(),
            parent: step.parent.map(id),
            depth: step.depth,
            name: step.name.clone(),
            arguments: step.detail.clone(),
            state: state(step.progress, over).to_owned(),
            message: Some(step.message.clone()).filter(|message| !message.is_empty()),
            exit_status: step.exit,
            cached: step.cached,
            hidden: step.hidden,
            has_log: step.logged,
            started_at: step.start,
            seconds: step.took().map(|took| took.as_secs_f64()),
        };
        Self { steps: tree.steps.iter().map(step).collect(), failing: tree.failing.map(id), cut }
    }
}

fn state(progress: Progress, over: bool) -> &'static str {
    match progress {
        Progress::Running if over => "interrupted",
        Progress::Running => "running",
        Progress::Passed => "passed",
        Progress::Failed => "failed",
        Progress::Canceled => "canceled",
    }
}
