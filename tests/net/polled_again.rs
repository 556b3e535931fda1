//! On a busy core, code that polls tries a drained stream once more before the kernel waits for it.

use crate::support::{Count, pair, poll_counted, turn, until_woken};
use crate::{run, submitted};
use nestling::net::TcpStream;
use nestling::nursery;
use nestling::task::yield_now;
use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

/// Enough of them that a turn is busy when they were polled.
const OTHERS: usize = 8;

const ROUNDS: u64 = 480;

/// One of so many waits tries again while that has not paid.
const PAUSE: u64 = 16;

/// Runs a task beside others, which yield until it has ended.
async fn beside_others(task: impl AsyncFnOnce()) {
    let ended = Cell::new(false);
    let ended = &ended;
    nursery(async |n| {
        for _ in 0..OTHERS {
            n.spawn(async {
                while !ended.get() {
                    yield_now().await;
                }
                Ok(())
            });
        }
        n.spawn(async move {
            task().await;
            ended.set(true);
            Ok::<_, io::Error>(())
        });
        Ok(())
    })
    .await
    .unwrap();
}

/// Reads a byte. Each time that the read is pending, says so, and whether it is to try again: then
/// it has woken its waker by itself.
async fn read(stream: &TcpStream, mut pending: impl FnMut(bool)) {
    let mut buffer = [0; 8];
    let mut reading = pin!(poll_fn(|cx| stream.poll_read(cx, &mut buffer)));
    loop {
        let count = Arc::new(Count::default());
        if let Poll::Ready(length) = poll_counted(reading.as_mut(), &count) {
            return assert_eq!(length.unwrap(), 1);
        }
        pending(count.get() > 0);
        yield_now().await;
        until_woken(&count).await;
    }
}

/// Reads, where each byte comes while the others are polled, until the stream tries again.
async fn until_it_tries_again(stream: &TcpStream, mut peer: &UnixStream) {
    for _ in 0..ROUNDS {
        let mut has_tried = false;
        let mut is_first = true;
        read(stream, |tries| {
            if std::mem::take(&mut is_first) {
                has_tried = tries;
                peer.write_all(b"x").unwrap();
            }
        })
        .await;
        if has_tried {
            return;
        }
    }
    panic!("it never tries again");
}

#[test]
fn what_comes_soon_is_read_without_a_wait() {
    run(async || {
        let (stream, mut peer) = pair();
        beside_others(async || {
            until_it_tries_again(&stream, &peer).await;
            let before = submitted();
            for _ in 0..ROUNDS {
                let mut is_first = true;
                read(&stream, |_| {
                    if std::mem::take(&mut is_first) {
                        peer.write_all(b"x").unwrap();
                    }
                })
                .await;
            }
            let asked = submitted() - before;
            // Where a turn has just begun, it is not a busy one.
            assert!(asked < ROUNDS / 4, "{asked} waits");
        })
        .await;
    });
}

#[test]
fn second_tries_in_vain_become_few() {
    run(async || {
        let (stream, mut peer) = pair();
        beside_others(async || {
            until_it_tries_again(&stream, &peer).await;
            let mut tries = 0;
            for _ in 0..ROUNDS {
                read(&stream, |again| match again {
                    true => tries += 1,
                    false => peer.write_all(b"x").unwrap(),
                })
                .await;
            }
            assert!((1..=ROUNDS / PAUSE + 1).contains(&tries), "{tries} tries");
        })
        .await;
    });
}

#[test]
fn r06_a_second_try_of_a_cancelled_task_takes_nothing() {
    run(async || {
        let (stream, mut peer) = pair();
        let (has_tried, got_on) = (Cell::new(false), Cell::new(false));
        beside_others(async || {
            until_it_tries_again(&stream, &peer).await;
            nursery(async |n| {
                n.spawn(async {
                    while !has_tried.get() {
                        read(&stream, |tries| {
                            peer.write_all(b"x").unwrap();
                            if tries {
                                has_tried.set(true);
                                n.cancel();
                            }
                        })
                        .await;
                    }
                    got_on.set(true);
                    Ok::<_, io::Error>(())
                });
                Ok(())
            })
            .await
            .unwrap();
        })
        .await;
        assert!(has_tried.get() && !got_on.get());
        assert_eq!(stream.try_read(&mut [0; 8]).unwrap(), 1);
    });
}

/// Each poll has another waker: the one of the try is woken, and then the one that waits.
#[test]
fn f4_a_second_try_and_the_wait_after_it_have_a_waker_each() {
    run(async || {
        let (stream, mut peer) = pair();
        beside_others(async || {
            until_it_tries_again(&stream, &peer).await;
            let (first, last) = (Arc::new(Count::default()), Arc::new(Count::default()));
            let mut buffer = [0; 8];
            let before = submitted();
            let mut reading = pin!(poll_fn(|cx| stream.poll_read(cx, &mut buffer)));
            assert!(poll_counted(reading.as_mut(), &first).is_pending());
            assert_eq!(first.get(), 1, "it tries again");
            assert!(poll_counted(reading.as_mut(), &last).is_pending());
            turn().await;
            assert_eq!(submitted() - before, 2, "then it waits; and a turn");
            peer.write_all(b"x").unwrap();
            until_woken(&last).await;
            assert_eq!((first.get(), last.get()), (1, 1));
            assert!(matches!(poll_counted(reading, &last), Poll::Ready(Ok(1))));
        })
        .await;
    });
}
