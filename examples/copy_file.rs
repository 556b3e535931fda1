//! Copies a file: several parts at a time, holes as holes, with its progress. The copy is brought
//! to the disk, and compared with the file. Try:
//!
//! ```text
//! truncate -s 1G /tmp/sparse && echo end >> /tmp/sparse
//! cargo run --release --example copy_file -- /tmp/sparse /tmp/copy
//! ```

mod support;

use crate::support::{complain, say};
use nestling::Options;
use nestling::fs::{self, File};
use nestling::io::nursery_with;
use nestling::time::sleep;
use std::cell::Cell;
use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Parts that are under way at a time.
const PARTS: usize = 8;

/// Bytes of a part.
const SIZE: u64 = 1 << 20;

#[nestling::main]
async fn main() -> io::Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(from), Some(to), None) = (arguments.next(), arguments.next(), arguments.next())
    else {
        complain("two paths are needed: FROM TO");
        return Ok(ExitCode::FAILURE);
    };
    let source = File::open(&from).await?;
    let known = source.metadata().await?;
    // Neither may be written over: a copy of a file to itself would be empty.
    if fs::metadata(&to).await.is_ok_and(|at| (at.dev(), at.ino()) == (known.dev(), known.ino())) {
        complain("both are the same file");
        return Ok(ExitCode::FAILURE);
    }
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(true);
    let copy = options.open(&to).await?;
    copy.set_len(known.len()).await?;
    let copied = for_each_part("copied", &source, &known, async |part: Range<u64>| {
        let buffer = vec![0; (part.end - part.start) as usize];
        let (result, buffer) = source.read_exact_at(buffer, part.start).await;
        result?;
        copy.write_all_at(buffer, part.start).await.0
    })
    .await?;
    copy.set_permissions(known.permissions()).await?;
    copy.sync_all().await?;
    for_each_part("compared", &source, &known, async |part: Range<u64>| {
        let buffer = vec![0; (part.end - part.start) as usize];
        let (result, ours) = copy.read_exact_at(buffer.clone(), part.start).await;
        result?;
        let (result, theirs) = source.read_exact_at(buffer, part.start).await;
        result?;
        if ours == theirs { Ok(()) } else { Err(io::Error::other("the copy differs")) }
    })
    .await?;
    say(format_args!("{} bytes, {copied} of them data: copied and compared", known.len()));
    Ok(ExitCode::SUCCESS)
}

/// Does something with each part of the file that is no hole. Gives how many bytes these have.
async fn for_each_part<F>(
    what: &str,
    file: &File,
    known: &fs::Metadata,
    work: impl Fn(Range<u64>) -> F,
) -> io::Result<u64>
where
    F: Future<Output = io::Result<()>>,
{
    let done = Cell::new(0);
    let (done, work) = (&done, &work);
    let options = Options { slots: Some(PARTS), ..Options::default() };
    nursery_with(options, async |n| {
        if io::stderr().is_terminal() {
            n.spawn_daemon(show(what, done, known.len()));
        }
        let mut place = 0;
        while let Some(data) = file.next_data(place).await? {
            // What is written to the file meanwhile is not waited for.
            let end = data.end.min(known.len());
            for start in (data.start..end).step_by(SIZE as usize) {
                let part = start..end.min(start + SIZE);
                n.slot().await.spawn(async move {
                    let length = part.end - part.start;
                    work(part).await?;
                    done.set(done.get() + length);
                    io::Result::Ok(())
                });
            }
            place = data.end;
        }
        Ok(())
    })
    .await?;
    Ok(done.get())
}

/// Shows how far it has come, in one line that is written over.
async fn show(what: &str, done: &Cell<u64>, all: u64) -> io::Result<()> {
    loop {
        sleep(Duration::from_millis(100)).await;
        let bar = "#".repeat((done.get() * 40 / all.max(1)) as usize);
        write!(io::stderr(), "\r{what} [{bar:40}] {} MiB ", done.get() >> 20)?;
    }
}
