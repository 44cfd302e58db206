//! Shells complete what the agent has.

use std::path::Path;
use std::process::Command;

use super::{Shell, mixed};
use crate::world::{World, process};

const BASH: &str = "source <(pocketci-agent completions bash)
COMP_WORDS=(pocketci-agent $1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
if [[ $1 == *' ' ]]; then COMP_WORDS+=(''); COMP_CWORD=$((COMP_CWORD + 1)); fi
asks=$(complete -p pocketci-agent | sed 's/.*-F \\([^ ]*\\).*/\\1/')
\"$asks\" pocketci-agent \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"
printf '%s\\n' \"${COMPREPLY[@]}\"";
const FISH: &str = "pocketci-agent completions fish | source
complete -C\"pocketci-agent $argv[1]\" | string split -f1 \\t";
const ZSH: &str = include_str!("completion/offers.zsh");

/// What a shell offers where a line ends.
struct Offers<'a> {
    shell: &'static str,
    of: &'a Shell<'a>,
}

impl Offers<'_> {
    fn command(&self, line: &str) -> Command {
        let mut command = process::program(self.shell);
        match self.shell {
            "bash" => command.args(["--norc", "-c", BASH, "bash", line]),
            "fish" => command.args(["--no-config", "-c", FISH, line]),
            // A name for itself stands before what is given to it.
            _ => command.args(["-f", "-c", ZSH, "zsh", &format!("pocketci-agent {line}")]),
        };
        let own = Path::new(env!("CARGO_BIN_EXE_pocketci-agent")).parent().unwrap();
        command.env("PATH", format!("{}:{}", own.display(), process::PATH));
        command.env("HOME", self.of.world.path("")).current_dir(self.of.world.path(""));
        command.envs(self.of.environment.iter().cloned());
        command
    }

    #[track_caller]
    fn at(&self, line: &str) -> Vec<String> {
        let done = self.command(line).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&done.stderr), "", "{}", self.shell);
        let text = String::from_utf8(done.stdout).unwrap();
        text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}

/// Shells that are not on this machine are named; bash is everywhere.
fn shells() -> Vec<&'static str> {
    let there = |shell: &&str| {
        let found = process::PATH.split(':').any(|folder| Path::new(folder).join(shell).exists());
        if !found && *shell != "bash" {
            println!("skipped: {shell} is not installed");
        }
        found
    };
    ["bash", "zsh", "fish"].into_iter().filter(there).collect()
}

#[test]
fn shells_complete_what_the_agent_has() {
    let world = World::start();
    mixed(&world);
    let local = Shell::local(&world);
    local.run("trigger ada/site").status(0);
    for shell in shells() {
        let offers = Offers { shell, of: &local };
        assert_eq!(offers.at("runs show "), ["2", "1"], "{shell}");
        assert_eq!(offers.at("runs rerun 2"), ["2"], "{shell}");
        assert_eq!(offers.at("runs logs 1 lint"), ["lint-on-push"], "{shell}");
        assert_eq!(offers.at("runs rerun 1 --call lint"), ["lint-on-push"], "{shell}");
        assert_eq!(offers.at("deliveries show "), ["2", "1"], "{shell}");
        assert_eq!(offers.at("trigger ad"), ["ada/site"], "{shell}");
        assert_eq!(offers.at("runs list --repository "), ["ada/site"], "{shell}");
        assert_eq!(offers.at("runs list --state pa"), ["passed"], "{shell}");
        assert!(offers.at("runs show --js").contains(&"--json".to_owned()), "{shell}");
        let all = offers.at("runs ");
        assert!(all.contains(&"watch".to_owned()), "{shell}: {all:?}");
        // It is the shells' own.
        assert!(!offers.at("comp").contains(&"complete-ids".to_owned()), "{shell}");
    }
}

#[test]
fn shells_complete_nothing_where_no_agent_answers() {
    let world = World::prepare();
    let environment = vec![("POCKETCI_URL".into(), "http://127.0.0.1:1".into())];
    let nobody = Shell { world: &world, environment };
    nobody.run("complete-ids runs").status(0);
    for shell in shells() {
        assert!(Offers { shell, of: &nobody }.at("runs show 4").is_empty(), "{shell}");
    }
}
