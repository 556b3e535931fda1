//! Reads of 4 KiB past the page cache (`O_DIRECT`), at random places of one file: Nestling beside
//! a bare ring, Tokio's threads for blocking calls, and plain calls one after the other.
//!
//! ```text
//! cargo bench --bench direct_reads
//! TMPDIR=/a/disk cargo bench --bench direct_reads -- 31
//! ```
//!
//! The number is that of the rounds. Tokio's own files have buffers of theirs, which are not
//! aligned: so its contender reads on `spawn_blocking`, as those files do.

#[allow(dead_code, reason = "the ring alone is used here")]
mod bare;
mod beside;

use bare::Bare;
use beside::compare;
use io_uring::{opcode, types};
use nestling::buf::AlignedBuf;
use nestling::fs::{File, TempDir};
use nestling::{Runtime, nursery};
use std::fs;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::Arc;
use tokio::task::{JoinSet, spawn_blocking};

const SIZE: usize = 4096;
/// Of the file, in pieces of that size: 64 MiB.
const PIECES: u64 = 1 << 14;
const READS: u64 = 2_048;
const ROUNDS: usize = 15;

/// Where the next read is.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
    (*state >> 40) % PIECES * SIZE as u64
}

fn nestling(runtime: &mut Runtime, file: &fs::File, depth: u64) -> io::Result<()> {
    let file = file.try_clone()?;
    runtime.block_on(async {
        let file = &File::from_std(file);
        nursery(async |n| {
            for mut state in 0..depth {
                n.spawn(async move {
                    let mut buffer = AlignedBuf::zeroed(SIZE, SIZE);
                    for _ in 0..READS / depth {
                        let result;
                        (result, buffer) = file.read_at(buffer, next(&mut state)).await;
                        result?;
                    }
                    Ok(())
                });
            }
            Ok(())
        })
        .await
    })
}

fn bare(ring: &mut Bare<'_>, file: &fs::File, depth: u64) -> io::Result<()> {
    let mut buffers: Vec<_> = (0..depth).map(|_| AlignedBuf::zeroed(SIZE, SIZE)).collect();
    let mut states: Vec<u64> = (0..depth).collect();
    let fd = types::Fd(file.as_raw_fd());
    for _ in 0..READS / depth {
        let reads = buffers.iter_mut().zip(&mut states).map(|(buffer, state)| {
            opcode::Read::new(fd, buffer.as_mut_slice().as_mut_ptr(), SIZE as u32)
                .offset(next(state))
                .build()
        });
        assert_eq!(ring.exchange(reads, depth as usize), 0, "the file can be read");
    }
    Ok(())
}

fn tokio(runtime: &tokio::runtime::Runtime, file: &Arc<fs::File>, depth: u64) -> io::Result<()> {
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for mut state in 0..depth {
            let file = Arc::clone(file);
            tasks.spawn(async move {
                let mut buffer = AlignedBuf::zeroed(SIZE, SIZE);
                for _ in 0..READS / depth {
                    let (file, place) = (Arc::clone(&file), next(&mut state));
                    let read = spawn_blocking(move || {
                        file.read_exact_at(buffer.as_mut_slice(), place).map(|()| buffer)
                    });
                    buffer = read.await.expect("no panic")?;
                }
                Ok(())
            });
        }
        tasks.join_all().await.into_iter().collect()
    })
}

fn plain(file: &fs::File) -> io::Result<()> {
    let (mut buffer, mut state) = (AlignedBuf::zeroed(SIZE, SIZE), 0);
    (0..READS).try_for_each(|_| file.read_exact_at(buffer.as_mut_slice(), next(&mut state)))
}

fn main() -> io::Result<()> {
    let Some(rounds) = beside::rounds(ROUNDS) else { return Ok(()) };
    let mut ours = Runtime::builder().build()?;
    let theirs = tokio::runtime::Builder::new_current_thread().build()?;
    let mut ring = bare::ring();
    let mut ring = Bare::new(&mut ring);
    // Removed also if something fails.
    let folder = ours.block_on(TempDir::new())?;
    let path = folder.path().join("large");
    let mut file = fs::File::create(&path)?;
    (0..PIECES).try_for_each(|piece| file.write_all(&[piece as u8; SIZE]))?;
    file.sync_all()?;
    let file = Arc::new(fs::File::options().read(true).custom_flags(libc::O_DIRECT).open(&path)?);
    for depth in [1, 32] {
        let title = format!("reads of 4 KiB past the cache, {depth} at a time");
        let mut contenders: [beside::Contender<'_>; 4] = [
            ("Nestling", Box::new(|| nestling(&mut ours, &file, depth))),
            ("bare ring", Box::new(|| bare(&mut ring, &file, depth))),
            ("Tokio", Box::new(|| tokio(&theirs, &file, depth))),
            ("std", Box::new(|| plain(&file))),
        ];
        compare(&title, READS, rounds, &mut contenders);
    }
    ours.block_on(folder.close())
}
