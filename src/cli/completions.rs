//! `completions`: what a shell completes.
//!
//! Beside what the program takes, that is runs with their calls, deliveries and repositories: the
//! shell asks for them with the hidden command `complete-ids`.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Failure, NAME};

/// What asks for the ids, behind what is generated.
const BASH: &str = include_str!("completions/ids.bash");
const FISH: &str = include_str!("completions/ids.fish");
/// The same, before what is generated calls itself.
const ZSH: &str = include_str!("completions/ids.zsh");
/// How an argument is written there, and what completes it.
const ZSH_ASKS: [(&str, &str); 6] = [
    ("':run -- ", "_pocketci_agent_runs"),
    ("'::call -- ", "_pocketci_agent_calls"),
    ("--call=", "_pocketci_agent_calls"),
    ("':delivery -- ", "_pocketci_agent_deliveries"),
    ("':repository -- ", "_pocketci_agent_repositories"),
    ("'--repository=", "_pocketci_agent_repositories"),
];

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The shell that reads them
    shell: Shell,
}

pub(super) fn completions(options: &Options) -> Result<(), Failure> {
    // The generator does not return errors of its output, so that it writes to memory.
    let mut text = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), NAME, &mut text);
    let text = String::from_utf8_lossy(&text);
    let text = match options.shell {
        Shell::Bash => {
            // The generator calls a program with a hyphen by two names, and finds nothing.
            let text = text.replace("pocketci__subcmd__agent", "pocketci__agent");
            format!("{}{BASH}", text.replace(" complete-ids ", " "))
        }
        Shell::Fish => {
            let shown = |line: &&str| !line.contains("-a \"complete-ids\"");
            let text: Vec<_> = text.lines().filter(shown).collect();
            format!("{}\n{FISH}", text.join("\n"))
        }
        Shell::Zsh => zsh(&text),
        _ => text.into_owned(),
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

/// In zsh an argument says itself what completes it.
fn zsh(text: &str) -> String {
    let mut whole = String::new();
    for line in text.lines() {
        if line == "_pocketci-agent() {" {
            whole.push_str(ZSH);
        }
        let begin = line.trim_start();
        if begin.starts_with("'complete-ids:") {
            continue;
        }
        let asks = ZSH_ASKS.iter().find(|(argument, _)| begin.contains(argument));
        let asks = asks.map_or("_default", |(_, asks)| asks);
        whole.push_str(&line.replace(":_default'", &format!(":{asks}'")));
        whole.push('\n');
    }
    whole
}
