//! A run on a terminal: a line for each call that moves while the call runs.

use std::io;

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;

use crate::cli::output::{BAD, DOUBTFUL, FAINT, STRONG, plain};
use crate::cli::remote::show;
use crate::cli::remote::trouble::Trouble;
use crate::cli::remote::words::{look, said, state_of, took, whole};
use crate::web::shape::{Call, Run};

const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// The lines that move.
pub(super) struct Live {
    all: MultiProgress,
    /// The run's own line, and below it one for each call.
    lines: Vec<ProgressBar>,
    run: Option<Run>,
    lost: Option<String>,
    frame: usize,
    colours: bool,
}

impl Live {
    pub(super) fn new() -> Self {
        let colours = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        Self { all, lines: Vec::new(), run: None, lost: None, frame: 0, colours }
    }

    /// Shows a new state.
    pub(super) fn run(&mut self, run: &Run) -> io::Result<()> {
        if self.run.is_none() {
            show::head(&mut anstream::stdout().lock(), run)?;
        }
        if self.run.is_none() && run.run.state == "finished" {
            return Ok(()); // Nothing will move; what it came to is told by others.
        }
        while self.lines.len() < run.call_details.len() + 1 {
            let style = ProgressStyle::with_template("{wide_msg}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
            self.lines.push(self.all.add(ProgressBar::new_spinner().with_style(style)));
        }
        self.run = Some(run.clone());
        self.draw();
        Ok(())
    }

    pub(super) fn lost(&mut self, trouble: &Trouble) {
        self.lost = Some(plain(&trouble.to_string()));
        self.draw();
    }

    pub(super) fn back(&mut self) {
        self.lost = None;
        self.draw();
    }

    /// Moves what moves.
    pub(super) fn turn(&mut self) {
        self.frame = (self.frame + 1) % FRAMES.len();
        self.draw();
    }

    /// Takes the lines away.
    pub(super) fn end(&self) {
        for line in &self.lines {
            line.finish_and_clear();
        }
        // A terminal that cannot be written to shows nothing of what follows either.
        let _ = self.all.clear();
    }

    fn draw(&self) {
        let Some(run) = &self.run else { return };
        let texts = std::iter::once(self.of_run(run))
            .chain(run.call_details.iter().map(|call| self.of_call(run, call)));
        for (line, text) in self.lines.iter().zip(texts) {
            let text = if self.colours { text } else { strip_str(&text).to_string() };
            if line.message() != text {
                line.set_message(text);
            }
        }
    }

    fn frame(&self) -> &'static str {
        FRAMES[self.frame]
    }

    fn of_run(&self, run: &Run) -> String {
        if let Some(why) = &self.lost {
            return format!("{BAD}{}{BAD:#} {why}; it is asked again", self.frame());
        }
        if let Some(why) = &run.run.why {
            return format!("{DOUBTFUL}{} held{DOUBTFUL:#}: {}", self.frame(), plain(why));
        }
        let state = state_of(&run.run);
        let style = look(state).style;
        let time = took(run.run.started_at, run.run.finished_at, Timestamp::now());
        let time = time.map(|time| format!(" for {}", whole(time))).unwrap_or_default();
        let ended = run.call_details.iter().filter(|call| call.state == "finished").count();
        let all = run.call_details.len();
        let state = plain(state);
        format!("{style}{state}{style:#}{time} {FAINT}{ended} of {all} calls have ended{FAINT:#}")
    }

    fn of_call(&self, run: &Run, call: &Call) -> String {
        let width = run.call_details.iter().map(|call| call.function.chars().count()).max();
        let (function, width) = (plain(&call.function), width.unwrap_or(0));
        let look = look(call.outcome.as_deref().unwrap_or(&call.state));
        let style = look.style;
        let running = call.state == "running";
        let mark = if running { self.frame() } else { look.mark };
        let text = match took(call.started_at, None, Timestamp::now()) {
            Some(time) if running => whole(time),
            _ => said(call, Timestamp::now()),
        };
        let attempt = match call.attempt {
            0 | 1 => String::new(),
            number => format!(", attempt {number}"),
        };
        format!(
            "  {style}{mark}{style:#} {STRONG}{function:width$}{STRONG:#}  {FAINT}{text}{attempt}{FAINT:#}"
        )
    }
}
