//! A run for readers: a table in Markdown, and pictures.

mod plots;
mod table;

use crate::figures::Run;
use std::fs;
use std::io;
use std::path::Path;

/// Writes both into a folder, and gives the table.
pub(crate) fn write(run: &Run, folder: &Path) -> io::Result<String> {
    let pictures = plots::draw(run, folder).map_err(|error| io::Error::other(error.to_string()))?;
    let table = table::markdown(run, &pictures);
    fs::write(folder.join("README.md"), &table)?;
    Ok(table)
}
