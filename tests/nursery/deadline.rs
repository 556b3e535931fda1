//! A nursery's own deadline: `Options::deadline` and `set_deadline`.

use crate::support::nurseries::{
    Count, E, Log, accept, counted, listener, never, pair, run, settle, std_connect,
};
use crate::support::poll_once;
use nestling::task::yield_now;
use nestling::time::{Instant, sleep};
use nestling::{Cancelled, Options, nursery, nursery_all, nursery_with, shield, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::io;
use std::net::Shutdown;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3600);

fn by(deadline: Instant) -> Options {
    Options { deadline: Some(deadline), ..Options::default() }
}

fn soon() -> Option<Instant> {
    Some(Instant::now() + MS)
}

/// What the error of a nursery says.
#[track_caller]
fn cause(error: &io::Error) -> Cancelled {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Cancelled>());
    *inner.unwrap_or_else(|| panic!("another error: {error:?}"))
}

#[test]
fn deadline_of_the_options_cancels_everything_and_says_so() {
    run(async || {
        let (quiet, heard) = (listener().await, Count::default());
        let start = Instant::now();
        let error = nursery_with(by(start + 5 * MS), async |n| {
            n.spawn(async { heard.add_if(never(&quiet).await == Err(E::Cancelled)) });
            n.spawn(pending::<()>());
            let inner = nursery(async |_| never(&quiet).await);
            heard.add_if(inner.await == Err(E::Cancelled));
            pending::<io::Result<()>>().await
        });
        let error = error.await.unwrap_err();
        assert!(start.elapsed() >= 5 * MS, "not early");
        assert_eq!(heard.get(), 2);
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(cause(&error).is_deadline() && nestling::is_cancelled(&error));
        assert!(error.to_string().contains("deadline"), "{error}");
    });
}

#[test]
fn deadline_set_from_inside_moved_and_lifted() {
    run(async || {
        // By the body, later than the first.
        let order = Log::default();
        let late = nursery_with(by(Instant::now() + Duration::from_secs(3600)), async |n| {
            n.set_deadline(soon());
            pending::<Result<(), E>>().await
        });
        assert_eq!(late.await, Err(E::Cancelled), "an earlier one counts");
        // By a child, and after the body has ended.
        let late = nursery(async |n| {
            n.spawn(async {
                settle().await;
                n.set_deadline(soon());
                pending::<()>().await;
            });
            Ok::<_, E>(())
        });
        assert_eq!(late.await, Err(E::Cancelled));
        // Moved before it comes, again and again: a watchdog that is fed.
        let fed = nursery(async |n| {
            n.set_deadline(soon());
            n.spawn_daemon(async {
                loop {
                    n.set_deadline(Some(Instant::now() + Duration::from_secs(3600)));
                    yield_now().await;
                }
            });
            sleep(5 * MS).await;
            order.say("slept");
            Ok::<_, E>(3)
        });
        assert_eq!(fed.await, Ok(3));
        // Lifted.
        let lifted = nursery_with(by(Instant::now() + MS), async |n| {
            n.set_deadline(None);
            sleep(5 * MS).await;
            n.set_deadline(None);
            assert!(!n.is_cancelled());
            order.say("lifted");
            Ok::<_, E>(4)
        });
        assert_eq!(lifted.await, Ok(4));
        assert_eq!(order.take(), ["slept", "lifted"]);
    });
}

#[test]
fn deadline_that_has_passed_still_polls_what_is_ready() {
    run(async || {
        let past = Instant::now() - MS;
        let result = nursery_with(by(past), async |n| {
            n.spawn(async {});
            Ok::<_, E>(1)
        });
        assert_eq!(result.await, Ok(1), "all of it was ready");
        let log = Log::default();
        let result = nursery_with(by(past), async |n| {
            n.spawn(async {
                log.say("child");
                sleep(LONG).await;
                log.say("never");
            });
            pending::<Result<(), E>>().await
        });
        assert_eq!(result.await, Err(E::Cancelled));
        assert_eq!(log.take(), ["child"]);
        let result = nursery(async |n| {
            n.set_deadline(Some(past));
            assert!(!n.is_cancelled(), "not before this poll has ended");
            sleep(LONG).await;
            log.say("never");
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Err(E::Cancelled));
        assert!(log.take().is_empty());
    });
}

#[test]
fn deadline_of_any_size() {
    run(async || {
        for far in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_millis(1 << 40)] {
            let result = nursery_with(by(Instant::now() + far), async |n| {
                n.set_deadline(Some(Instant::now() + far));
                nop().await?;
                n.set_deadline(Some(Instant::now() - far));
                n.set_deadline(Some(Instant::now() + far));
                nop().await?;
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()));
        }
    });
}

/// Trap 10, first order: success and deadline in one turn, the success is there.
#[test]
fn deadline_trap_10_a_success_in_the_same_batch_wins() {
    run(async || {
        let mut rounds = 0;
        while rounds < 20 {
            let quiet = listener().await;
            let deadline = Instant::now() + MS;
            let work = nursery_with(by(deadline), async |n| {
                n.spawn(async { accept(&quiet).await.map(drop) }).await?;
                Ok::<_, E>(())
            });
            let mut work = pin!(work);
            assert!(poll_once(work.as_mut()).await.is_pending());
            if Instant::now() >= deadline {
                // The thread was held up, and the deadline may have been first.
                continue;
            }
            // The core is busy until both are due.
            let _client = std_connect(quiet.local_addr().expect("an address"));
            while Instant::now() < deadline {}
            assert_eq!(work.await, Ok(()));
            rounds += 1;
        }
    });
}

/// Second order: the deadline is noticed first, and its cancel comes too late. It takes an
/// operation on which another thread of the kernel works, and some luck: it is tried until seen.
#[test]
fn deadline_trap_10_a_success_after_the_deadline_is_delivered() {
    run(async || {
        let (here, _there) = pair().await;
        let (mut tries, mut late) = (0, false);
        while !late {
            tries += 1;
            assert!(tries < 100_000, "the deadline never came first");
            let deadline = Instant::now() + Duration::from_micros(tries % 100);
            let delivered = Cell::new(None);
            let result = nursery_with(by(deadline), async |n| {
                let mut shutdown = pin!(here.shutdown(Shutdown::Write));
                poll_fn(|cx| {
                    let polled = shutdown.as_mut().poll(cx);
                    if let Poll::Ready(answer) = &polled {
                        delivered.set(Some((n.is_cancelled(), answer.is_ok())));
                    }
                    polled
                })
                .await
            });
            let result = result.await;
            let (cancelled, succeeded) = delivered.take().expect("it was answered");
            late = cancelled && succeeded;
            if succeeded {
                result.expect("what succeeded in spite of the deadline counts");
            } else {
                assert_eq!(result.unwrap_err().kind(), io::ErrorKind::TimedOut);
            }
        }
    });
}

#[test]
fn deadline_and_other_reasons() {
    run(async || {
        // The first real failure is the result, before the deadline and after it.
        let failed = nursery_with(by(Instant::now() + MS), async |n| {
            n.spawn(async {
                shield(sleep(5 * MS)).await;
                Err::<(), _>(E::Boom(1))
            });
            pending::<Result<(), E>>().await
        });
        assert_eq!(failed.await, Err(E::Boom(1)));
        // Its own cancel came first.
        let asked = nursery_with(by(Instant::now() + MS), async |n| {
            n.spawn(shield(sleep(5 * MS)));
            n.cancel();
            Ok::<_, io::Error>(2)
        });
        assert_eq!(asked.await.ok(), Some(2));
        // Too late: all have ended, no child was stopped.
        let done = nursery_with(by(Instant::now() + MS), async |n| {
            n.spawn(shield(sleep(5 * MS)));
            Ok::<_, io::Error>(3)
        });
        assert_eq!(done.await.ok(), Some(3));
        // A deadline of a timeout around is none of this nursery's own.
        let error = nursery_with(by(Instant::now() + Duration::from_secs(3600)), async |_| {
            pending::<io::Result<()>>().await
        });
        let error = timeout(MS, error).await.expect("an answer").unwrap_err();
        assert!(!cause(&error).is_deadline() && cause(&error).is_timed_out());
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        // A deadline of the one around it is none of the inner one's.
        let outer = nursery_with(by(Instant::now() + MS), async |_| {
            let inner = nursery(async |_| pending::<io::Result<()>>().await);
            let error = inner.await.unwrap_err();
            assert!(!cause(&error).is_deadline());
            Err::<(), _>(error)
        });
        assert!(cause(&outer.await.unwrap_err()).is_deadline());
    });
}

#[test]
fn deadline_reaches_the_kernel_once() {
    let (_, stats) = counted(async || {
        let quiet = listener().await;
        let now = Instant::now();
        let work = nursery_with(by(now + MS), async |outer| {
            outer.spawn(async {
                let inner = nursery_with(by(now + MS), async |n| {
                    for _ in 0..10 {
                        n.spawn(async { never(&quiet).await });
                    }
                    Ok::<_, E>(())
                });
                inner.await
            });
            Ok::<_, E>(())
        });
        assert_eq!(timeout(MS, work).await, Ok(Err(E::Cancelled)));
    });
    assert_eq!(stats.cancel_requests + stats.withdrawn, 10, "{stats:?}");
}

/// Inside a shield a deadline works as anywhere; in a combinator it wakes who polls.
#[test]
fn deadline_in_company() {
    run(async || {
        let inside = nursery(async |n| {
            n.spawn(shield(async {
                let late = nursery_with(by(Instant::now() + MS), async |_| {
                    pending::<Result<(), E>>().await
                });
                assert_eq!(late.await, Err(E::Cancelled));
            }));
            nop().await?;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(inside.await, Ok(()));
        let all = (0..20).map(|number| {
            nursery_with(by(Instant::now() + number * MS / 4), async |_| {
                pending::<Result<(), E>>().await
            })
        });
        let all = futures_util::future::join_all(all).await;
        assert!(all.into_iter().all(|ended| ended == Err(E::Cancelled)));
        let all = nursery_all(async |n| {
            n.set_deadline(soon());
            pending::<Result<(), E>>().await
        });
        assert!(all.await.unwrap_err().cancelled());
    });
}

/// A nursery that is busy all the time, and one that only waits for the kernel.
#[test]
fn deadline_of_the_busy_and_the_idle() {
    run(async || {
        let spins = Count::default();
        let busy = nursery(async |n| {
            for _ in 0..300 {
                n.spawn(async {
                    loop {
                        spins.one();
                        yield_now().await;
                    }
                });
            }
            // All are busy by then, however slow the machine is.
            while spins.get() < 300 {
                yield_now().await;
            }
            n.set_deadline(Some(Instant::now() + 5 * MS));
            Ok::<_, E>(())
        });
        assert_eq!(busy.await, Err(E::Cancelled));
        assert!(spins.get() >= 300);
    });
}
