//! Rule 14: `timeout` is a cancel scope; what raced the deadline wins; no duration panics.

use crate::support::nurseries::{
    Count, E, Log, accept, listener, never, pair, run, settle, std_connect,
};
use crate::support::poll_once;
use nestling::task::yield_now;
use nestling::time::{Instant, sleep};
use nestling::{is_cancelled, nursery, timeout, timeout_at};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::net::Shutdown;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[test]
fn r14_an_operation_answers_once_more_and_the_next_wait_elapses() {
    run(async || {
        let (quiet, log) = (listener().await, Log::default());
        let work = async {
            let _gone = log.at_drop("gone");
            assert_eq!(never(&quiet).await, Err(E::Cancelled));
            log.say("heard");
            sleep(MS).await;
            log.say("never");
        };
        timeout(MS, work).await.expect_err("it waited again");
        assert_eq!(log.take(), ["heard", "gone"]);
        // The task itself was not cancelled.
        assert_eq!(nop().await.ok(), Some(()));
    });
}

#[test]
fn r14_what_ends_in_time_is_the_output() {
    run(async || {
        assert_eq!(timeout(Duration::MAX, async { 7 }).await, Ok(7));
        assert_eq!(
            timeout(3600 * 1000 * MS, nop()).await.map_err(drop).map(|r| r.is_ok()),
            Ok(true)
        );
        assert_eq!(timeout(3600 * 1000 * MS, sleep(MS)).await, Ok(()));
    });
}

/// Trap 10, first order: the answer and the deadline come in one turn, the answer is there.
#[test]
fn r14_a_success_in_the_same_batch_wins() {
    run(async || {
        let mut rounds = 0;
        while rounds < 20 {
            let quiet = listener().await;
            let _client = std_connect(quiet.local_addr().expect("an address"));
            // Both are due when the core looks next: it was busy since.
            let deadline = Instant::now() + MS;
            let mut work = pin!(timeout_at(deadline, accept(&quiet)));
            if poll_once(work.as_mut()).await.is_ready() {
                // The thread was held up, and the deadline had passed before the first poll.
                continue;
            }
            while Instant::now() < deadline {}
            assert!(matches!(work.await, Ok(Ok(_))));
            rounds += 1;
        }
    });
}

/// Second order: the deadline is noticed first, and its cancel comes too late. That takes an
/// operation on which another thread of the kernel works, and some luck: it is tried until seen.
#[test]
fn r14_a_success_after_the_deadline_wins() {
    run(async || {
        let (here, _there) = pair().await;
        let late = Cell::new(false);
        let mut tries = 0;
        while !late.take() {
            tries += 1;
            assert!(tries < 100_000, "the deadline never came first");
            let deadline = Instant::now() + Duration::from_micros(tries % 100);
            let mut shutdown = pin!(here.shutdown(Shutdown::Write));
            let mut expired = false;
            let work = poll_fn(|cx| {
                let now = Instant::now();
                let polled = shutdown.as_mut().poll(cx);
                match &polled {
                    Poll::Pending => expired |= now >= deadline,
                    Poll::Ready(answer) => late.set(expired && answer.is_ok()),
                }
                polled
            });
            let answer = timeout_at(deadline, work).await.expect("it was delivered");
            assert!(answer.is_ok_and(|()| true) || !late.get());
        }
    });
}

#[test]
fn r14_a_foreign_success_in_the_same_poll_wins() {
    run(async || {
        let (send, receive) = async_channel::bounded(1);
        let deadline = Instant::now() + 100 * MS;
        let mut work = pin!(timeout_at(deadline, receive.recv()));
        assert!(poll_once(work.as_mut()).await.is_pending());
        send.try_send(5).expect("room");
        while Instant::now() < deadline {}
        assert_eq!(work.await, Ok(Ok(5)));
    });
}

#[test]
fn r14_a_deadline_that_has_passed_still_polls() {
    run(async || {
        assert_eq!(timeout(Duration::ZERO, async { 3 }).await, Ok(3));
        assert_eq!(timeout_at(Instant::now() - Duration::MAX, async { 3 }).await, Ok(3));
        timeout(Duration::ZERO, pending::<()>()).await.expect_err("it waits");
        let quiet = listener().await;
        assert_eq!(timeout(Duration::ZERO, never(&quiet)).await, Ok(Err(E::Cancelled)));
    });
}

#[test]
fn r14_no_duration_panics() {
    run(async || {
        for duration in [
            Duration::ZERO,
            Duration::from_nanos(1),
            Duration::from_millis(u64::from(u32::MAX)),
            Duration::from_millis(1 << 36),
            Duration::from_secs(u64::MAX),
            Duration::MAX,
        ] {
            assert_eq!(timeout(duration, async { 1 }).await, Ok(1));
            let mut sleep = pin!(timeout(duration, sleep(Duration::MAX)));
            let _ = poll_once(sleep.as_mut()).await;
        }
    });
}

#[test]
fn r14_a_child_that_only_yields_meets_its_deadline() {
    run(async || {
        let spins = Count::default();
        let spin = async {
            loop {
                spins.one();
                yield_now().await;
            }
        };
        let spin: Result<(), _> = timeout(5 * MS, spin).await;
        spin.expect_err("it never ends");
        assert!(spins.get() > 1);
    });
}

#[test]
fn r14_a_join_is_bounded_by_a_deadline() {
    run(async || {
        let quiet = listener().await;
        let result = nursery(async |n| {
            let mut handle = n.spawn(async { never(&quiet).await });
            timeout(MS, &mut handle).await.expect_err("the child runs on");
            assert!(!handle.is_finished());
            n.cancel();
            Ok::<_, E>(7)
        });
        assert_eq!(result.await, Ok(7));
    });
}

#[test]
fn r14_a_nursery_is_bounded_by_a_deadline() {
    run(async || {
        let (quiet, heard) = (listener().await, Count::default());
        let work = nursery(async |n| {
            n.spawn(async { heard.add_if(never(&quiet).await == Err(E::Cancelled)) });
            n.spawn(pending::<()>());
            pending::<Result<(), E>>().await
        });
        assert_eq!(timeout(MS, work).await, Ok(Err(E::Cancelled)));
        assert_eq!(heard.get(), 1);
    });
}

/// Whether the inner nursery closes a socket on its way out makes no difference.
#[test]
fn r14_a_nursery_with_sockets_is_bounded_by_a_deadline() {
    run(async || {
        for _ in 0..10 {
            let work = nursery(async |n| {
                n.spawn(async {
                    let quiet = listener().await;
                    never(&quiet).await
                });
                Ok::<_, E>(())
            });
            assert_eq!(timeout(MS, work).await, Ok(Err(E::Cancelled)));
        }
    });
}

#[test]
fn r14_deadlines_nest() {
    run(async || {
        let quiet = listener().await;
        let outer = timeout(MS, async {
            timeout(Duration::MAX, async {
                assert_eq!(never(&quiet).await, Err(E::Cancelled));
                pending::<()>().await;
            })
            .await
        });
        outer.await.expect_err("the outer deadline was first");
        let inner = timeout(Duration::MAX, async {
            timeout(MS, pending::<()>()).await.expect_err("the inner deadline was first");
            5
        });
        assert_eq!(inner.await, Ok(5));
    });
}

/// The model's pitfall: the operation is resolved inside the timeout, also by reference.
#[test]
fn r14_a_timeout_on_a_borrowed_operation_resolves_it() {
    run(async || {
        let quiet = listener().await;
        let mut accept = pin!(never(&quiet));
        assert_eq!(timeout(MS, accept.as_mut()).await, Ok(Err(E::Cancelled)));
    });
}

/// Trap 4: cancelled in its second receive, `read_exact` tells the count and returns the buffer.
#[test]
fn r14_read_exact_tells_how_far_it_came() {
    run(async || {
        let (here, there) = pair().await;
        there.write_all("abc").await.0.expect("a small write");
        let answer = timeout(20 * MS, here.read_exact(Vec::with_capacity(8))).await;
        let (result, buffer) = answer.expect("it was delivered");
        let error = result.expect_err("five bytes are missing");
        assert!(is_cancelled(&error), "{error}");
        assert_eq!(nestling::net::transferred(&error), Some(3));
        assert_eq!(buffer, b"abc");
    });
}

/// Trap 3: cancelled half-way, `write_all` tells the count; the next operation is a drop point.
#[test]
fn r14_write_all_tells_how_far_it_came() {
    run(async || {
        let (here, there) = pair().await;
        let (told, log) = (Count::default(), Log::default());
        let result = nursery(async |n| {
            n.spawn(async {
                let (result, buffer) = here.write_all(vec![7; 64 << 20]).await;
                let error = result.expect_err("nobody reads");
                assert!(is_cancelled(&error), "{error}");
                let bytes = nestling::net::transferred(&error).expect("a count");
                assert!(bytes > 0 && bytes < buffer.len(), "{bytes}");
                for _ in 0..bytes {
                    told.one();
                }
                let _ = here.write("more").await;
                log.say("never");
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        drop(here);
        let mut got = 0;
        loop {
            let (result, _) = there.read(vec![0; 1 << 16]).await;
            match result.expect("an open connection") {
                0 => break,
                bytes => got += bytes as u64,
            }
        }
        assert_eq!(got, told.get(), "what the kernel took is what the error says");
        assert!(log.take().is_empty());
    });
}
