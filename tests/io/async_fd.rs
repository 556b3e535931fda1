//! Descriptors of any kind: event counters, pipes, timers and a library's sockets.
//!
//! | | `readable`, `writable` | `async_io`, `try_io` | `poll_…` |
//! |---|---|---|---|
//! | success | `an_event_…`, `a_pipe_…` | `a_pipe_…`, `a_timer_…` | `a_poll_…` |
//! | error | `a_file_…` | `errors_…` | as `readable` |
//! | cancelled in flight | `r06_…` | `r06_…` | `r06_…` |
//! | dropped, raced | `b1_…` | takes nothing by itself | `b1_…` |

use crate::run;
use crate::support::{Count, again, descriptors, poll_counted, poll_once, turn, until_woken};
use nestling::io::{AsyncFd, Interest, nursery};
use nestling::is_cancelled;
use std::cell::RefCell;
use std::fs::File;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::Arc;

fn event() -> File {
    // SAFETY: it takes two numbers.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) };
    assert!(fd >= 0);
    // SAFETY: the descriptor is new, and owned here.
    File::from(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A timer that goes off at once.
fn timer() -> File {
    // SAFETY: it takes two numbers.
    let fd = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC) };
    assert!(fd >= 0);
    let at = libc::timespec { tv_sec: 0, tv_nsec: 1 };
    let when =
        libc::itimerspec { it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 }, it_value: at };
    // SAFETY: the structure is read, and nothing is written.
    let set = unsafe { libc::timerfd_settime(fd, 0, &raw const when, std::ptr::null_mut()) };
    assert_eq!(set, 0);
    // SAFETY: the descriptor is new, and owned here.
    File::from(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The counter blocks: what is read was ready.
fn take(mut from: &File) -> io::Result<u64> {
    let mut value = [0; 8];
    from.read_exact(&mut value)?;
    Ok(u64::from_ne_bytes(value))
}

#[test]
fn an_event_counter_is_waited_for() {
    run(async || {
        let event = AsyncFd::new(event()).unwrap();
        event.writable().await.unwrap();
        let error = event.try_io(Interest::Readable, take).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "it would have blocked the core");
        let count = Arc::new(Count::default());
        let mut ready = Box::pin(event.readable());
        assert!(poll_counted(ready.as_mut(), &count).is_pending());
        turn().await;
        assert_eq!(count.get(), 0);
        let mut from_outside = event.get_ref().try_clone().unwrap();
        std::thread::spawn(move || from_outside.write_all(&5_u64.to_ne_bytes()).unwrap());
        until_woken(&count).await;
        ready.await.unwrap();
        event.readable().await.unwrap();
        assert_eq!(event.try_io(Interest::Readable, take).unwrap(), 5);
        assert!(event.try_io(Interest::Readable, take).is_err());
    });
}

#[test]
fn a_timer_goes_off() {
    run(async || {
        let timer = AsyncFd::new(timer()).unwrap();
        assert_eq!(timer.async_io(Interest::Readable, take).await.unwrap(), 1);
    });
}

/// Both ends, a mode in which it says that it would block, and 1 MiB through 64 KiB.
#[test]
fn a_pipe_is_read_and_written() {
    run(async || {
        let (reader, writer) = UnixStream::pair().unwrap();
        reader.set_nonblocking(true).unwrap();
        writer.set_nonblocking(true).unwrap();
        let (reader, writer) = (AsyncFd::new(reader).unwrap(), AsyncFd::new(writer).unwrap());
        let sent = Vec::from_iter((0..1 << 20).map(|at: u32| (at % 251) as u8));
        nursery(async |n| {
            n.spawn(async {
                let mut left = &sent[..];
                while !left.is_empty() {
                    let write = |mut to: &UnixStream| to.write(left);
                    left = &left[writer.async_io(Interest::Writable, write).await?..];
                }
                writer.get_ref().shutdown(std::net::Shutdown::Write)
            });
            let (mut all, mut part) = (Vec::new(), [0; 4099]);
            loop {
                let read = |mut from: &UnixStream| from.read(&mut part);
                match reader.async_io(Interest::Readable, read).await? {
                    0 => break,
                    length => all.extend_from_slice(&part[..length]),
                }
            }
            assert!(all == sent);
            Ok(())
        })
        .await
        .unwrap();
    });
}

#[test]
fn errors_of_the_attempt_come_out() {
    run(async || {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let ours = AsyncFd::new(ours).unwrap();
        drop(theirs);
        ours.readable().await.unwrap();
        let mut tries = 0;
        let result = ours.async_io(Interest::Writable, |mut to| {
            tries += 1;
            // Once, as if another task had been faster.
            if tries == 1 { Err(ErrorKind::WouldBlock.into()) } else { to.write(b"x") }
        });
        assert_eq!(result.await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(tries, 2);
    });
}

/// As for poll(2): a regular file never waits.
#[test]
fn a_file_is_always_ready() {
    run(async || {
        let file = AsyncFd::new(File::open("/proc/self/exe").unwrap()).unwrap();
        file.readable().await.unwrap();
        file.writable().await.unwrap();
    });
}

#[test]
fn a_poll_is_kept_for_each_direction() {
    run(async || {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let ours = AsyncFd::new(ours).unwrap();
        let before = nestling::stats().submitted;
        let (count, last) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let mut read = poll_fn(|cx| ours.poll_read_ready(cx));
        assert!(poll_counted(pin!(&mut read), &count).is_pending());
        poll_fn(|cx| ours.poll_write_ready(cx)).await.unwrap();
        assert!(poll_counted(pin!(&mut read), &last).is_pending());
        assert_eq!(nestling::stats().submitted - before, 2);
        theirs.write_all(b"x").unwrap();
        until_woken(&last).await;
        assert_eq!((count.get(), last.get()), (0, 1));
        read.await.unwrap();
    });
}

#[test]
fn r06_a_cancelled_wait_answers_once() {
    run(async || {
        for kind in 0..3 {
            let event = AsyncFd::new(event()).unwrap();
            let errors = RefCell::new(Vec::new());
            nursery(async |n| {
                n.spawn(async {
                    loop {
                        let result = match kind {
                            0 => event.readable().await,
                            1 => poll_fn(|cx| event.poll_read_ready(cx)).await,
                            _ => event.async_io(Interest::Readable, take).await.map(drop),
                        };
                        errors.borrow_mut().extend(result.err());
                    }
                });
                turn().await;
                n.cancel();
                Ok(())
            })
            .await
            .unwrap();
            let errors = errors.into_inner();
            assert_eq!(errors.len(), 1, "kind {kind}: {errors:?}");
            assert!(is_cancelled(&errors[0]));
        }
    });
}

/// FAILURES B1: what is dropped while it is waited on is closed, also its duplicate, when the
/// nursery around it has returned; and what is given back stays open.
#[test]
fn b1_a_dropped_wait_leaves_no_descriptor() {
    again::alone("async_fd::b1_a_dropped_wait_leaves_no_descriptor", || run(left_behind));
}

async fn left_behind() {
    turn().await;
    let before = descriptors();
    let mut kept = None;
    nursery(async |_| {
        for submitted in [false, true] {
            let event = AsyncFd::new(event())?;
            assert!(poll_once(pin!(event.readable())).await.is_pending());
            assert!(poll_once(pin!(poll_fn(|cx| event.poll_read_ready(cx)))).await.is_pending());
            if submitted {
                turn().await;
            }
            kept = Some(event.into_inner());
        }
        Ok(())
    })
    .await
    .unwrap();
    let kept = kept.unwrap();
    assert!(descriptors().contains_key(&kept.as_raw_fd()));
    drop(kept);
    assert_eq!(descriptors(), before);
}
