//! A mount whose server does not answer, as of a network that is gone: what is asked of it waits,
//! and nothing else does. And one that fails.
//!
//! The file system is one in user space (`/dev/fuse`), and its server a thread of the test.

pub(crate) mod server;

use crate::folder::Folder;
use crate::registered::OFTEN;
use crate::support::sandbox::limit;
use crate::support::{assert_balanced, descriptors, poll_counted, poll_once, turn};
use crate::{hostile, run};
use nestling::buf::FixedPool;
use nestling::fs::{self, Dir, File};
use nestling::io::{nursery, send_file, transferred};
use nestling::net::UnixStream;
use nestling::task::{spawn_blocking, yield_now};
use nestling::{Runtime, dump_tree, is_cancelled};
use server::{Conduct, Dead};
use std::cell::Cell;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;
use std::task::Poll;

/// Each of three operations is asked for so often.
const TIMES: usize = 12;
/// So many of them hear of a cancel: those of the ring. Reads are done by threads of the pool,
/// which nothing interrupts.
const HEARING: usize = 2 * TIMES + 1;

/// Has operations wait for the server, while others do not; and calls `then` with those waiting,
/// which a cancel has reached. Returns how many were told of it.
async fn with_waiting(
    dead: &Dead,
    elsewhere: &Path,
    then: impl AsyncFnOnce(&Cell<usize>),
) -> usize {
    let told = &Cell::new(0);
    let tell = |error: io::Error| told.set(told.get() + usize::from(is_cancelled(&error)));
    let file = File::options().read(true).write(true).open(dead.path().join("file")).await;
    let file = &file.unwrap();
    // One that is not begun counts as well: the file is registered.
    (0..OFTEN).for_each(|_| drop(file.write_at("", 0)));
    let pool = &FixedPool::new(1, 10).unwrap();
    nursery(async |n| {
        let waiting = n.spawn(nursery(async |inner| {
            for number in 0..TIMES {
                let path = |kind| dead.path().join(format!("{kind}-{number}"));
                let (looked, opened) = (path("looked-at"), path("opened"));
                inner.spawn(async move {
                    tell(fs::metadata(looked).await.map(drop).unwrap_err());
                    Ok(())
                });
                inner.spawn(async move {
                    tell(File::open(opened).await.map(drop).unwrap_err());
                    Ok(())
                });
                inner.spawn(async move {
                    let ended = match number {
                        // Others would wait for this one, and not for the server.
                        0 => file.write_at(vec![0; 10], 0).await.0,
                        1 => file.readv_at(vec![vec![0; 10]], 0).await.0,
                        2 => file.read_at(pool.take().unwrap(), 0).await.0,
                        _ => file.read_at(vec![0; 10], 0).await.0,
                    };
                    tell(ended.map(drop).unwrap_err());
                    Ok(())
                });
            }
            while dead.holds() < 3 * TIMES {
                yield_now().await;
            }
            others_go_on(elsewhere).await;
            let tree = dump_tree().to_string();
            for name in ["statx", "open", "read", "readv", "write"] {
                assert!(tree.lines().any(|line| line.contains(name)), "{name}: {tree}");
            }
            inner.cancel();
            Ok(())
        }));
        then(told).await;
        others_go_on(elsewhere).await;
        dead.end();
        waiting.await.unwrap();
        Ok(())
    })
    .await
    .unwrap();
    told.get()
}

/// All that a core does with files, of which some takes a thread of the kernel's.
async fn others_go_on(folder: &Path) {
    let (path, renamed) = (folder.join("file"), folder.join("renamed"));
    for number in 0..20 {
        let text = number.to_string();
        fs::replace(&path, text.clone()).await.unwrap();
        assert_eq!(fs::metadata(&path).await.unwrap().len(), text.len() as u64);
        assert_eq!(fs::read_to_string(&path).await.unwrap(), text);
        fs::rename(&path, &renamed).await.unwrap();
        fs::remove_file(&renamed).await.unwrap();
    }
}

/// The server never answers: a cancel can end nothing, but it is told; and only the end of the
/// mount (`umount -f`) is the end of what waits.
#[test]
fn k13_a_dead_mount_does_not_stop_other_files() {
    let name = "dead::k13_a_dead_mount_does_not_stop_other_files";
    hostile::with_mounts(name, "true", |at| {
        let elsewhere = Folder::new();
        run(async || {
            let Some(dead) = Dead::mount(at, Conduct::Silent) else { return };
            let told = with_waiting(&dead, elsewhere.path(), async |told| {
                // The kernel hands the interruptions on to the server, which does not heed them.
                while dead.interrupts() < HEARING {
                    yield_now().await;
                }
                assert_eq!(told.get(), 0);
            });
            assert_eq!(told.await, 0, "they have the errors of the mount's end");
        });
    });
}

/// More reads than the pool has threads, as many of which are dropped.
#[test]
fn k13_a_dead_mount_leaves_threads_for_others() {
    let name = "dead::k13_a_dead_mount_leaves_threads_for_others";
    hostile::with_mounts(name, "true", |at| {
        run(async || {
            let Some(dead) = Dead::mount(at, Conduct::Silent) else { return };
            let file = &File::open(dead.path().join("file")).await.unwrap();
            let result: io::Result<()> = nursery(async |n| {
                for _ in 0..200 {
                    n.spawn(async { drop(file.read_at(vec![0; 10], 0).await) });
                }
                // As many as there are threads for it.
                while dead.holds() < 16 {
                    yield_now().await;
                }
                for _ in 0..100 {
                    let mut dropped = Box::pin(file.read_at(vec![0; 10], 0));
                    assert!(poll_once(dropped.as_mut()).await.is_pending());
                }
                assert_eq!(spawn_blocking(|| 7).await.unwrap(), 7);
                dead.end();
                Ok(())
            })
            .await;
            result.unwrap();
        });
    });
}

/// Where a mount has a server, a look at the file follows an open, and it is not begun any more.
#[test]
fn r05_an_open_that_has_succeeded_is_delivered() {
    let name = "dead::r05_an_open_that_has_succeeded_is_delivered";
    hostile::with_mounts(name, "true", |at| {
        let elsewhere = Folder::new();
        let path = &elsewhere.path().join("made");
        run(async || {
            let Some(mount) = Dead::mount(at, Conduct::Whole) else { return };
            let opened = Cell::new(false);
            let result: io::Result<()> = nursery(async |n| {
                let wakes = Arc::default();
                let mut options = File::options();
                let mut open = Box::pin(options.write(true).create_new(true).open(path));
                assert!(poll_counted(open.as_mut(), &wakes).is_pending());
                while wakes.get() == 0 {
                    turn().await;
                }
                n.cancel();
                let polled = poll_counted(open.as_mut(), &wakes);
                opened.set(matches!(polled, Poll::Ready(Ok(_))));
                Ok(())
            })
            .await;
            result.unwrap();
            assert!(opened.get());
            mount.end();
        });
    });
}

/// Reads that have begun, and that nothing polls any more, are done all the same: another read does
/// not wait for them.
#[test]
fn reads_that_are_not_polled_hold_up_no_other() {
    let name = "dead::reads_that_are_not_polled_hold_up_no_other";
    hostile::with_mounts(name, "true", |at| {
        run(async || {
            let Some(mount) = Dead::mount(at, Conduct::Whole) else { return };
            let file = &File::open(mount.path().join("file")).await.unwrap();
            let mut begun = Vec::new();
            for _ in 0..200 {
                let mut read = Box::pin(file.read_at(vec![0; 10], 0));
                assert!(poll_once(read.as_mut()).await.is_pending());
                begun.push(read);
            }
            file.read_at(vec![0; 10], 0).await.0.unwrap();
            for read in begun {
                read.await.0.unwrap();
            }
            mount.end();
        });
    });
}

/// A read of the file waits for the server, and nothing else does.
pub(crate) async fn assert_waits_alone(dead: &Dead, file: &File, elsewhere: &Path) {
    nursery(async |n| {
        n.spawn(async {
            let error = file.read_at(vec![0; 10], 0).await.0.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted, "{error}");
            Ok(())
        });
        while dead.holds() == 0 {
            yield_now().await;
        }
        others_go_on(elsewhere).await;
        dead.end();
        Ok(())
    })
    .await
    .unwrap();
}

/// As by an automount: the open has begun before there was one.
#[test]
fn k13_a_mount_that_is_made_for_an_open_does_not_stop_the_core() {
    let name = "dead::k13_a_mount_that_is_made_for_an_open_does_not_stop_the_core";
    hostile::with_mounts(name, "true", |at| {
        let elsewhere = Folder::new();
        run(async || {
            others_go_on(elsewhere.path()).await;
            let mut open = Box::pin(File::open(at.join("file")));
            assert!(poll_once(open.as_mut()).await.is_pending());
            // The kernel has the open at the end of this turn, and not before.
            let Some(dead) = Dead::mount(at, Conduct::Silent) else { return drop(open.await) };
            assert_waits_alone(&dead, &open.await.unwrap(), elsewhere.path()).await;
        });
    });
}

#[test]
fn k13_a_file_that_comes_before_its_core_does_not_stop_it() {
    let name = "dead::k13_a_file_that_comes_before_its_core_does_not_stop_it";
    hostile::with_mounts(name, "true", |at| {
        let elsewhere = Folder::new();
        let Some(dead) = Dead::mount(at, Conduct::Silent) else { return };
        let file = File::from_std(std::fs::File::open(at.join("file")).unwrap());
        run(async || assert_waits_alone(&dead, &file, elsewhere.path()).await);
    });
}

/// With no descriptor left for it: then each mount is taken for one with a server.
#[test]
fn k13_a_look_at_the_mounts_that_fails_does_not_stop_the_core() {
    let name = "dead::k13_a_look_at_the_mounts_that_fails_does_not_stop_the_core";
    hostile::with_mounts(name, "true", |at| {
        let elsewhere = Folder::new();
        run(async || {
            let Some(dead) = Dead::mount(at, Conduct::Silent) else { return };
            let file = std::fs::File::open(at.join("file")).unwrap();
            let hard = limit(libc::RLIMIT_NOFILE, 0);
            let file = File::from_std(file);
            limit(libc::RLIMIT_NOFILE, hard);
            assert_waits_alone(&dead, &file, elsewhere.path()).await;
        });
    });
}

/// No list has its mount: so it may have a server.
#[test]
fn k13_a_file_of_a_mount_in_no_list_does_not_stop_the_core() {
    let name = "dead::k13_a_file_of_a_mount_in_no_list_does_not_stop_the_core";
    hostile::with_mounts(name, "true", |at| {
        let elsewhere = Folder::new();
        run(async || {
            let Some(dead) = Dead::mount(at, Conduct::Silent) else { return };
            let tree = dead.detach();
            others_go_on(elsewhere.path()).await;
            let path = format!("/proc/self/fd/{}/file", tree.as_raw_fd());
            let file = File::from_std(std::fs::File::open(path).unwrap());
            dead.attach(&tree);
            assert_waits_alone(&dead, &file, elsewhere.path()).await;
        });
    });
}

/// The path leads there over a link of `/proc`, which no cache has, or from a directory that is
/// there. So neither is opened on the spot, as what is cached.
#[test]
fn k13_an_open_on_a_mount_in_no_list_does_not_stop_the_core() {
    let name = "dead::k13_an_open_on_a_mount_in_no_list_does_not_stop_the_core";
    hostile::with_mounts(name, "true", |at| {
        let elsewhere = Folder::new();
        run(async || {
            let Some(dead) = Dead::mount(at, Conduct::Mute) else { return };
            let tree = dead.detach();
            others_go_on(elsewhere.path()).await;
            let path = format!("/proc/self/fd/{}", tree.as_raw_fd());
            let root = Dir::open(&path).await.unwrap();
            // Looked up once, the names are in the caches.
            std::fs::symlink_metadata(format!("{path}/file")).unwrap();
            nursery(async |n| {
                n.spawn(async {
                    let error = File::open(format!("{path}/file")).await.unwrap_err();
                    assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted, "{error}");
                    Ok(())
                });
                n.spawn(async {
                    let error = root.open_file("file").await.unwrap_err();
                    assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted, "{error}");
                    Ok(())
                });
                while dead.holds() < 2 {
                    yield_now().await;
                }
                others_go_on(elsewhere.path()).await;
                dead.attach(&tree);
                dead.end();
                Ok(())
            })
            .await
            .unwrap();
        });
    });
}

/// Writes to one file come one after the other: the kernel has the second one in a line when the
/// pool ends.
#[test]
fn a_buffer_that_waits_for_a_mount_outlives_its_pool() {
    let name = "dead::a_buffer_that_waits_for_a_mount_outlives_its_pool";
    hostile::with_mounts(name, "true", |at| {
        run(async || {
            let Some(dead) = Dead::mount(at, Conduct::Late) else { return };
            let file = File::options().write(true).open(at.join("file")).await.unwrap();
            let pool = FixedPool::new(1, 10).unwrap();
            let mut buffer = pool.take().unwrap();
            buffer.extend_from_slice(b"text");
            let mut first = Box::pin(file.write_at("first", 0));
            assert!(poll_once(first.as_mut()).await.is_pending());
            while dead.holds() == 0 {
                yield_now().await;
            }
            let mut second = Box::pin(file.write_at(buffer, 0));
            assert!(poll_once(second.as_mut()).await.is_pending());
            turn().await;
            drop(pool);
            // The kernel interrupts the server, which answers then.
            drop(first);
            while dead.holds() == 1 {
                let ended = poll_once(second.as_mut()).await;
                assert!(ended.is_pending(), "{ended:?}");
                turn().await;
            }
            dead.end();
            let error = second.await.0.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted, "{error}");
        });
    });
}

/// The kernel has the name in its cache, and so opens at once, for which it asks the server.
#[test]
fn k13_an_open_of_a_known_name_on_a_dead_mount_does_not_stop_the_core() {
    let name = "dead::k13_an_open_of_a_known_name_on_a_dead_mount_does_not_stop_the_core";
    hostile::with_mounts(name, "true", |at| {
        let elsewhere = Folder::new();
        run(async || {
            // The core has opened files before the mount is made.
            others_go_on(elsewhere.path()).await;
            let Some(dead) = Dead::mount(at, Conduct::Mute) else { return };
            let path = &dead.path().join("file");
            assert!(fs::metadata(path).await.unwrap().is_file());
            let dir = &Dir::open(dead.path().parent().unwrap()).await.unwrap();
            let below = &Path::new(dead.path().file_name().unwrap()).join("file");
            let told = Cell::new(0);
            let tell = &|error: io::Error| {
                assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted, "{error}");
                told.set(told.get() + 1);
                Ok(())
            };
            nursery(async |n| {
                n.spawn(async { tell(File::open(path).await.map(drop).unwrap_err()) });
                n.spawn(async { tell(fs::read(path).await.map(drop).unwrap_err()) });
                n.spawn(async { tell(dir.open_file(below).await.map(drop).unwrap_err()) });
                while dead.holds() < 3 {
                    yield_now().await;
                }
                others_go_on(elsewhere.path()).await;
                dead.end();
                Ok(())
            })
            .await
            .unwrap();
            assert_eq!(told.get(), 3);
        });
    });
}

/// A thread of the pool waits for the server; the mount's end is the end of that.
#[test]
fn k13_a_file_that_is_sent_from_a_dead_mount_does_not_stop_the_core() {
    let name = "dead::k13_a_file_that_is_sent_from_a_dead_mount_does_not_stop_the_core";
    hostile::with_mounts(name, "true", |at| {
        let (elsewhere, before) = (Folder::new(), descriptors());
        // Not by `run`: the core keeps an empty pipe for the next file, until its end.
        let mut runtime = Runtime::builder().entries(8).build().unwrap();
        runtime.block_on(async {
            let Some(dead) = Dead::mount(at, Conduct::Silent) else { return };
            let file = &File::open(dead.path().join("file")).await.unwrap();
            let (sink, _receiver) = UnixStream::pair().unwrap();
            let sink = &sink;
            let told = &Cell::new(None);
            nursery(async |n| {
                n.spawn(async {
                    told.set(send_file(file, 0..1 << 20, &mut &*sink).await.err());
                    Ok(())
                });
                while dead.holds() < 1 {
                    yield_now().await;
                }
                others_go_on(elsewhere.path()).await;
                let tree = dump_tree().to_string();
                assert!(tree.lines().any(|line| line.contains("read")), "{tree}");
                n.cancel();
                dead.end();
                Ok(())
            })
            .await
            .unwrap();
            let error = told.take().unwrap();
            assert_eq!(transferred(&error), Some(0));
            assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted, "{error}");
        });
        assert_balanced(&runtime);
        drop(runtime);
        assert_eq!(descriptors(), before);
    });
}

/// The server heeds interruptions: a cancel ends all that waits by the ring.
#[test]
fn k13_a_cancel_reaches_what_waits_for_a_mount() {
    let name = "dead::k13_a_cancel_reaches_what_waits_for_a_mount";
    hostile::with_mounts(name, "true", |at| {
        let elsewhere = Folder::new();
        run(async || {
            let Some(dead) = Dead::mount(at, Conduct::Heeds) else { return };
            let told = with_waiting(&dead, elsewhere.path(), async |told| {
                while told.get() < HEARING {
                    yield_now().await;
                }
            });
            assert_eq!(told.await, HEARING, "the others have the errors of the mount's end");
        });
    });
}

/// A disk that is broken (`EIO`): reads, writes and syncs say so, and give their buffers back.
#[test]
fn a_disk_that_fails_says_so() {
    let name = "dead::a_disk_that_fails_says_so";
    hostile::with_mounts(name, "true", |at| {
        run(async || {
            let Some(disk) = Dead::mount(at, Conduct::Fails) else { return };
            let path = disk.path().join("file");
            let file = File::options().read(true).write(true).open(&path).await.unwrap();
            let (read, buffer) = file.read_exact_at(vec![7; 10], 0).await;
            assert_eq!(buffer, [7; 10]);
            let (written, buffer) = file.write_all_at("text", 0).await;
            assert_eq!(buffer, "text");
            for error in [read.unwrap_err(), written.unwrap_err()] {
                assert_eq!(transferred(&error), Some(0));
                assert!(error.to_string().contains("Input/output error"), "{error}");
            }
            assert_eq!(file.sync_all().await.unwrap_err().raw_os_error(), Some(libc::EIO));
            let error = fs::read(&path).await.unwrap_err();
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        });
    });
}
