//! What is shown while something takes longer than a second: on standard error, a line that moves
//! on a terminal, else a plain one.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use super::output::FAINT;

/// From when on it is shown.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line moves.
const TURN: Duration = Duration::from_millis(100);
const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// Waits for something, and says what is being done when it takes its time.
pub(super) async fn during<T>(what: &str, work: impl Future<Output = T>) -> T {
    let begin = Instant::now();
    let mut work = std::pin::pin!(work);
    if let Ok(done) = tokio::time::timeout(PATIENCE, &mut work).await {
        return done;
    }
    if !std::io::stderr().is_terminal() {
        // Nobody can be told that standard error is closed; the same below.
        let _ = writeln!(std::io::stderr(), "{what} …");
        return work.await;
    }
    let mut turn = tokio::time::interval(TURN);
    let mut frames = FRAMES.iter().cycle();
    let done = loop {
        tokio::select! {
            biased;
            done = &mut work => break done,
            _ = turn.tick() => {
                let frame = frames.next().unwrap_or(&FRAMES[0]);
                let seconds = begin.elapsed().as_secs();
                let mut out = anstream::stderr().lock();
                let _ = write!(out, "\r{FAINT}{frame} {what} … {seconds} s{FAINT:#}");
                let _ = out.flush();
            }
        }
    };
    // To the end of the line, so that nothing of it stays behind what comes next.
    let _ = write!(std::io::stderr(), "\r\u{1b}[K");
    done
}
