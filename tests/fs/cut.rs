//! What is left of operations that are cancelled or dropped on their way, or raced.

use crate::folder::Folder;
use crate::waiting::fifo;
use crate::{run, support};
use nestling::fs::{self, File};
use nestling::io::{nursery, transferred};
use nestling::task::yield_now;
use nestling::{is_cancelled, time::sleep, timeout};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io::{self, Write};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

/// Drops futures after each number of polls, until one has ended by itself.
async fn drop_at_each_step<T, F: Future<Output = T>>(mut make: impl FnMut() -> F) -> T {
    for polls in 1.. {
        let mut future = Box::pin(make());
        for _ in 0..polls {
            if let Poll::Ready(ended) = support::poll_once(future.as_mut()).await {
                return ended;
            }
            // A turn of the loop: what is submitted enters the kernel, and may be answered.
            support::turn().await;
        }
        drop(future);
    }
    unreachable!("it has ended by itself")
}

/// The descriptor that an open makes for a future which is gone is closed. `run` counts them.
#[test]
fn b2_what_a_dropped_open_makes_is_closed() {
    let folder = Folder::new();
    let path = folder.join("file");
    run(async || {
        for _ in 0..50 {
            drop_at_each_step(|| File::create(&path)).await.unwrap();
            drop_at_each_step(|| File::open(&path)).await.unwrap();
            drop_at_each_step(|| fs::Dir::open(folder.path())).await.unwrap();
        }
        // Before it has been polled twice, so that the kernel has made it or not. What is only
        // opened may have been opened on the spot.
        let mut made = File::options();
        made.write(true).create(true);
        for _ in 0..500 {
            let mut open = Box::pin(made.open(&path));
            assert!(support::poll_once(open.as_mut()).await.is_pending());
        }
    });
}

/// The same for directories and lists, which have threads and descriptors of their own.
#[test]
fn b2_what_dropped_listings_have_open_is_closed() {
    let folder = Folder::new();
    for number in 0..600 {
        std::fs::write(folder.join(&format!("{number}")), "").unwrap();
    }
    run(async || {
        let root = fs::Dir::open(folder.path()).await.unwrap();
        for _ in 0..20 {
            let list = async || {
                let mut entries = root.read_dir(".").await?;
                let mut count = 0;
                while entries.next_entry().await?.is_some() {
                    count += 1;
                }
                io::Result::Ok(count)
            };
            assert_eq!(drop_at_each_step(list).await.unwrap(), 600);
        }
    });
}

/// Wherever a replacement is dropped, the old bytes or the new ones are there, and nothing else.
#[test]
fn a_dropped_replacement_leaves_the_old_or_the_new_bytes() {
    let folder = Folder::new();
    let path = folder.join("file");
    std::fs::write(&path, "old").unwrap();
    for round in 0..10 {
        let new = if round % 2 == 0 { "new" } else { "old" };
        run(async || drop_at_each_step(|| fs::replace(&path, new)).await.unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), new);
        assert_eq!(folder.names(), ["file"]);
        // Given up at the first, second, ... step, without the end.
        for polls in 1..12 {
            run(async || {
                let mut replacing = Box::pin(fs::replace(&path, "other"));
                for _ in 0..polls {
                    if support::poll_once(replacing.as_mut()).await.is_ready() {
                        return;
                    }
                    support::turn().await;
                }
            });
            let read = std::fs::read_to_string(&path).unwrap();
            assert!([new, "other"].contains(&&read[..]), "{read:?}");
            assert_eq!(folder.names(), ["file"], "after {polls} polls");
        }
    }
}

/// A temporary directory that is there when its future is dropped is removed.
#[test]
fn b2_a_temporary_directory_that_is_made_too_late_is_removed() {
    let folder = Folder::new();
    run(async || {
        for round in 0..20 {
            nursery(async |_| {
                let mut making = Box::pin(fs::TempDir::new_in(folder.path()));
                assert!(support::poll_once(making.as_mut()).await.is_pending());
                while round % 2 == 0 && folder.names().is_empty() {
                    yield_now().await;
                }
                Ok(())
            })
            .await
            .unwrap();
            assert!(folder.names().is_empty(), "round {round}");
        }
    });
}

/// A cancelled read gives its buffer back, with the bytes that were in it, and says how far it
/// came.
#[test]
fn a_cancelled_read_gives_its_buffer_back() {
    let folder = Folder::new();
    run(async || {
        let path = fifo(&folder, "empty");
        let mut both = std::fs::OpenOptions::new();
        let mut other = both.read(true).write(true).open(&path).unwrap();
        let pipe = File::open(&path).await.unwrap();
        other.write_all(b"123").unwrap();
        let back = RefCell::new(None);
        nursery(async |n| {
            n.spawn(async {
                let (result, buffer) = pipe.read_exact_at(vec![7; 8], 0).await;
                *back.borrow_mut() = Some(buffer);
                result
            });
            let mut left = other.try_clone()?;
            while !is_empty(&mut left) {
                yield_now().await;
            }
            // The answer to the first read has come by the end of one turn, and the second read is
            // with the kernel by the end of another.
            support::turn().await;
            support::turn().await;
            n.cancel();
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(back.take().unwrap(), b"123\x07\x07\x07\x07\x07");
        let read = timeout(Duration::from_millis(1), pipe.read_exact_at(vec![0; 8], 0));
        let (result, _) = read.await.expect("the read was told, and answers");
        let error = result.unwrap_err();
        assert!(is_cancelled(&error), "{error}");
        assert_eq!((error.kind(), transferred(&error)), (io::ErrorKind::TimedOut, Some(0)));
    });
}

/// Whether nothing is in a pipe.
fn is_empty(pipe: &mut std::fs::File) -> bool {
    use std::os::fd::AsFd;
    let mut poll = [polled(pipe.as_fd())];
    poll_now(&mut poll) == 0
}

fn polled(fd: std::os::fd::BorrowedFd<'_>) -> libc::pollfd {
    use std::os::fd::AsRawFd;
    libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 }
}

#[expect(unsafe_code, reason = "no crate that is used here looks into a pipe")]
fn poll_now(poll: &mut [libc::pollfd; 1]) -> i32 {
    // SAFETY: one structure is there, to be read and written.
    unsafe { libc::poll(poll.as_mut_ptr(), 1, 0) }
}

/// Everything at once, cancelled at random moments: what raced its cancel is there or not, and
/// whole. Each success that was told is true.
#[test]
fn what_races_its_cancel_has_happened_or_not() {
    let folder = Folder::new();
    run(async || {
        for round in 0..100_u32 {
            let made = RefCell::new(Vec::new());
            nursery(async |n| {
                for number in 0..10 {
                    let (path, made) = (folder.join(&format!("{round}-{number}")), &made);
                    n.spawn(async move {
                        fs::create_dir(&path).await?;
                        made.borrow_mut().push(path.clone());
                        let inner = path.join("inner");
                        fs::write(&inner, "all of it").await?;
                        let renamed = path.join("renamed");
                        fs::rename(&inner, &renamed).await?;
                        assert_eq!(std::fs::read(&renamed)?, b"all of it");
                        fs::remove_file(&renamed).await?;
                        assert!(!std::fs::exists(&renamed)?);
                        io::Result::Ok(())
                    });
                }
                sleep(Duration::from_micros(u64::from(round) * 20)).await;
                n.cancel();
                Ok(())
            })
            .await
            .unwrap();
            for path in made.take() {
                assert!(path.is_dir(), "{path:?} was made");
            }
        }
    });
}

/// A future in flight is dropped with its file: the number is not given to anything else before the
/// kernel is done with the write.
#[test]
fn b9_a_write_goes_to_its_own_file() {
    let folder = Folder::new();
    run(async || {
        for round in 0..200 {
            let first = File::create(folder.join("first")).await.unwrap();
            let mut write: Pin<Box<dyn Future<Output = _>>> =
                Box::pin(async move { first.write_all_at(vec![1; 4096], 0).await });
            assert!(support::poll_once(write.as_mut()).await.is_pending());
            drop(write);
            let second = folder.join("second");
            std::fs::write(&second, "untouched").unwrap();
            support::turn().await;
            assert_eq!(std::fs::read(&second).unwrap(), b"untouched", "round {round}");
        }
    });
}

/// Cancelled at each of its awaits, also where the temporary file is removed.
#[test]
fn a_replacement_that_fails_leaves_no_temporary_name() {
    let folder = Folder::new();
    let path = &folder.join("directory");
    std::fs::create_dir(path).unwrap();
    for polls in 1.. {
        let left = Cell::new(polls);
        let stops = &|polled: &Poll<_>| left.replace(left.get() - 1) == 1 && polled.is_pending();
        run(async || {
            nursery(async |n| {
                let canceller = n.canceller();
                n.spawn(async move {
                    let mut replacing = pin!(fs::replace(path, "bytes"));
                    let ended = poll_fn(|cx| {
                        let polled = replacing.as_mut().poll(cx);
                        if stops(&polled) {
                            canceller.cancel();
                        }
                        polled
                    });
                    let error = ended.await.unwrap_err();
                    let is_known = error.to_string().contains("Is a directory");
                    assert!(is_known || is_cancelled(&error), "{error}");
                    Ok(())
                });
                Ok(())
            })
            .await
            .unwrap();
        });
        assert_eq!(folder.names(), ["directory"], "cancelled at poll {polls}");
        if left.get() > 0 {
            return assert!(polls > 5, "it was cancelled at each step");
        }
    }
}

/// What is in the kernel's caches is opened and read on the spot, and by no operation: a cancelled
/// task ends there all the same.
#[test]
fn r06_what_is_at_hand_is_not_opened_in_a_cancelled_task() {
    let folder = Folder::new();
    let path = &folder.join("file");
    std::fs::write(path, "text").unwrap();
    run(async || {
        let open = File::open(path).await.unwrap();
        let before = support::descriptors();
        ends_in(File::open(path)).await;
        ends_in(fs::read(path)).await;
        assert_eq!(support::descriptors(), before);
        ends_in(open.close()).await;
        assert_eq!(support::descriptors().len(), before.len() - 1, "it is closed all the same");
    });
}

/// A task that is cancelled before ends there.
async fn ends_in<T>(work: impl Future<Output = T>) {
    let ended: io::Result<()> = nursery(async |n| {
        n.spawn(async move {
            n.cancel();
            work.await;
            panic!("a drop point");
        });
        Ok(())
    })
    .await;
    ended.unwrap();
}
