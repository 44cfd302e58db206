//! `.env` files above a working directory: the CLI takes the nearest for arguments that a call
//! leaves out, and runs the programs that it names.

use std::path::{Path, PathBuf};

/// A `.env` where none may be.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{}` lies above the folder in which dagger is run: dagger would take arguments from it and \
     run the programs that it names; move it, or set {setting} to a folder without one above it",
    file.display()
)]
pub struct DotenvAbove {
    /// Of any kind; what is no file today can be one tomorrow.
    pub file: PathBuf,
    /// What the operator can change.
    pub setting: &'static str,
}

/// Whether the CLI can be run in a folder, or below it: nothing named `.env` lies in it or above.
///
/// # Errors
/// When one does; `setting` names the variable that chooses the folder.
pub fn no_dotenv_above(folder: &Path, setting: &'static str) -> Result<(), DotenvAbove> {
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    // By the name that it was given, too: the CLI may go by either.
    let above = folder.ancestors().chain(real.ancestors());
    let found = above.map(|above| above.join(".env")).find(|file| file.symlink_metadata().is_ok());
    found.map_or(Ok(()), |file| Err(DotenvAbove { file, setting }))
}
