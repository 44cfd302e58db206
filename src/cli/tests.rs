use clap::CommandFactory;

use super::Cli;

#[test]
fn the_commands_are_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn serve_names_every_variable() {
    let help = super::serve::variables();
    for (name, _) in crate::config::VARIABLES {
        assert!(help.contains(name), "{name} is not in the help");
    }
}
