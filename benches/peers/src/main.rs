//! Nestling beside its peers: one command that measures all of them, row by row.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- compare
//! ```
//!
//! `docs/BENCHMARKS.md` says what the rows mean and how to read the figures.
//!
//! | folder | what is in it |
//! |---|---|
//! | `rows.rs` | what is compared |
//! | `contestants/` | the contestants: a folder for each peer, a file for each row |
//! | `load/` | their load: a closed loop, an open one, those of proxies, accepts, HTTP/2 |
//! | `process/`, `work.rs` | a contestant is a process of its own |
//! | `compare/` | the order of measurements; one of them; a run beside an earlier one |
//! | `statistics.rs` | when a difference is called real |
//! | `figures.rs`, `report/` | results as JSON, as a table, and as pictures |

mod arguments;
mod compare;
mod contestants;
mod figures;
mod load;
mod machine;
mod process;
mod report;
mod rows;
mod statistics;
mod work;

use arguments::{Command, Compare, USAGE};
use compare::{Against, Comparison};
use contestants::Contestant;
use figures::Run;
use rows::{ROWS, Row};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

/// The results of a run, below its folder.
const RESULTS: &str = "results.json";

fn main() -> ExitCode {
    let done = Command::parse().map_err(|error| format!("{error}\n\n{USAGE}")).and_then(run);
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), String> {
    match command {
        Command::Help => println!("{USAGE}"),
        Command::List => list(),
        Command::Serve { part, connections, to } => {
            work::serve(part.row, part.contestant, connections, to, part.how)?;
        }
        Command::Work { part, seconds, counts } => {
            work::work(part.row, part.contestant, seconds, counts)?;
        }
        Command::Compare(options) => compare(&options)?,
    }
    Ok(())
}

fn list() {
    for row in &ROWS {
        println!("{:20} {}", row.name, row.title);
    }
    println!();
    let names = |all: &[Contestant]| {
        all.iter().map(|contestant| contestant.name()).collect::<Vec<_>>().join(" ")
    };
    println!("by default   {}", names(&Contestant::USUAL));
    println!("also there   {}", names(&Contestant::OTHERS));
}

fn compare(options: &Compare) -> Result<(), String> {
    // More than the usual 1024 descriptors are needed.
    rlimit::increase_nofile_limit(u64::MAX).map_err(|error| error.to_string())?;
    let before = options.against.as_deref().map(Run::load).transpose()?;
    let folder = folder(options)?;
    let results = folder.join(RESULTS);
    let earlier = match options.resume {
        true => compare::earlier(&results)?,
        false => None,
    };
    let mut comparison = Comparison::new(options, earlier)?;
    fs::create_dir_all(&folder).map_err(in_vain(&folder))?;
    comparison.go_on(|run| run.save(&results).map_err(in_vain(&results)))?;
    let run = comparison.run;
    let written = report::write(&run, &folder).map_err(in_vain(&folder))?;
    println!("{written}");
    println!("written: {}", folder.display());
    let against = before.map_or(Ok(()), |before| against(&before, &run));
    let whole = run_whole(&run);
    let errors: Vec<_> = [report::check(&run, &folder, &results), whole, against]
        .into_iter()
        .filter_map(Result::err)
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("\n")) }
}

/// Whether all that is our own runs.
fn run_whole(run: &Run) -> Result<(), String> {
    let is_ours = |name: &str| name.starts_with("nestling") || name.starts_with("bare-");
    let mut failures = Vec::new();
    for row in &run.rows {
        for contestant in row.contestants.iter().filter(|one| is_ours(&one.name)) {
            let begun = Contestant::parse(&contestant.name)?.program(Row::parse(&row.name)?.work);
            if let (Ok(_), Some(failed)) = (begun, &contestant.failed) {
                failures.push(format!("{}: {} failed: {failed}", row.name, contestant.name));
            }
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

fn against(before: &Run, now: &Run) -> Result<(), String> {
    let Against { compared, regressions, open } = Against::of(before, now);
    open.iter().for_each(|reason| println!("not compared: {reason}"));
    if !regressions.is_empty() {
        let lines: Vec<_> = regressions.iter().map(ToString::to_string).collect();
        return Err(format!("regressions: {}\n{}", lines.len(), lines.join("\n")));
    }
    if compared == 0 {
        return Err("nothing was compared: both runs need rows and contestants in common, on a \
                    machine that does nothing else, and six rounds"
            .to_owned());
    }
    println!("no regression in {compared} figures that were compared");
    Ok(())
}

/// Where the results go; a quick run leaves those of the repository alone.
fn folder(options: &Compare) -> Result<PathBuf, String> {
    if let Some(out) = &options.out {
        return Ok(out.clone());
    }
    // Cargo says where the crate is.
    let crate_folder = env::var_os("CARGO_MANIFEST_DIR").map_or_else(PathBuf::new, PathBuf::from);
    let is_whole = !options.quick && options.only.is_empty() && options.contestants.is_empty();
    Ok(match is_whole {
        true => crate_folder.join("../../docs/benchmarks"),
        false => crate_folder.join("target/comparison"),
    })
}

fn in_vain(path: &Path) -> impl Fn(std::io::Error) -> String {
    move |error| format!("{}: {error}", path.display())
}
