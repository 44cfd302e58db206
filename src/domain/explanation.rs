//! Why a commit's functions run or do not, as a comment on its pull request.
//!
//! Most of the words are a stranger's: names of functions, files and branches. They become text
//! that is neither markup nor a link nor a mention, whatever they hold.

use super::ids::Sha;
use super::plan::{Decision, Plan};

/// Characters of a comment; GitHub takes 65,536.
const LONGEST: usize = 60_000;
/// Characters of one reason.
const LONGEST_REASON: usize = 300;

/// A run of the commit.
#[derive(Debug, Clone)]
pub struct Explained<'a> {
    /// `pull_request opened`.
    pub title: &'a str,
    /// Empty: the root's.
    pub spec: &'a str,
    /// Where its page is.
    pub url: &'a str,
    /// In one word or a few, how it stands: `queued`, `waits: …`.
    pub state: &'a str,
    pub plan: &'a Plan,
}

/// The comment about these runs of a commit; `marker` is how the agent finds it again.
pub fn comment(marker: &str, sha: &Sha, runs: &[Explained<'_>]) -> String {
    let mut text = format!("{marker}\n**What pocketci does with {}**\n", sha.short());
    if runs.is_empty() {
        text.push_str("\nNothing is known of this commit.\n");
    }
    for (index, run) in runs.iter().enumerate() {
        let part = section(run);
        if text.len() + part.len() > LONGEST {
            text.push_str(&format!("\n… and {} more runs.\n", runs.len() - index));
            break;
        }
        text.push_str(&part);
    }
    text
}

fn section(run: &Explained<'_>) -> String {
    let spec = match run.spec {
        "" => String::new(),
        name => format!(" ({})", plain(name)),
    };
    let (title, state) = (plain(run.title), plain(run.state));
    let mut text = format!("\n{title}{spec}: [{state}]({})\n", run.url);
    if let Some(reason) = &run.plan.reason {
        text.push_str(&format!("\n{}\n", plain(&reason.text)));
    }
    if run.plan.functions.is_empty() {
        return text;
    }
    text.push_str("\n| function | | why |\n|---|---|---|\n");
    for (index, function) in run.plan.functions.iter().enumerate() {
        let mark = match function.decision {
            Decision::Call => "called",
            Decision::Skip => "not called",
            Decision::Error => "error",
        };
        let row = format!(
            "| <code>{}</code> | {mark} | {} |\n",
            plain(&function.name),
            plain(&function.text)
        );
        if text.len() + row.len() > LONGEST / 2 {
            let left = run.plan.functions.len() - index;
            text.push_str(&format!("| … | | and {left} more |\n"));
            break;
        }
        text.push_str(&row);
    }
    text
}

/// A text that renders as itself: on one line, without markup, links, references or mentions.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut before = ' ';
    for c in text.chars().take(LONGEST_REASON) {
        match c {
            // What renders from an entity is still taken for a mention or a reference: a mark
            // of no width keeps it apart.
            '@' | '#' => plain.push_str(&format!("&#{};&#8203;", c as u32)),
            '/' if before == '/' => plain.push_str("&#8203;/"),
            '.' if before.eq_ignore_ascii_case(&'w') => plain.push_str("&#8203;."),
            ' ' | ',' | '.' | '/' | ';' | '?' => plain.push(c),
            c if c.is_ascii_punctuation() => plain.push_str(&format!("&#{};", c as u32)),
            c if c.is_control() || is_invisible(c) => plain.push(' '),
            c => plain.push(c),
        }
        before = c;
    }
    if text.chars().nth(LONGEST_REASON).is_some() {
        plain.push('…');
    }
    plain
}

/// Whether it changes how its neighbours are shown.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests;
