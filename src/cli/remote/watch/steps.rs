//! A run as plain lines: one for each thing that happens.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use jiff::Timestamp;

use crate::cli::output::{DOUBTFUL, FAINT, STRONG, plain};
use crate::cli::remote::show;
use crate::cli::remote::words::{look, said};
use crate::web::shape::{Call, Run};

/// What was printed already.
#[derive(Default)]
pub(super) struct Steps {
    begun: bool,
    held: Option<String>,
    calls: BTreeMap<i64, (u32, String)>,
}

impl Steps {
    /// Prints what is new.
    pub(super) fn run(&mut self, run: &Run) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        if !self.begun {
            self.begun = true;
            show::head(&mut out, run)?;
        }
        if self.held != run.run.why {
            match &run.run.why {
                Some(why) => writeln!(out, "{DOUBTFUL}? held{DOUBTFUL:#}: {}", plain(why))?,
                None => writeln!(out, "{FAINT}let go{FAINT:#}")?,
            }
            self.held.clone_from(&run.run.why);
        }
        let width = run.call_details.iter().map(|call| call.function.chars().count()).max();
        for call in &run.call_details {
            let state = (call.attempt, state_of(call).to_owned());
            let known = self.calls.insert(call.id, state.clone());
            // That a call waits is news only when it has been doing something else.
            if known.as_ref() == Some(&state) || known.is_none() && call.state == "queued" {
                continue;
            }
            let look = look(state_of(call));
            let (style, mark, width) = (look.style, look.mark, width.unwrap_or(0));
            let text = match call.state.as_str() {
                "running" => "running".to_owned(),
                _ => said(call, Timestamp::now()),
            };
            let attempt = match call.attempt {
                0 | 1 => String::new(),
                number => format!(" {FAINT}(attempt {number}){FAINT:#}"),
            };
            let function = plain(&call.function);
            writeln!(
                out,
                "{style}{mark}{style:#} {STRONG}{function:width$}{STRONG:#}  {text}{attempt}"
            )?;
        }
        out.flush()
    }
}

fn state_of(call: &Call) -> &str {
    call.outcome.as_deref().unwrap_or(&call.state)
}
