//! The SHA-256 of files, and of all files below directories, as `sha256sum` prints them; many files
//! are read at a time. Try:
//!
//! ```text
//! cargo run --release --example checksum -- src runtime/src
//! cargo run --release --example checksum -- src | sha256sum --check
//! ```

mod support;

use crate::support::{complain, say};
use nestling::fs::{self, Advice, File};
use nestling::io::nursery_with;
use nestling::time::sleep;
use nestling::{Options, is_cancelled};
use sha2::{Digest, Sha256};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Files that are read at a time: so many reads are in flight.
const FILES: usize = 32;

/// What is read of a file at a time, in bytes.
const SIZE: usize = 128 * 1024;

/// What has been done so far.
#[derive(Default)]
struct Report {
    /// By path, so that the order is always the same.
    sums: RefCell<BTreeMap<PathBuf, String>>,
    bytes: Cell<u64>,
    failed: Cell<bool>,
}

#[nestling::main]
async fn main() -> io::Result<ExitCode> {
    let report = Report::default();
    let options = Options { slots: Some(FILES), ..Options::default() };
    nursery_with(options, async |n| {
        if io::stderr().is_terminal() {
            n.spawn_daemon(async { show(&report).await });
        }
        for root in std::env::args_os().skip(1).map(PathBuf::from) {
            if !fs::metadata(&root).await.is_ok_and(|found| found.is_dir()) {
                n.slot().await.spawn(check(root, &report));
                continue;
            }
            let mut walk = fs::walk(root);
            loop {
                match walk.next_entry().await {
                    Ok(Some(entry)) if entry.file_type().is_file() => {
                        n.slot().await.spawn(check(entry.path(), &report));
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(error) => report.note(error)?,
                }
            }
        }
        Ok(())
    })
    .await?;
    for (path, sum) in report.sums.borrow().iter() {
        say(format_args!("{sum}  {}", path.display()));
    }
    Ok(if report.failed.get() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// One file. That it cannot be read is no reason for the others to stop.
async fn check(path: PathBuf, report: &Report) -> io::Result<()> {
    match digest(&path, report).await {
        Ok(sum) => {
            report.sums.borrow_mut().insert(path, sum);
            Ok(())
        }
        Err(error) => report.note(error),
    }
}

async fn digest(path: &Path, report: &Report) -> io::Result<String> {
    let file = File::open(path).await?;
    // Only a hint: what has no pages to read ahead is read all the same.
    let _ = file.advise(0, 0, Advice::Sequential).await;
    let (mut digest, mut place) = (Sha256::new(), 0);
    let mut buffer = Vec::with_capacity(SIZE);
    loop {
        let (result, filled) = file.read_at(buffer, place).await;
        let length = result.map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        })?;
        if length == 0 {
            break;
        }
        digest.update(&filled[..length]);
        place += length as u64;
        report.bytes.set(report.bytes.get() + length as u64);
        buffer = filled;
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Report {
    fn note(&self, error: io::Error) -> io::Result<()> {
        if is_cancelled(&error) {
            return Err(error);
        }
        complain(error);
        self.failed.set(true);
        Ok(())
    }
}

/// Shows how far it has come, in one line that is written over.
async fn show(report: &Report) -> io::Result<()> {
    loop {
        sleep(Duration::from_millis(200)).await;
        let (files, bytes) = (report.sums.borrow().len(), report.bytes.get() >> 20);
        write!(io::stderr(), "\r{files} files, {bytes} MiB ")?;
    }
}
