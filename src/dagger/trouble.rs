//! What the CLI writes to its standard error when something is wrong, read.
//!
//! A failed function and a lost engine can have the same exit status; only the words tell them
//! apart. Words that a function printed do not count: `plain` progress puts `|` before them.

/// The message of a failed CLI for people: what follows the last `Error:`, without colours and
/// trace ids; without an `Error:`, all of it.
pub fn clean(stderr: &str) -> String {
    let plain = without_colours(stderr);
    let lines: Vec<&str> = plain.lines().map(str::trim_end).collect();
    let from = lines.iter().rposition(|line| line.starts_with("Error:"));
    let mut text = String::new();
    for line in &lines[from.unwrap_or(0)..] {
        // Usage errors repeat the whole argument vector in a log line of their own.
        if line.contains(" INF dagger call parse schema summary ") {
            continue;
        }
        text.push_str(&without_trace_id(line));
        text.push('\n');
    }
    let text = text.trim();
    let text = text.strip_prefix("Error:").unwrap_or(text).trim_start();
    let text = text.strip_prefix("make request: ").unwrap_or(text);
    text.strip_prefix("input: ").unwrap_or(text).to_owned()
}

/// What happened to the engine, when the end of a failed call's standard error shows that the
/// engine and not the function is to blame.
pub fn engine_trouble(stderr_tail: &str) -> Option<String> {
    let plain = without_colours(stderr_tail);
    let lines: Vec<&str> = plain.lines().map(str::trim).collect();
    let error = lines.iter().rev().find_map(|line| line.strip_prefix("Error: "));
    if let Some(error) = error {
        // What the engine reports about a function it has run is the function's own end.
        if error.starts_with("exit code: ") || error.contains(": exit code: ") {
            return None;
        }
        if is_engine_error(error) {
            return Some(without_trace_id(error).trim().to_owned());
        }
    }
    let cleanup = lines.iter().rev().find(|line| line.contains(" ERR cleanup failed "));
    if let Some(cleanup) = cleanup.filter(|line| line.contains("session") || is_engine_error(line))
    {
        return Some(without_trace_id(cleanup));
    }
    let failed_span = lines.iter().rev().filter_map(|line| span_error(line));
    failed_span.into_iter().find(|text| is_engine_error(text)).map(str::to_owned)
}

fn is_engine_error(text: &str) -> bool {
    const BEGINNINGS: [&str; 6] = [
        "start engine: ",
        "connect: ",
        "connecting to engine",
        "connection error: desc = ",
        "start session",
        "starting session",
    ];
    const PARTS: [&str; 5] = [
        "Post \"http://dagger/",
        "engine is shutting down",
        "shutdown: context deadline exceeded",
        "new client: context deadline exceeded",
        "close dagger session",
    ];
    BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
        || PARTS.iter().any(|part| text.contains(part))
}

/// The message of a failed step in `plain` progress: `15  : ┆ ! engine is shutting down`.
fn span_error(line: &str) -> Option<&str> {
    let (number, rest) = line.split_once(':')?;
    number.trim_end().parse::<u32>().ok()?;
    rest.trim_start_matches(['┆', ' ']).strip_prefix("! ")
}

fn without_trace_id(line: &str) -> String {
    match line.split_once("[traceparent:") {
        Some((before, after)) => {
            let after = after.split_once(']').map_or("", |(_, after)| after);
            format!("{}{after}", before.trim_end())
        }
        None => line.to_owned(),
    }
}

/// Drops ANSI escape sequences, which the CLI writes even where no terminal is.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.trim_start_matches(|c: char| ('\u{20}'..='\u{3f}').contains(&c));
        rest = rest.strip_prefix(|c: char| ('\u{40}'..='\u{7e}').contains(&c)).unwrap_or(rest);
    }
    plain.push_str(rest);
    plain
}
