//! What people ask of the agent in a comment: `/pocketci …` on its first line.

/// Everything there is, for whoever asked for something else.
pub const USAGE: &str = "`/pocketci approve [commit]`, `/pocketci rerun [failed|all|function]`, \
                         `/pocketci cancel`, `/pocketci explain`";

/// The shortest beginning of a commit's id that names one.
const SHORTEST: usize = 7;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Let the commit go: this one (the beginning of its id), or the one that is shown.
    Approve(Option<String>),
    Rerun(Selection),
    Cancel,
    Explain,
}

/// Which calls are to begin again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Those that did not pass.
    Failed,
    All,
    /// Those of one function, by its name in any case.
    Function(String),
}

/// Why a line is no command, though it is meant as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotUnderstood {
    #[error("there is no such command; there are {USAGE}")]
    Unknown,
    #[error("it says more than the command takes; there are {USAGE}")]
    TooMuch,
    #[error(
        "a commit is named by seven or more of its hexadecimal digits: `/pocketci approve abc1234`"
    )]
    Commit,
    #[error("a function is named by letters, digits and dashes")]
    Function,
}

/// Reads a comment's first line; none when it is not meant for the agent.
pub fn parse(comment: &str) -> Option<Result<Command, NotUnderstood>> {
    let line = comment.lines().next().unwrap_or_default();
    let mut words = line.split_whitespace();
    // Indented by four it would be code.
    if line.starts_with("    ") || line.starts_with('\t') || words.next() != Some("/pocketci") {
        return None;
    }
    let (verb, rest) = (words.next(), words.next());
    if words.next().is_some() {
        return Some(Err(NotUnderstood::TooMuch));
    }
    Some(match (verb, rest) {
        (Some("approve"), commit) => commit.map(self::commit).transpose().map(Command::Approve),
        (Some("rerun"), None | Some("failed")) => Ok(Command::Rerun(Selection::Failed)),
        (Some("rerun"), Some("all")) => Ok(Command::Rerun(Selection::All)),
        (Some("rerun"), Some(function)) => {
            self::function(function).map(|name| Command::Rerun(Selection::Function(name)))
        }
        (Some("cancel"), None) => Ok(Command::Cancel),
        (Some("explain"), None) => Ok(Command::Explain),
        (Some("cancel" | "explain"), Some(_)) => Err(NotUnderstood::TooMuch),
        _ => Err(NotUnderstood::Unknown),
    })
}

fn commit(word: &str) -> Result<String, NotUnderstood> {
    let word = word.trim_matches('`').to_ascii_lowercase();
    let hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hex && (SHORTEST..=64).contains(&word.len()) { Ok(word) } else { Err(NotUnderstood::Commit) }
}

fn function(word: &str) -> Result<String, NotUnderstood> {
    let word = word.trim_matches('`');
    let plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if plain && (1..=200).contains(&word.len()) {
        Ok(word.to_owned())
    } else {
        Err(NotUnderstood::Function)
    }
}

#[cfg(test)]
mod tests;
