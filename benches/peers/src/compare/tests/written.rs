//! What a run has to leave behind.

use super::made::{contested, late, run};
use crate::figures::{RowFigures, Run};
use crate::report::{check, write};
use crate::rows::ROWS;
use std::path::PathBuf;
use std::{env, fs, process};

const TABLE: &str = "README.md";
const PICTURES: [&str; 5] =
    ["throughput.svg", "latency-distribution.svg", "latency-by-rate.svg", "cpu.svg", "memory.svg"];

/// A folder of one test.
struct Folder(PathBuf);

impl Folder {
    /// With all that this run leaves.
    fn of(test: &str, run: &Run) -> Self {
        let this = Self(env::temp_dir().join(format!("nestling-report-{test}-{}", process::id())));
        fs::create_dir_all(&this.0).expect("a folder");
        run.save(&this.results()).expect("the figures");
        write(run, &this.0).expect("a table");
        this
    }

    fn results(&self) -> PathBuf {
        self.0.join("results.json")
    }

    fn check(&self, run: &Run) -> Result<(), String> {
        check(run, &self.0, &self.results())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("it is there");
    }
}

/// A run of all rows.
fn whole() -> Run {
    let mut run = run("echo-64", vec![contested("nestling", 9e4), contested("tokio", 8e4)]);
    let one = run.rows.remove(0);
    let named = |name: &str| RowFigures { name: name.to_owned(), ..one.clone() };
    run.rows = ROWS.iter().map(|row| named(row.name)).collect();
    run.rows.iter_mut().flat_map(|row| &mut row.contestants).for_each(|one| {
        one.rounds.iter_mut().for_each(|round| round.memory = Some(500.0));
    });
    run
}

#[test]
fn a_run_that_leaves_all_behind_has_succeeded() {
    let whole = whole();
    assert_eq!(Folder::of("whole", &whole).check(&whole), Ok(()));
    let part = run("echo-64", vec![contested("nestling", 9e4)]);
    assert_eq!(Folder::of("part", &part).check(&part), Ok(()), "no picture can be drawn of it");
}

#[test]
fn a_run_under_a_late_load_has_no_pictures_of_latency() {
    let mut whole = whole();
    whole.rows.iter_mut().for_each(|row| {
        row.contestants = vec![late("nestling", 9e4), late("tokio", 8e4)];
        row.contestants.iter_mut().for_each(|one| {
            one.rounds.iter_mut().for_each(|round| round.memory = Some(500.0));
        });
    });
    let folder = Folder::of("late", &whole);
    assert_eq!(folder.check(&whole), Ok(()));
    assert!(!folder.0.join("latency-distribution.svg").exists());
}

#[test]
fn what_was_not_written_is_an_error() {
    let whole = whole();
    for file in PICTURES.into_iter().chain([TABLE, "results.json"]) {
        let folder = Folder::of("missing", &whole);
        fs::remove_file(folder.0.join(file)).expect("it was written");
        let error = folder.check(&whole).expect_err("it is not there");
        assert!(error.contains(file), "{error}");
        fs::write(folder.0.join(file), "").expect("room");
        let error = folder.check(&whole).expect_err("nothing is in it");
        assert!(error.contains(file) || error.contains("the table"), "{error}");
    }
}

#[test]
fn a_row_or_a_picture_that_is_not_in_the_table_is_an_error() {
    let whole = whole();
    let folder = Folder::of("table", &whole);
    let page = fs::read_to_string(folder.0.join(TABLE)).expect("the table");
    for (part, said) in [("(`cancel`)", "no row cancel"), ("(cpu.svg)", "not show cpu.svg")] {
        fs::write(folder.0.join(TABLE), page.replace(part, "")).expect("room");
        let error = folder.check(&whole).expect_err("a part is missing");
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn pictures_of_an_earlier_run_are_not_left() {
    let folder = Folder::of("earlier", &whole());
    let part = run("echo-64", vec![contested("nestling", 9e4)]);
    write(&part, &folder.0).expect("a table");
    assert!(PICTURES.iter().all(|file| !folder.0.join(file).exists()));
}
