//! A run for readers: a table in Markdown, and pictures.

mod plots;
mod table;

use crate::figures::Run;
use crate::rows::{ROWS, Row};
use std::fs;
use std::io;
use std::path::Path;

/// The table, below the folder of a run.
const TABLE: &str = "README.md";

/// Writes both into a folder, and gives the table. No picture of an earlier run is left there.
pub(crate) fn write(run: &Run, folder: &Path) -> io::Result<String> {
    for file in plots::FILES {
        match fs::remove_file(folder.join(file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let pictures = plots::draw(run, folder).map_err(|error| io::Error::other(error.to_string()))?;
    let table = table::markdown(run, &pictures);
    fs::write(folder.join(TABLE), &table)?;
    Ok(table)
}

/// Whether all is there that a run has to leave in its folder: its figures, a table of all its
/// rows, and the pictures that the table shows; all there are, after a run of all rows, but for
/// those of latency if a load was late: then there may be nothing to be drawn.
///
/// # Errors
///
/// What is missing.
pub(crate) fn check(run: &Run, folder: &Path, results: &Path) -> Result<(), String> {
    if Run::load(results)?.rows.len() != run.rows.len() {
        return Err(format!("{} is not of this run", results.display()));
    }
    let page = text(&folder.join(TABLE))?;
    for row in &run.rows {
        let Row { name, title, .. } = Row::parse(&row.name)?;
        if !page.contains(&format!("## {title} (`{name}`)")) {
            return Err(format!("the table has no row {name}"));
        }
    }
    let was_late = run.rows.iter().flat_map(|row| &row.contestants).any(|one| one.late().is_some());
    for file in plots::FILES {
        let may_lack = was_late && file.starts_with("latency");
        let is_shown = page.contains(&format!("]({file})"));
        if !is_shown && !may_lack && run.rows.len() == ROWS.len() {
            return Err(format!("the table does not show {file}"));
        }
        if is_shown && !text(&folder.join(file))?.trim_end().ends_with("</svg>") {
            return Err(format!("{file} is no whole picture"));
        }
    }
    Ok(())
}

fn text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
