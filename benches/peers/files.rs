//! Files, against Tokio's threads and the standard library's plain calls.
//!
//! ```text
//! cargo bench --manifest-path benches/peers/Cargo.toml --bench files
//! TMPDIR=/a/disk cargo bench --manifest-path benches/peers/Cargo.toml --bench files -- --rounds 9
//! ```
//!
//! All in one thread, but for Tokio's pool. The files are where temporary ones go (`TMPDIR`): on a
//! disk, if reads past the cache and syncs are to say something.

mod rounds;

use nestling::buf::AlignedBuf;
use nestling::fs::{File, TempDir};
use nestling::net::UnixStream;
use nestling::{Runtime, nursery};
use rounds::{Contender, compare};
use std::cell::Cell;
use std::fs;
use std::future::Future;
use std::io::{self, Read, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::task::JoinSet;

/// Files that are opened, read and closed.
const FILES: usize = 10_000;
/// Reads of [`SIZE`] bytes in a round.
const READS: u64 = 20_000;
/// The same past the cache.
const DIRECT: u64 = 2_000;
const SIZE: usize = 4096;
/// The large file, in pieces of [`SIZE`]: 256 MiB.
const PIECES: u64 = 1 << 16;
/// What is read at a time from its front to its back.
const CHUNK: usize = 256 << 10;
/// Records that are written, each followed by a sync.
const SYNCS: u64 = 50;

/// Where the next read is.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
    (*state >> 40) % PIECES * SIZE as u64
}

/// How long `work` takes.
async fn timed(work: impl Future<Output = io::Result<()>>) -> Duration {
    let start = Instant::now();
    work.await.expect("the files can be read and written");
    start.elapsed()
}

fn plain(work: impl FnOnce() -> io::Result<()>) -> Duration {
    let start = Instant::now();
    work().expect("the files can be read and written");
    start.elapsed()
}

/// So many children of one nursery.
async fn children<F: Future<Output = io::Result<()>>>(
    count: u64,
    child: impl Fn(u64) -> F,
) -> io::Result<()> {
    nursery(async |n| {
        (0..count).for_each(|number| drop(n.spawn(child(number))));
        Ok(())
    })
    .await
}

/// So many tasks of Tokio's.
async fn tasks<F>(count: u64, task: impl Fn(u64) -> F) -> io::Result<()>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let mut tasks: JoinSet<_> = (0..count).map(task).collect();
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no panic")?;
    }
    Ok(())
}

fn tokio() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn nestling() -> Runtime {
    Runtime::builder().build().expect("a runtime")
}

fn small(folder: &Path, rounds: usize, depth: u64) {
    let paths: Vec<PathBuf> = (0..FILES).map(|number| folder.join(number.to_string())).collect();
    let part = |number: u64| number as usize..;
    let (mut ours, theirs) = (nestling(), tokio());
    let shared = &*Box::leak(paths.clone().into_boxed_slice());
    let title = format!("open, read 1 KiB, close; {depth} at a time");
    let mut contenders: Vec<Contender<'_>> = vec![
        (
            "Nestling",
            Box::new(|| {
                ours.block_on(timed(children(depth, async |number| {
                    for path in paths[part(number)].iter().step_by(depth as usize) {
                        let file = File::open(path).await?;
                        file.read_at(Vec::with_capacity(SIZE), 0).await.0?;
                        file.close().await?;
                    }
                    Ok(())
                })))
            }),
        ),
        (
            "Tokio",
            Box::new(|| {
                theirs.block_on(timed(tasks(depth, move |number| async move {
                    for path in shared[part(number)].iter().step_by(depth as usize) {
                        let mut file = tokio::fs::File::open(path).await?;
                        let _length = file.read(&mut vec![0; SIZE]).await?;
                    }
                    Ok(())
                })))
            }),
        ),
        (
            "std",
            Box::new(|| {
                plain(|| {
                    paths.iter().try_for_each(|path| {
                        fs::File::open(path)?.read(&mut vec![0; SIZE]).map(drop)
                    })
                })
            }),
        ),
    ];
    compare(&title, FILES as u64, rounds, &mut contenders);
}

fn random(path: &Path, rounds: usize, depth: u64, direct: bool) {
    let flags = if direct { libc::O_DIRECT } else { 0 };
    let open = || fs::File::options().read(true).custom_flags(flags).open(path);
    let (title, reads) =
        if direct { ("past the cache", DIRECT) } else { ("from the cache", READS) };
    let title = format!("reads of 4 KiB {title}, {depth} at a time");
    let (mut ours, theirs) = (nestling(), tokio());
    let std = match open() {
        Ok(file) => file,
        Err(error) => return println!("\n{title}: not here: {error}"),
    };
    let turns = reads / depth;
    let nestling = || {
        let file = File::from_std(open().expect("a descriptor is left"));
        let file = &file;
        let all = children(depth, async |mut state| {
            let mut buffer = AlignedBuf::zeroed(SIZE, SIZE);
            for _ in 0..turns {
                let result;
                (result, buffer) = file.read_at(buffer, next(&mut state)).await;
                result?;
            }
            Ok(())
        });
        ours.block_on(timed(all))
    };
    // Tokio's files have one place each, and buffers of their own: a task has a file to itself.
    let tokio = || {
        theirs.block_on(timed(tasks(depth, |mut state| {
            let file = open();
            async move {
                let mut file = tokio::fs::File::from_std(file?);
                file.set_max_buf_size(SIZE);
                let mut buffer = vec![0; SIZE];
                for _ in 0..turns {
                    file.seek(SeekFrom::Start(next(&mut state))).await?;
                    file.read_exact(&mut buffer).await?;
                }
                Ok(())
            }
        })))
    };
    let plain = || {
        plain(|| {
            let mut memory = vec![0; 2 * SIZE];
            let start = memory.as_ptr().align_offset(SIZE);
            let (buffer, mut state) = (&mut memory[start..start + SIZE], 0);
            (0..reads).try_for_each(|_| std.read_exact_at(buffer, next(&mut state)))
        })
    };
    let mut contenders: Vec<Contender<'_>> =
        vec![("Nestling", Box::new(nestling)), ("std", Box::new(plain))];
    if !direct {
        // Its buffers are not aligned.
        contenders.insert(1, ("Tokio", Box::new(tokio)));
    }
    compare(&title, reads, rounds, &mut contenders);
}

fn sequential(path: &Path, rounds: usize) {
    let (mut ours, theirs) = (nestling(), tokio());
    let mut contenders: Vec<Contender<'_>> = vec![
        (
            "Nestling",
            Box::new(|| {
                ours.block_on(timed(async {
                    let mut cursor = File::open(path).await?.into_cursor();
                    let mut buffer = Vec::with_capacity(CHUNK);
                    loop {
                        let result;
                        (result, buffer) = cursor.read(buffer).await;
                        if result? == 0 {
                            return Ok(());
                        }
                    }
                }))
            }),
        ),
        (
            "Tokio",
            Box::new(|| {
                theirs.block_on(timed(async {
                    let mut file = tokio::fs::File::open(path).await?;
                    let mut buffer = vec![0; CHUNK];
                    while file.read(&mut buffer).await? > 0 {}
                    Ok(())
                }))
            }),
        ),
        (
            "std",
            Box::new(|| {
                plain(|| {
                    let mut file = fs::File::open(path)?;
                    let mut buffer = vec![0; CHUNK];
                    while file.read(&mut buffer)? > 0 {}
                    Ok(())
                })
            }),
        ),
    ];
    let mib = (PIECES * SIZE as u64) >> 20;
    compare("256 MiB from front to back, a MiB", mib, rounds, &mut contenders);
}

/// Messages from one end of a connection to the other.
async fn echo((one, two): (UnixStream, UnixStream), messages: &Cell<u64>) -> io::Result<()> {
    let mut buffer = vec![0; 64];
    loop {
        buffer = one.write_all(buffer).await.1;
        let result;
        (result, buffer) = two.read_exact(buffer).await;
        result?;
        messages.set(messages.get() + 1);
    }
}

/// Messages there and back on the same core, for as long as records are written and synchronised.
fn syncs(folder: &Path, rounds: usize) {
    let path = &folder.join("records");
    let (mut ours, theirs) = (nestling(), tokio());
    let (our_messages, their_messages) = (Cell::new(0_u64), Cell::new(0_u64));
    let nestling = || {
        ours.block_on(timed(nursery(async |n| {
            n.spawn_daemon(echo(UnixStream::pair()?, &our_messages));
            let file = File::create(path).await?;
            for record in 0..SYNCS {
                file.write_all_at(vec![7; SIZE], record * SIZE as u64).await.0?;
                file.sync_data().await?;
            }
            Ok(())
        })))
    };
    let tokio = || {
        theirs.block_on(timed(async {
            let (mut one, mut two) = tokio::net::UnixStream::pair()?;
            let messages = async {
                let mut buffer = [0; 64];
                loop {
                    one.write_all(&buffer).await?;
                    two.read_exact(&mut buffer).await?;
                    their_messages.set(their_messages.get() + 1);
                }
            };
            let records = async {
                let mut file = tokio::fs::File::create(path).await?;
                for _ in 0..SYNCS {
                    file.write_all(&[7; SIZE]).await?;
                    file.sync_data().await?;
                }
                Ok(())
            };
            tokio::select! { ended = messages => ended, ended = records => ended }
        }))
    };
    let mut contenders: Vec<Contender<'_>> =
        vec![("Nestling", Box::new(nestling)), ("Tokio", Box::new(tokio))];
    let medians =
        compare("a record of 4 KiB and fdatasync, beside echoes", SYNCS, rounds, &mut contenders);
    drop(contenders);
    for (name, messages, median) in
        [("Nestling", our_messages.get(), medians[0]), ("Tokio", their_messages.get(), medians[1])]
    {
        let each = messages as f64 / ((rounds + 1) as u64 * SYNCS) as f64;
        println!("{name:18} {each:10.0} echoes beside each, {:.1} in 1 ms", each / median * 1e6);
    }
}

fn main() -> io::Result<()> {
    let Some(rounds) = rounds::rounds() else { return Ok(()) };
    // Removed also if something fails.
    let directory = nestling().block_on(TempDir::new())?;
    let folder = directory.path();
    for number in 0..FILES {
        fs::write(folder.join(number.to_string()), [7; 1024])?;
    }
    let large = folder.join("large");
    let mut file = fs::File::create(&large)?;
    (0..PIECES).try_for_each(|piece| file.write_all(&[piece as u8; SIZE]))?;
    file.sync_all()?;
    for depth in [1, 32] {
        small(folder, rounds, depth);
        random(&large, rounds, depth, false);
        random(&large, rounds, depth, true);
    }
    sequential(&large, rounds);
    syncs(folder, rounds);
    Ok(())
}
