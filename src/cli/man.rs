//! `man`: the manual page, with every subcommand in it.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_mangen::Man;

use super::{Cli, Failure};

#[derive(Debug, Args)]
pub(crate) struct Options {}

pub(super) fn man(_options: &Options) -> Result<(), Failure> {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    let whole = Man::new(command.clone());
    whole.render_title(&mut page)?;
    whole.render_name_section(&mut page)?;
    whole.render_synopsis_section(&mut page)?;
    whole.render_description_section(&mut page)?;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let part = Man::new(sub.clone());
        writeln!(page, ".SH {}", sub.get_name().to_uppercase())?;
        let mut body = Vec::new();
        part.render_synopsis_section(&mut body)?;
        part.render_description_section(&mut body)?;
        part.render_options_section(&mut body)?;
        part.render_extra_section(&mut body)?;
        // The sections of a subcommand are below its own heading.
        page.extend_from_slice(String::from_utf8_lossy(&body).replace(".SH ", ".SS ").as_bytes());
    }
    whole.render_extra_section(&mut page)?;
    std::io::stdout().lock().write_all(&page)?;
    Ok(())
}
