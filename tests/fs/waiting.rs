//! What waits for someone: FIFOs, full pipes, locks. None of it keeps the core from other files,
//! and a cancel ends all of it.

use crate::folder::Folder;
use crate::{run, support};
use nestling::fs::{self, File};
use nestling::io::nursery;
use nestling::task::yield_now;
use nestling::{dump_tree, is_cancelled};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;

/// Makes a FIFO. Inside of what counts descriptors: to start a process takes some.
pub(crate) fn fifo(folder: &Folder, name: &str) -> PathBuf {
    let path = folder.join(name);
    let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo can be run");
    assert!(made.success());
    path
}

async fn open_to_read(path: &Path) -> std::io::Result<File> {
    File::open(path).await
}

async fn open_to_write(path: &Path) -> std::io::Result<File> {
    File::options().write(true).open(path).await
}

/// The kernel's threads for this one that wait for the other end of a FIFO, as the kernel says.
fn workers_that_wait() -> usize {
    let this = support::thread_id();
    let threads = std::fs::read_dir("/proc/self/task").expect("/proc is mounted");
    let waits = |thread: &std::fs::DirEntry| {
        // One that has ended meanwhile waits no more.
        let read = |name| std::fs::read_to_string(thread.path().join(name)).unwrap_or_default();
        read("comm").trim() == format!("iou-wrk-{this}") && read("wchan") == "wait_for_partner"
    };
    threads.filter_map(Result::ok).filter(waits).count()
}

/// A thousand opens of FIFOs whose other ends are missing. A cancel ends them all, and leaves no
/// descriptor.
#[test]
fn k13_a_thousand_waiting_opens_do_not_stop_other_files() {
    let folder = Folder::new();
    run(async || {
        let (unwritten, unread) = (fifo(&folder, "unwritten"), fifo(&folder, "unread"));
        let count = std::cell::Cell::new(0);
        nursery(async |n| {
            for number in 0..1000 {
                let (path, count) = (if number % 4 == 0 { &unwritten } else { &unread }, &count);
                n.spawn(async move {
                    let opened = match number % 4 {
                        0 => open_to_read(path).await,
                        _ => open_to_write(path).await,
                    };
                    let error = opened.expect_err("nothing is at the other end");
                    assert!(is_cancelled(&error), "{error}");
                    count.set(count.get() + 1);
                    Err::<(), _>(error)
                });
            }
            // As many as may wait in the kernel do so; and the others' first looks have ended.
            while workers_that_wait() < 32 {
                yield_now().await;
            }
            let path = folder.join("file");
            for number in 0..100 {
                fs::write(&path, format!("{number}")).await?;
                assert!(fs::metadata(&path).await?.is_file());
                assert_eq!(fs::read_to_string(&path).await?, format!("{number}"));
                fs::rename(&path, folder.join("renamed")).await?;
                fs::remove_file(folder.join("renamed")).await?;
            }
            assert_eq!(workers_that_wait(), 32, "no more than half of the workers");
            let tree = dump_tree().to_string();
            assert!(tree.contains("1000 children") && tree.contains("open, which may"), "{tree}");
            n.cancel();
            Ok(())
        })
        .await
        .unwrap();
        assert!(count.get() >= 32, "those in the kernel were told: {}", count.get());
        assert_eq!(workers_that_wait(), 0, "the kernel is done with them all");
    });
}

/// The other end comes for an open that is still in line: that one does not wait for those before.
#[test]
fn k13_an_open_in_line_is_served_when_its_reader_comes() {
    let folder = Folder::new();
    run(async || {
        let (unread, read) = (fifo(&folder, "unread"), fifo(&folder, "read"));
        nursery(async |n| {
            n.spawn(nursery(async |n| {
                for _ in 0..32 {
                    n.spawn(async { open_to_write(&unread).await.map(drop) });
                }
                Ok(())
            }));
            while workers_that_wait() < 32 {
                yield_now().await;
            }
            let path = read.clone();
            let last = n.spawn_named("last", async move {
                let writer = open_to_write(&path).await?;
                writer.write_all_at("served", 0).await.0?;
                writer.close().await
            });
            // It is in line when all that it still waits for is to look again.
            let is_in_line = |line: &str| line.contains("last") && line.contains("a timer");
            while !dump_tree().to_string().lines().any(is_in_line) {
                yield_now().await;
            }
            let reader = thread::spawn(move || std::fs::read_to_string(&read).unwrap());
            last.await.unwrap();
            assert_eq!(reader.join().unwrap(), "served");
            assert_eq!(workers_that_wait(), 32);
            n.cancel();
            Ok(())
        })
        .await
        .unwrap();
    });
}

/// An open of a FIFO ends when the other end is opened, as it does with std.
#[test]
fn a_fifo_is_open_when_both_ends_are() {
    let folder = Folder::new();
    run(async || {
        let path = fifo(&folder, "fifo");
        let (go, wait) = mpsc::channel();
        let peer = {
            let path = path.clone();
            thread::spawn(move || {
                wait.recv().unwrap();
                let mut writer = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
                // Nothing is written before the reader has opened.
                wait.recv().unwrap();
                writer.write_all(b"hello").unwrap();
                drop(writer);
                let mut read = String::new();
                std::fs::File::open(&path).unwrap().read_to_string(&mut read).unwrap();
                read
            })
        };
        let mut open = Box::pin(open_to_read(&path));
        for _ in 0..100 {
            assert!(support::poll_once(open.as_mut()).await.is_pending());
            yield_now().await;
        }
        go.send(()).unwrap();
        let reader = open.await.unwrap();
        go.send(()).unwrap();
        let (result, buffer) = reader.read_exact_at(vec![0; 5], 0).await;
        result.unwrap();
        assert_eq!(buffer, b"hello");
        let (result, _) = reader.read_at(vec![0; 5], 0).await;
        assert_eq!(result.unwrap(), 0, "the writer has gone");
        drop(reader);
        let writer = open_to_write(&path).await.unwrap();
        writer.write_all_at("good bye", 0).await.0.unwrap();
        writer.close().await.unwrap();
        assert_eq!(peer.join().unwrap(), "good bye");
    });
}

/// A writer that comes, writes and goes while the reader is on its way: the reader does not wait
/// for another one, and nothing of the bytes is lost.
#[test]
fn a_writer_that_has_gone_already_is_noticed() {
    let folder = Folder::new();
    run(async || {
        let path = fifo(&folder, "quick");
        for round in 0..200 {
            let text = if round % 2 == 0 { format!("{round}") } else { String::new() };
            let (peer_path, sent) = (path.clone(), text.clone());
            let peer = thread::spawn(move || std::fs::write(peer_path, sent).unwrap());
            let reader = open_to_read(&path).await.unwrap();
            let (result, read) = reader.read_to_end(Vec::new(), 0).await;
            result.unwrap();
            assert_eq!(read, text.as_bytes());
            peer.join().unwrap();
            // The next writer must not meet this reader.
            reader.close().await.unwrap();
        }
    });
}

/// Writes to a pipe that is full, and reads from an empty one, wait without a thread.
#[test]
fn k13_a_full_pipe_does_not_stop_other_files() {
    let folder = Folder::new();
    run(async || {
        let (full, empty) = (fifo(&folder, "full"), fifo(&folder, "empty"));
        let mut both = std::fs::OpenOptions::new();
        both.read(true).write(true).custom_flags(libc::O_NONBLOCK);
        let (mut ours, _other) = (both.open(&full).unwrap(), both.open(&empty).unwrap());
        while ours.write(&[0; 4096]).is_ok() {}
        let full = open_to_write(&full).await.unwrap();
        let empty = open_to_read(&empty).await.unwrap();
        nursery(async |n| {
            for _ in 0..200 {
                n.spawn(async { full.write_all_at(vec![1; 100_000], 0).await.0 });
                n.spawn(async { empty.read_exact_at(vec![1; 1], 0).await.0 });
            }
            yield_now().await;
            for _ in 0..100 {
                fs::write(folder.join("file"), "x").await?;
                assert_eq!(fs::metadata(folder.join("file")).await?.len(), 1);
            }
            assert_eq!(n.len(), 400);
            n.cancel();
            Ok(())
        })
        .await
        .unwrap();
    });
}

/// Locks are waited for without a thread: more of them than the pool has do not stop what needs it.
#[test]
fn j3_locks_that_are_waited_for_do_not_stop_the_pool() {
    let folder = Folder::new();
    let path = folder.join("lock");
    run(async || {
        let holder = File::create(&path).await.unwrap();
        holder.lock().await.unwrap();
        nursery(async |n| {
            for _ in 0..200 {
                n.spawn(async {
                    let file = File::open(&path).await?;
                    file.lock().await?;
                    panic!("it is held");
                    #[allow(unreachable_code, reason = "the type of the child")]
                    Ok(())
                });
            }
            for _ in 0..20 {
                assert_eq!(fs::canonicalize(&path).await?, std::fs::canonicalize(&path)?);
            }
            n.cancel();
            Ok(())
        })
        .await
        .unwrap();
        holder.unlock().await.unwrap();
        let other = std::fs::File::open(&path).unwrap();
        assert!(File::from_std(other).try_lock().await.unwrap(), "nobody has it any more");
    });
}

/// A lock that a thread takes for a future which is gone is given back.
#[test]
fn b2_a_lock_that_is_taken_too_late_is_given_back() {
    let folder = Folder::new();
    let path = folder.join("lock");
    run(async || {
        let ours = File::create(&path).await.unwrap();
        let theirs = File::create(&path).await.unwrap();
        for round in 0..200 {
            nursery(async |_| {
                let mut taking = Box::pin(ours.try_lock());
                assert!(support::poll_once(taking.as_mut()).await.is_pending());
                Ok(())
            })
            .await
            .unwrap();
            assert!(theirs.try_lock().await.unwrap(), "round {round}");
            theirs.unlock().await.unwrap();
        }
    });
}

/// A file has one lock: the attempt to have the other kind gives it up, whatever comes of that.
#[test]
fn a_lock_of_the_other_kind_takes_the_place_of_the_old_one() {
    let folder = Folder::new();
    let path = folder.join("lock");
    run(async || {
        let open = async || File::create(&path).await.unwrap();
        let (ours, theirs) = (open().await, open().await);
        let is_free = async || {
            let taken = theirs.try_lock().await.unwrap();
            theirs.unlock().await.unwrap();
            taken
        };
        // It is not to be had.
        assert!(ours.try_lock_shared().await.unwrap() && theirs.try_lock_shared().await.unwrap());
        assert!(!ours.try_lock().await.unwrap());
        assert!(is_free().await);
        // It is, but for a future that is gone: then the other kind was never had, or is not any
        // more.
        assert!(ours.try_lock_shared().await.unwrap());
        nursery(async |_| {
            let mut taking = Box::pin(ours.try_lock());
            assert!(support::poll_once(taking.as_mut()).await.is_pending());
            Ok(())
        })
        .await
        .unwrap();
        assert!(theirs.try_lock_shared().await.unwrap());
        theirs.unlock().await.unwrap();
        // And from one to the other, and back.
        ours.lock_shared().await.unwrap();
        ours.lock().await.unwrap();
        assert!(!theirs.try_lock_shared().await.unwrap());
        ours.lock_shared().await.unwrap();
        assert!(theirs.try_lock_shared().await.unwrap());
    });
}

/// Shared locks stand beside each other, an exclusive one alone; a lock ends with its file.
#[test]
fn locks_exclude_each_other() {
    let folder = Folder::new();
    let path = folder.join("lock");
    run(async || {
        let open = async || File::create(&path).await.unwrap();
        let (one, two, three) = (open().await, open().await, open().await);
        assert!(one.try_lock_shared().await.unwrap() && two.try_lock_shared().await.unwrap());
        assert!(!three.try_lock().await.unwrap());
        one.unlock().await.unwrap();
        two.close().await.unwrap();
        three.lock().await.unwrap();
        assert!(!one.try_lock_shared().await.unwrap());
        drop(three);
        one.lock_shared().await.unwrap();
    });
}
