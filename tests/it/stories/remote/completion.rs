//! A shell completes what the agent has.

use super::{Shell, mixed};
use crate::world::{World, process};

/// What bash offers for the last of these words.
fn offered(shell: &Shell<'_>, words: &str) -> Vec<String> {
    let program = env!("CARGO_BIN_EXE_pocketci-agent");
    let script = format!(
        "source <({program} completions bash)\n\
         COMP_WORDS=({program} {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
         asks=$(complete -p pocketci-agent | sed 's/.*-F \\([^ ]*\\).*/\\1/')\n\
         \"$asks\" {program} \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let mut bash = process::program("bash");
    bash.args(["--norc", "-c", &script]).envs(shell.environment.iter().cloned());
    let done = bash.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&done.stderr), "");
    let text = String::from_utf8(done.stdout).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_completes_runs_and_repositories() {
    let world = World::start();
    mixed(&world);
    let shell = Shell::local(&world);
    shell.run("trigger ada/site").status(0);

    assert_eq!(offered(&shell, "runs show ''"), ["2", "1"]);
    assert_eq!(offered(&shell, "runs rerun 2"), ["2"]);
    assert_eq!(offered(&shell, "trigger ad"), ["ada/site"]);
    assert_eq!(offered(&shell, "runs list --repository ''"), ["ada/site"]);
    assert!(offered(&shell, "runs show --js").contains(&"--json".to_owned()));
    assert!(offered(&shell, "runs ''").contains(&"watch".to_owned()));
    shell.run("completions zsh").status(0).says("link to its page:_pocketci_agent_runs'");
    shell.run("completions fish").status(0).says("complete-ids runs");

    let nobody = Shell {
        world: &world,
        environment: vec![("POCKETCI_URL".into(), "http://127.0.0.1:1".into())],
    };
    assert!(offered(&nobody, "runs show ''").is_empty());
    nobody.run("complete-ids runs").status(0);
}
