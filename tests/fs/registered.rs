//! Files and memory that are registered with the ring: what is read and written is the same, and a
//! slot is never taken for what was there before.

use crate::folder::Folder;
use crate::run;
use crate::support::again::alone;
use crate::support::{self, sandbox, turn, watched};
use nestling::Runtime;
use nestling::buf::{AlignedBuf, FixedBuf, FixedPool, IoBuf};
use nestling::fs::File;
use std::os::fd::{OwnedFd, RawFd};
use std::path::Path;

/// Reads and writes after which a file has a slot for certain.
pub(crate) const OFTEN: usize = 65;
/// Slots for files that a ring has, and for pools.
const FILES: usize = 1024;
const POOLS: usize = 16;

/// What a section of the kernel's account of a ring lists.
fn listed(ring: RawFd, section: &str) -> Vec<String> {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{ring}")).expect("an open ring");
    let list = info.lines().skip_while(|line| !line.starts_with(section)).skip(1);
    list.take_while(|line| line.starts_with(' ')).map(str::to_owned).collect()
}

/// Files that the one ring has a slot for.
fn files() -> usize {
    listed(support::ring(), "UserFiles").len()
}

fn pools() -> usize {
    let regions = listed(support::ring(), "UserBufs");
    regions.iter().filter(|line| !line.contains("<none>")).count()
}

/// Whether rings keep files here, with as many descriptors as may be had; says if not.
fn keeps_files() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("/proc is mounted");
    let numbers = release.split(|sign: char| !sign.is_ascii_digit());
    let version: Vec<u32> = numbers.map_while(|number| number.parse().ok()).take(2).collect();
    let may_open = sandbox::limits(libc::RLIMIT_NOFILE).rlim_max;
    if version < vec![6, 15] {
        eprintln!("NOT RUN: no files are registered before Linux 6.15");
        return false;
    }
    if may_open < 2 * FILES as u64 {
        eprintln!("NOT RUN: {may_open} descriptors are too few");
        return false;
    }
    // The kernel gives no table of more files than the soft limit.
    sandbox::limit(libc::RLIMIT_NOFILE, may_open);
    true
}

/// A pool that is registered. `None`, and says so, where others of this user have locked all the
/// memory that it may lock.
pub(crate) fn registered_pool(count: usize, size: usize) -> Option<FixedPool> {
    let pool = FixedPool::new(count, size).unwrap();
    if pool.is_registered() {
        return Some(pool);
    }
    let limit = sandbox::limits(libc::RLIMIT_MEMLOCK).rlim_cur;
    assert!(!sandbox::is_root() && limit < libc::RLIM_INFINITY, "this user may lock memory");
    eprintln!("NOT RUN: no more memory may be locked than {limit} bytes of this user's");
    None
}

/// A file that says what it is, which has been read often.
async fn known(path: &Path, text: &str) -> File {
    std::fs::write(path, text).unwrap();
    let file = File::options().read(true).write(true).open(path).await.unwrap();
    for _ in 0..OFTEN {
        assert_says(&file, text).await;
    }
    file
}

async fn assert_says(file: &File, text: &str) {
    let (result, bytes) = file.read_exact_at(vec![0; text.len()], 0).await;
    result.unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap(), text);
}

#[test]
fn what_a_registered_file_is_not_open_for_fails() {
    if !keeps_files() {
        return;
    }
    let folder = Folder::new();
    let path = folder.join("file");
    std::fs::write(&path, "text").unwrap();
    run(async || {
        let to_read = File::open(&path).await.unwrap();
        let to_write = File::options().write(true).open(&path).await.unwrap();
        for _ in 0..OFTEN {
            let error = to_read.write_at("new", 0).await.0.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EBADF));
            let error = to_write.read_at(vec![0; 4], 0).await.0.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EBADF));
        }
        assert_eq!(files(), 2);
    });
}

/// By each way on which it can end: then its lock becomes free.
#[test]
fn a_slot_is_given_back_before_its_file_is_closed() {
    if !keeps_files() {
        return;
    }
    let folder = Folder::new();
    let path = folder.join("file");
    run(async || {
        for way in 0..4 {
            let file = known(&path, "text").await;
            assert_eq!(files(), 1);
            assert!(file.try_lock().await.unwrap());
            match way {
                0 => file.close().await.unwrap(),
                1 => drop(file.into_std().unwrap()),
                2 => drop(file),
                _ => {
                    // With an operation in flight that nothing waits for.
                    let mut read = Box::pin(async move { file.read_at(vec![0; 4], 0).await.0 });
                    assert!(support::poll_once(read.as_mut()).await.is_pending());
                    drop(read);
                    while files() > 0 {
                        turn().await;
                    }
                }
            }
            assert_eq!(files(), 0, "way {way}");
            // The close may still be with a thread of the kernel's.
            let other = std::fs::File::open(&path).unwrap();
            while other.try_lock().is_err() {
                turn().await;
            }
        }
    });
}

#[test]
fn a_file_that_outlives_its_runtime_is_closed_when_it_is_dropped() {
    let folder = Folder::new();
    let path = folder.join("file");
    watched(|| {
        let mut runtime = Runtime::builder().entries(8).build().unwrap();
        let file = runtime.block_on(known(&path, "text"));
        assert!(runtime.block_on(file.try_lock()).unwrap());
        drop(runtime);
        drop(file);
        std::fs::File::open(&path).unwrap().try_lock().unwrap();
    });
}

/// Both files are in the same slot, each of its own ring.
#[test]
fn a_slot_of_one_ring_is_not_taken_for_that_of_another() {
    let folder = Folder::new();
    watched(|| {
        let mut one = Runtime::builder().entries(8).build().unwrap();
        let mut other = Runtime::builder().entries(8).build().unwrap();
        let first = one.block_on(known(&folder.join("one"), "one"));
        let second = other.block_on(known(&folder.join("other"), "other"));
        for runtime in [&mut one, &mut other] {
            runtime.block_on(async {
                assert_says(&first, "one").await;
                assert_says(&second, "other").await;
            });
        }
        // Dropped where its ring is not the current one.
        other.block_on(async { drop(first) });
        let third = one.block_on(known(&folder.join("third"), "third"));
        other.block_on(assert_says(&third, "third"));
    });
}

/// Files come and go, and so do their numbers and their slots, with reads in flight that nothing
/// waits for.
#[test]
fn a_slot_is_never_taken_for_the_file_before() {
    let folder = Folder::new();
    run(async || {
        for round in 0..20 {
            let texts = [0, 1, 2].map(|number| format!("file {number} of round {round}"));
            let mut open = Vec::new();
            for text in &texts {
                open.push(known(&folder.join("file"), text).await);
                std::fs::remove_file(folder.join("file")).unwrap();
            }
            let gone = open.remove(round % 3);
            let mut left = Box::pin(async move { gone.read_at(vec![0; 8], 0).await.0 });
            assert!(support::poll_once(left.as_mut()).await.is_pending());
            drop(left);
            let next = known(&folder.join("file"), "the next one").await;
            assert_says(&next, "the next one").await;
            let rest = texts.iter().enumerate().filter(|(number, _)| *number != round % 3);
            for (file, (_, text)) in open.iter().zip(rest) {
                assert_says(file, text).await;
            }
        }
    });
}

/// Those that find no slot are read by their descriptors.
#[test]
fn a_full_table_loses_nothing() {
    if !keeps_files() {
        return;
    }
    let folder = Folder::new();
    run(async || {
        let mut open = Vec::new();
        for number in 0..FILES + 3 {
            open.push(known(&folder.join("file"), &format!("file {number}")).await);
            std::fs::remove_file(folder.join("file")).unwrap();
        }
        assert_eq!(files(), FILES);
        for (number, file) in open.iter().enumerate() {
            assert_says(file, &format!("file {number}")).await;
        }
        open.truncate(FILES - 1);
        open.push(known(&folder.join("file"), "the last").await);
        turn().await;
        assert_eq!(files(), FILES);
        assert_says(&open[FILES - 1], "the last").await;
    });
}

/// A process that may have few descriptors gets a table of as many slots.
#[test]
fn a_low_limit_of_descriptors_makes_a_small_table() {
    let name = "registered::a_low_limit_of_descriptors_makes_a_small_table";
    // No other test runs while it starts a process.
    let folder = Folder::new();
    alone(name, || {
        if !keeps_files() {
            return;
        }
        let high = sandbox::limits(libc::RLIMIT_NOFILE).rlim_cur;
        for low in [64, 256] {
            run(async || {
                sandbox::limit(libc::RLIMIT_NOFILE, low as u64);
                let mut open = Vec::new();
                for number in 0..low + 3 {
                    open.push(known(&folder.join("file"), &format!("file {number}")).await);
                    std::fs::remove_file(folder.join("file")).unwrap();
                    // The table stays as it is.
                    sandbox::limit(libc::RLIMIT_NOFILE, high);
                }
                assert_eq!(files(), low);
                for (number, file) in open.iter().enumerate() {
                    assert_says(file, &format!("file {number}")).await;
                }
            });
        }
    });
}

/// A pipe, is waited for: it would keep a slot for long.
#[test]
fn a_pipe_gets_no_slot() {
    let _folder = Folder::new();
    run(async || {
        let (reader, writer) = std::io::pipe().unwrap();
        let (reader, writer) =
            [reader.into(), writer.into()].map(|end: OwnedFd| File::from_std(end.into())).into();
        for _ in 0..2 * OFTEN {
            let (reader, writer): (&File, &File) = (&reader, &writer);
            writer.write("x").await.0.unwrap();
            assert_eq!(reader.read(vec![0; 4]).await.0.unwrap(), 1);
        }
        assert_eq!(files(), 0);
    });
}

// --- memory ------------------------------------------------------------------------------------

#[test]
fn buffers_of_a_pool_are_read_into_and_written_from() {
    let folder = Folder::new();
    let path = folder.join("file");
    run(async || {
        let Some(pool) = registered_pool(2, 5000) else { return };
        assert_eq!((pool.buffer_size(), pools()), (8192, 1));
        let mut text = pool.take().unwrap();
        text.extend_from_slice(&[b'a'; 100]);
        text.extend_from_slice(b"hello, world");
        let file = File::options().read(true).write(true).create(true).open(&path).await.unwrap();
        let (result, text) = file.write_all_at(text, 0).await;
        result.unwrap();
        let (result, part) = file.write_at(text.slice(107..112), 107).await;
        assert_eq!((result.unwrap(), part.as_bytes()), (5, &b"world"[..]));
        let (result, mut back) = file.read_at(pool.take().unwrap(), 95).await;
        assert_eq!((result.unwrap(), &back[..]), (17, &b"aaaaahello, world"[..]));
        back.clear();
        // Behind what is in it; past the end of the file; and with no room.
        back.extend_from_slice(b"say: ");
        let (result, part) = file.read_at(back.slice(5..10), 100).await;
        let back = part.into_inner();
        assert_eq!((result.unwrap(), &back[..]), (5, &b"say: hello"[..]));
        assert_eq!(file.read_at(back.slice(10..), 112).await.0.unwrap(), 0);
        let (result, part) = file.read_at(pool.take().unwrap().slice(..0), 0).await;
        assert_eq!(result.unwrap(), 0);
        drop((part, pool));
        assert_eq!(pools(), 0);
    });
}

/// A pool for which there is no slot, and one whose end comes before its buffers': both serve.
#[test]
fn a_buffer_without_a_slot_is_plain_memory() {
    let folder = Folder::new();
    let path = folder.join("file");
    std::fs::write(&path, "hello").unwrap();
    run(async || {
        let file = &File::open(&path).await.unwrap();
        let assert_reads = async |buffer: FixedBuf| {
            let (result, buffer) = file.read_at(buffer, 0).await;
            assert_eq!((result.unwrap(), &buffer[..]), (5, &b"hello"[..]));
            buffer
        };
        let made: Option<Vec<_>> = (0..POOLS).map(|_| registered_pool(1, 1)).collect();
        let Some(mut made) = made else { return };
        made.push(FixedPool::new(1, 1).unwrap());
        assert!(!made[POOLS].is_registered());
        assert_eq!(pools(), POOLS);
        for pool in &made {
            _ = assert_reads(pool.take().unwrap()).await;
        }
        // Its slot is the next one's, and its buffer is not in that.
        let left = made.remove(3).take().unwrap();
        let left = assert_reads(left).await;
        let next = FixedPool::new(1, 1).unwrap();
        assert!(next.is_registered());
        let left = assert_reads(left).await;
        let taken = assert_reads(next.take().unwrap()).await;
        drop((made, next, left, taken));
        assert_eq!(pools(), 0);
    });
}

/// A buffer that is read into on one core, on another, and without one.
#[test]
fn a_buffer_goes_from_core_to_core() {
    let folder = Folder::new();
    let path = folder.join("file");
    std::fs::write(&path, "hello").unwrap();
    watched(|| {
        let read = async |buffer: FixedBuf| {
            let (result, buffer) = File::open(&path).await.unwrap().read_at(buffer, 0).await;
            assert_eq!((result.unwrap(), &buffer[..]), (5, &b"hello"[..]));
            buffer
        };
        let mut runtime = Runtime::builder().entries(8).build().unwrap();
        let (pool, buffer) = runtime.block_on(async {
            let pool = FixedPool::new(1, 1).unwrap();
            let buffer = read(pool.take().unwrap()).await;
            (pool, buffer)
        });
        let elsewhere = || {
            let mut other = Runtime::builder().entries(8).build().unwrap();
            // In the same slot as the buffer's.
            other.block_on(async {
                let _pool = FixedPool::new(1, 1).unwrap();
                read(buffer).await
            })
        };
        let buffer = std::thread::scope(|scope| scope.spawn(elsewhere).join().unwrap());
        assert!(pool.take().is_none());
        let buffer = runtime.block_on(read(buffer));
        std::thread::scope(|scope| _ = scope.spawn(|| drop(buffer)).join());
        let buffer = pool.take().unwrap();
        assert!(buffer.is_empty());
        // The ring ends, then the pool, then the buffer.
        drop(runtime);
        drop(pool);
        let mut last = Runtime::builder().entries(8).build().unwrap();
        drop(last.block_on(read(buffer)));
    });
}

/// Forgotten, a pool keeps its memory and its slot, and so does a buffer its memory.
#[test]
fn a_forgotten_pool_is_never_freed() {
    let folder = Folder::new();
    let path = folder.join("file");
    std::fs::write(&path, "hello").unwrap();
    run(async || {
        let Some(pool) = registered_pool(2, 1) else { return };
        let (one, forgotten) = (pool.take().unwrap(), pool.take().unwrap());
        std::mem::forget((pool, forgotten));
        let (result, one) = File::open(&path).await.unwrap().read_at(one, 0).await;
        assert_eq!((result.unwrap(), &one[..]), (5, &b"hello"[..]));
        assert_eq!(pools(), 1);
    });
}

/// A direct read that is dropped in flight, and its pool before it or after it: the buffer is back
/// after the disk is done, and the kernel writes to it no more.
#[test]
fn a2_a_buffer_is_back_after_the_disk_is_done() {
    const LENGTH: usize = 2 << 20;
    const POISON: u8 = 0xA5;
    let folder = Folder::new();
    let path = folder.join("file");
    std::fs::write(&path, vec![0x11; LENGTH]).unwrap();
    std::fs::File::open(&path).unwrap().sync_all().unwrap();
    let direct = File::options().read(true).direct(true).clone();
    run(async || {
        let Ok(file) = direct.open(&path).await else {
            return eprintln!("NOT RUN: this file system cannot go past the page cache");
        };
        for _ in 0..30 {
            let pool = FixedPool::new(1, LENGTH).unwrap();
            let mut read = Box::pin(file.read_at(pool.take().unwrap(), 0));
            assert!(support::poll_once(read.as_mut()).await.is_pending());
            turn().await;
            drop(read);
            let mut buffer = loop {
                if let Some(buffer) = pool.take() {
                    break buffer;
                }
                turn().await;
            };
            buffer.extend_from_slice(&vec![POISON; LENGTH]);
            // Ends after what the disk had before.
            let other = AlignedBuf::new(LENGTH, 4096);
            let (result, other) = file.read_at(other, 0).await;
            assert_eq!(result.unwrap(), LENGTH);
            assert!(other.iter().all(|byte| *byte == 0x11));
            assert!(buffer.iter().all(|byte| *byte == POISON), "written after it was back");
            // The pool ends while its buffer is with the disk.
            let read = file.read_at(buffer, 0);
            let mut read = Box::pin(read);
            assert!(support::poll_once(read.as_mut()).await.is_pending());
            turn().await;
            drop(pool);
            let (result, buffer) = read.await;
            assert_eq!(result.unwrap(), LENGTH);
            assert!(buffer.iter().all(|byte| *byte == 0x11));
        }
    });
}
