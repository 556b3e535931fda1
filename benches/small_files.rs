//! Whole small files from the page cache, opened, read and closed: Nestling beside Tokio's
//! `fs::read`, which has a thread do it, and the standard library's plain calls.
//!
//! ```text
//! cargo bench --bench small_files
//! cargo bench --bench small_files -- 31
//! ```
//!
//! The number is that of the rounds. The files are where temporary ones go (`TMPDIR`).

mod beside;

use beside::compare;
use nestling::fs::{self, TempDir};
use nestling::{Runtime, nursery};
use std::hint::black_box;
use std::io;
use std::path::PathBuf;
use tokio::task::JoinSet;

/// Files of up to [`LARGEST`] bytes.
const FILES: usize = 10_000;
const LARGEST: usize = 4096;
const ROUNDS: usize = 15;

/// The files of one reader of `depth`.
fn share(paths: &[PathBuf], number: usize, depth: usize) -> impl Iterator<Item = &PathBuf> {
    paths.iter().skip(number).step_by(depth)
}

fn nestling(runtime: &mut Runtime, paths: &[PathBuf], depth: usize) -> io::Result<()> {
    runtime.block_on(nursery(async |n| {
        for number in 0..depth {
            n.spawn(async move {
                for path in share(paths, number, depth) {
                    black_box(fs::read(path).await?);
                }
                Ok(())
            });
        }
        Ok(())
    }))
}

fn tokio(
    runtime: &tokio::runtime::Runtime,
    paths: &'static [PathBuf],
    depth: usize,
) -> io::Result<()> {
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for number in 0..depth {
            tasks.spawn(async move {
                for path in share(paths, number, depth) {
                    black_box(tokio::fs::read(path).await?);
                }
                Ok(())
            });
        }
        tasks.join_all().await.into_iter().collect()
    })
}

fn plain(paths: &[PathBuf]) -> io::Result<()> {
    paths.iter().try_for_each(|path| std::fs::read(path).map(|bytes| drop(black_box(bytes))))
}

fn main() -> io::Result<()> {
    let Some(rounds) = beside::rounds(ROUNDS) else { return Ok(()) };
    let mut ours = Runtime::builder().build()?;
    let theirs = tokio::runtime::Builder::new_current_thread().build()?;
    // Removed also if something fails.
    let folder = ours.block_on(TempDir::new())?;
    let paths: Vec<_> = (0..FILES).map(|number| folder.path().join(number.to_string())).collect();
    for (number, path) in paths.iter().enumerate() {
        std::fs::write(path, vec![7; number * 97 % (LARGEST + 1)])?;
    }
    let paths: &'static [PathBuf] = paths.leak();
    for depth in [1, 32] {
        let title = format!("{FILES} files of up to {LARGEST} bytes, {depth} at a time");
        let mut contenders: [beside::Contender<'_>; 3] = [
            ("Nestling", Box::new(|| nestling(&mut ours, paths, depth))),
            ("Tokio", Box::new(|| tokio(&theirs, paths, depth))),
            ("std", Box::new(|| plain(paths))),
        ];
        compare(&title, FILES as u64, rounds, &mut contenders);
    }
    ours.block_on(folder.close())
}
