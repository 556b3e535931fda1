//! On a busy core, code that polls tries a drained stream once more before the kernel waits for it.

use crate::support::{Count, pair, poll_counted, turn, until_woken};
use crate::{run, submitted};
use nestling::net::TcpStream;
use nestling::task::yield_now;
use nestling::{is_cancelled, nursery, timeout};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// Enough of them that a turn is busy when they were polled.
const OTHERS: usize = 8;

const ROUNDS: u64 = 480;

/// One of so many waits is put off for a second try while that has not paid.
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

/// Polls a read once: what it says, and whether it is to try again.
fn poll_read(stream: &TcpStream) -> (Poll<io::Result<usize>>, bool) {
    let count = Arc::new(Count::default());
    let polled = poll_counted(pin!(poll_fn(|cx| stream.poll_read(cx, &mut [0; 8]))), &count);
    (polled, count.get() > 0)
}

/// Reads, and is polled again until it has read. Each time that it is pending, says whether it is
/// to try again.
async fn read_or_fail(stream: &TcpStream, mut pending: impl FnMut(bool)) -> io::Result<usize> {
    poll_fn(|cx| {
        let (polled, tries) = poll_read(stream);
        if polled.is_pending() {
            pending(tries);
            cx.waker().wake_by_ref();
        }
        polled
    })
    .await
}

/// As a wait in flight does.
#[test]
fn r06_a_cancelled_second_try_answers_once() {
    run(async || {
        let (stream, mut peer) = pair();
        let (stands, cancelled) = (Cell::new(false), Cell::new(false));
        let errors = RefCell::new(Vec::new());
        beside_others(async || {
            until_it_tries_again(&stream, &peer).await;
            nursery(async |n| {
                n.spawn(async {
                    while !stands.get() {
                        yield_now().await;
                    }
                    cancelled.set(true);
                    n.cancel();
                    Ok::<_, io::Error>(())
                });
                n.spawn(async {
                    loop {
                        let mut is_first = true;
                        let result = read_or_fail(&stream, |tries| {
                            stands.set(tries);
                            if !tries && std::mem::take(&mut is_first) {
                                peer.write_all(b"x").unwrap();
                            }
                        });
                        let error = result.await.err();
                        errors.borrow_mut().extend(error);
                    }
                });
                Ok(())
            })
            .await
            .unwrap();
        })
        .await;
        let errors = errors.into_inner();
        assert!(cancelled.get());
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(is_cancelled(&errors[0]));
        assert_eq!(errors[0].kind(), ErrorKind::Other);
    });
}

/// A try begins in the poll in which the time is up.
#[test]
fn r14_a_second_try_that_times_out_says_so() {
    run(async || {
        let (stream, peer) = pair();
        beside_others(async || {
            until_it_tries_again(&stream, &peer).await;
            let stood = Cell::new(false);
            for _ in 0..ROUNDS {
                let mut is_first = true;
                let reading = poll_fn(|cx| {
                    if std::mem::take(&mut is_first) {
                        return Poll::Pending;
                    }
                    let (polled, tries) = poll_read(&stream);
                    if polled.is_pending() {
                        stood.set(tries);
                        cx.waker().wake_by_ref();
                    }
                    polled
                });
                let error = timeout(Duration::ZERO, reading).await.unwrap().unwrap_err();
                assert!(is_cancelled(&error));
                assert_eq!(error.kind(), ErrorKind::TimedOut);
                if stood.get() {
                    return;
                }
            }
            panic!("it never tries again");
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
                        let length = read_or_fail(&stream, |tries| {
                            peer.write_all(b"x").unwrap();
                            if tries {
                                has_tried.set(true);
                                n.cancel();
                                let Poll::Ready(Err(error)) = poll_read(&stream).0 else {
                                    panic!("it is told")
                                };
                                assert!(is_cancelled(&error));
                                assert!(poll_read(&stream).0.is_pending(), "it is told once");
                            }
                        });
                        length.await.unwrap();
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
        assert!(stream.try_read(&mut [0; 8]).unwrap() > 0);
    });
}

/// Polls until a second try stands.
async fn until_it_stands(stream: &TcpStream, mut peer: &UnixStream) {
    for _ in 0..ROUNDS {
        let (polled, tries) = poll_read(stream);
        assert!(polled.is_pending());
        if tries {
            return;
        }
        peer.write_all(b"x").unwrap();
        read(stream, |_| {}).await;
    }
    panic!("it never tries again");
}

/// The scope that has begun the try has ended: who polls next asks the kernel first.
#[test]
fn r06_a_second_try_is_none_of_another_scopes() {
    run(async || {
        let (stream, mut peer) = pair();
        beside_others(async || {
            until_it_tries_again(&stream, &peer).await;
            nursery(async |n| {
                n.spawn(async {
                    until_it_stands(&stream, &peer).await;
                    Ok::<_, io::Error>(())
                });
                Ok(())
            })
            .await
            .unwrap();
            peer.write_all(b"x").unwrap();
            let before = submitted();
            assert!(matches!(poll_read(&stream), (Poll::Pending, false)));
            read(&stream, |_| {}).await;
            assert!(submitted() > before, "it asks the kernel first");
        })
        .await;
    });
}

/// What a wait has found says nothing of tries.
#[test]
fn a_second_try_that_is_overtaken_wins_no_trust() {
    run(async || {
        let (stream, mut peer) = pair();
        beside_others(async || {
            until_it_tries_again(&stream, &peer).await;
            for _ in 0..8 {
                until_it_stands(&stream, &peer).await;
                let count = Arc::new(Count::default());
                let mut ready = poll_fn(|cx| stream.poll_read_ready(cx));
                assert!(poll_counted(pin!(&mut ready), &count).is_pending());
                peer.write_all(b"x").unwrap();
                until_woken(&count).await;
                assert!(poll_counted(pin!(&mut ready), &count).is_ready());
                read(&stream, |_| panic!("it is there")).await;
            }
            let mut tries = 0;
            for _ in 1..PAUSE {
                read(&stream, |again| match again {
                    true => tries += 1,
                    false => peer.write_all(b"x").unwrap(),
                })
                .await;
            }
            assert!(tries <= 1, "{tries} tries in vain");
        })
        .await;
    });
}

/// Each poll has another waker: the one of the try is woken, and then the one that waits.
#[test]
fn f4_a_second_try_and_the_wait_after_it_have_a_waker_each() {
    run(async || {
        let (stream, mut peer) = pair();
        beside_others(async || {
            until_it_tries_again(&stream, &peer).await;
            for _ in 0..ROUNDS {
                let (first, last) = (Arc::new(Count::default()), Arc::new(Count::default()));
                let mut buffer = [0; 8];
                let before = submitted();
                let mut reading = pin!(poll_fn(|cx| stream.poll_read(cx, &mut buffer)));
                assert!(poll_counted(reading.as_mut(), &first).is_pending());
                if first.get() == 0 {
                    // The turn is not a busy one: it waits.
                    peer.write_all(b"x").unwrap();
                    until_woken(&first).await;
                    assert!(matches!(poll_counted(reading, &first), Poll::Ready(Ok(1))));
                    continue;
                }
                assert!(poll_counted(reading.as_mut(), &last).is_pending());
                turn().await;
                assert_eq!(submitted() - before, 2, "then it waits; and a turn");
                peer.write_all(b"x").unwrap();
                until_woken(&last).await;
                assert_eq!((first.get(), last.get()), (1, 1));
                assert!(matches!(poll_counted(reading, &last), Poll::Ready(Ok(1))));
                return;
            }
            panic!("it never tries again");
        })
        .await;
    });
}
