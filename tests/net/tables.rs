//! Each cell of the tables of `main.rs` names one test.

use crate::support::one_at_a_time;
use std::fs;
use std::path::Path;

/// Cells without a test.
const NONE: &str = "-";

#[test]
fn each_cell_names_a_test() {
    // Others count descriptors.
    let _one = one_at_a_time();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/net");
    let main = fs::read_to_string(folder.join("main.rs")).unwrap();
    let (_, tables) = main.split_once("# Operation by operation").unwrap();
    let rows = tables.lines().skip(1).take_while(|line| line.starts_with("//!"));
    let rows = rows.filter_map(|line| line.strip_prefix("//! | "));
    let rows = rows.filter(|row| !row.starts_with("operation")).collect::<Vec<_>>();
    assert_eq!(rows.len(), 3 * 20, "three tables with a row for each operation");
    for row in rows {
        for cell in row.trim_end_matches(" |").split(" | ").skip(1).filter(|cell| *cell != NONE) {
            let test = cell.trim_matches('`').split_once("::");
            let (file, name) = test.unwrap_or_else(|| panic!("{cell} of {row} is no test"));
            let source = fs::read_to_string(folder.join(file).with_extension("rs")).unwrap();
            let tests = source.matches(&format!("#[test]\nfn {name}")).count();
            assert_eq!(tests, 1, "so many tests are called {cell}");
        }
    }
}
