//! What is shipped beside the program: completions for shells and man pages, both out of the command line's definition.

use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::exit::Exit;

/// To standard output, for the shell's own folder.
pub(crate) fn completions(shell: Shell) -> Result<(), Exit> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "orchctl", &mut text);
    crate::render::Out::new(false).text(&String::from_utf8_lossy(&text));
    Ok(())
}

/// `orchctl.1` and one page for each command.
pub(crate) fn man(dir: &Path) -> Result<(), Exit> {
    let failed = |error: std::io::Error| Exit::failed(format!("{}: {error}", dir.display()));
    std::fs::create_dir_all(dir).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), dir).map_err(failed)
}
