//! `finally`: a clean-up that runs however the work ends.

use crate::support::nurseries::{
    Count, E, Log, accept, listener, never, pair, run, settle, std_connect, throw, thrown,
};
use crate::support::poll_once;
use futures_util::FutureExt;
use futures_util::future::select;
use futures_util::stream::{FuturesUnordered, StreamExt};
use nestling::task::yield_now;
use nestling::time::sleep;
use nestling::{finally, nursery, shield, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::future::{Future, pending};
use std::io::Read;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// Logs how the work has ended, and waits.
async fn cleanup<T>(log: &Log, value: Option<&T>) {
    log.say(if value.is_some() { "value" } else { "none" });
    nop().await.expect("shielded");
    sleep(MS).await;
    yield_now().await;
    log.say("clean");
}

#[test]
fn finally_after_a_value() {
    run(async || {
        let log = Log::default();
        let value = finally(async { vec![1, 2] }, async |value: Option<&Vec<u8>>| {
            assert_eq!(value, Some(&vec![1, 2]));
            cleanup(&log, value).await;
        });
        assert_eq!(value.await, [1, 2]);
        assert_eq!(log.take(), ["value", "clean"]);
        let error = finally(async { Err::<(), _>(E::Boom(1)) }, async |value| {
            assert!(value.is_some_and(|value: &Result<(), E>| value.is_err()));
            cleanup(&log, value).await;
        });
        assert_eq!(error.await, Err(E::Boom(1)));
        assert_eq!(log.take(), ["value", "clean"]);
    });
}

/// By whatever it is cut; the work's locals are gone before the clean-up begins.
#[test]
fn finally_after_a_cut() {
    async fn child(log: &Log) {
        let work = async {
            let _local = log.at_drop("local");
            pending::<()>().await;
        };
        finally(work, async |value| cleanup(log, value).await).await;
        log.say("never");
    }
    run(async || {
        let log = Log::default();
        let expected = ["local", "none", "clean"];
        let cancelled = nursery(async |n| {
            n.spawn(child(&log));
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(cancelled.await, Ok(()));
        assert_eq!(log.take(), expected);
        let failed = nursery(async |n| {
            n.spawn(child(&log));
            nop().await?;
            Err::<(), _>(E::Boom(1))
        });
        assert_eq!(failed.await, Err(E::Boom(1)));
        assert_eq!(log.take(), expected);
        timeout(MS, child(&log)).await.expect_err("it never returns");
        assert_eq!(log.take(), expected);
        let by_handle = nursery(async |n| {
            let handle = n.spawn(child(&log));
            nop().await?;
            handle.cancel();
            assert!(handle.await.is_err());
            Ok::<_, E>(1)
        });
        assert_eq!(by_handle.await, Ok(1));
        assert_eq!(log.take(), expected);
        let in_the_body = nursery(async |n| {
            n.spawn(async { n.cancel() });
            child(&log).await;
            Ok::<_, E>(())
        });
        assert_eq!(in_the_body.await, Err(E::Cancelled));
        assert_eq!(log.take(), expected);
    });
}

/// An operation of the work answers first; what the work makes of that is its value.
#[test]
fn finally_after_an_answer() {
    run(async || {
        let (quiet, log) = (listener().await, Log::default());
        let result = nursery(async |n| {
            n.spawn(async {
                let told = finally(never(&quiet), async |value| cleanup(&log, value).await).await;
                assert_eq!(told, Err(E::Cancelled));
                log.say("told");
                told
            });
            n.spawn(async {
                let work = async {
                    let told = never(&quiet).await;
                    sleep(MS).await;
                    told
                };
                finally(work, async |value| cleanup(&log, value).await).await
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(2)
        });
        assert_eq!(result.await, Ok(2), "the error is derived");
        let mut said = log.take();
        said.sort_unstable();
        assert_eq!(said, ["clean", "clean", "none", "told", "value"]);
    });
}

#[test]
fn finally_after_a_panic() {
    run(async || {
        let log = Log::default();
        let work = nursery(async |n| {
            n.spawn(async {
                let work = async {
                    let _local = log.at_drop("local");
                    nop().await.expect("not cancelled");
                    throw(5);
                };
                finally(work, async |value: Option<&()>| cleanup(&log, value).await).await;
            });
            n.spawn(async {
                settle().await;
                log.say("sibling");
            });
            Ok::<(), E>(())
        });
        let payload = AssertUnwindSafe(work).catch_unwind().await.expect_err("it panics");
        assert_eq!(thrown(&*payload), 5);
        // The panic goes on after the clean-up: until then no task is cancelled.
        let said = log.take();
        assert_eq!(said[..2], ["local", "none"]);
        assert!(said.contains(&"clean"));
        // In a task that is cancelled, the clean-up comes first as well.
        let work = nursery(async |n| {
            n.spawn(async {
                let work = async {
                    shield(settle()).await;
                    throw(6)
                };
                finally(work, async |value: Option<&()>| cleanup(&log, value).await).await;
            });
            nop().await?;
            n.cancel();
            Ok::<(), E>(())
        });
        let payload = AssertUnwindSafe(work).catch_unwind().await.expect_err("it panics");
        assert_eq!((thrown(&*payload), log.take()), (6, vec!["none", "clean"]));
    });
}

#[test]
fn finally_a_panic_of_the_clean_up() {
    run(async || {
        let work = finally(async { 1 }, async |_| {
            nop().await.expect("not cancelled");
            throw(1)
        });
        let payload = AssertUnwindSafe(work).catch_unwind().await.expect_err("it panics");
        assert_eq!(thrown(&*payload), 1);
        // After a cut.
        let work = timeout(MS, finally(pending::<()>(), async |_| throw(2)));
        let payload = AssertUnwindSafe(work).catch_unwind().await.expect_err("it panics");
        assert_eq!(thrown(&*payload), 2);
        // After the work's own: rule 13, the first one resumes.
        let work = finally(async { throw(3) }, async |_: Option<&()>| {
            nop().await.expect("not cancelled");
            throw(4)
        });
        let payload = AssertUnwindSafe(work).catch_unwind().await.expect_err("it panics");
        assert_eq!(thrown(&*payload), 3);
    });
}

#[test]
fn finally_with_a_bound() {
    run(async || {
        let log = Log::default();
        let work = finally(pending::<()>(), async |_| {
            timeout(5 * MS, pending::<()>()).await.expect_err("nobody answers");
            log.say("gave up");
        });
        timeout(MS, work).await.expect_err("it never returns");
        assert_eq!(log.take(), ["gave up"]);
    });
}

/// A child that never began has nothing to clean up; one whose work was polled once has.
#[test]
fn finally_cancelled_before_it_starts() {
    run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.spawn(finally(async { log.say("never") }, async |_| log.say("never")));
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert!(log.take().is_empty());
        let result = nursery(async |n| {
            n.spawn(async {
                nestling::cancelled().await;
                let work = async {
                    log.say("begins");
                    nop().await.expect("never");
                };
                finally(work, async |value| cleanup(&log, value).await).await;
            });
            nop().await?;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(log.take(), ["begins", "none", "clean"]);
        // Made, but never polled.
        drop(finally(async { log.say("never") }, async |_| log.say("never")));
        assert!(log.take().is_empty());
    });
}

/// The goodbye reaches the peer, byte for byte, before the nursery returns.
#[test]
fn finally_talks_to_a_peer() {
    let got = run(async || {
        let listener = listener().await;
        let mut peer = std_connect(listener.local_addr().expect("an address"));
        let stream = accept(&listener).await.expect("a connection");
        let result = nursery(async |n| {
            let stream = stream;
            n.spawn(async move {
                let work = async {
                    loop {
                        let (read, _) = stream.read(vec![0; 64]).await;
                        read?;
                    }
                };
                let goodbye = async |_: Option<&Result<(), E>>| {
                    stream.write_all("goodbye").await.0.expect("the peer is there");
                    stream.shutdown(std::net::Shutdown::Write).await.expect("open");
                };
                finally(work, goodbye).await
            });
            settle().await;
            Err::<(), _>(E::Boom(1))
        });
        assert_eq!(result.await, Err(E::Boom(1)));
        let mut got = String::new();
        peer.read_to_string(&mut got).expect("an orderly end");
        got
    });
    assert_eq!(got, "goodbye");
}

#[test]
fn finally_nests() {
    run(async || {
        let log = Log::default();
        let work = finally(
            finally(pending::<()>(), async |_| {
                settle().await;
                log.say("inner");
            }),
            async |_| {
                settle().await;
                log.say("outer");
            },
        );
        timeout(MS, work).await.expect_err("it never returns");
        assert_eq!(log.take(), ["inner", "outer"]);
        // Inside a clean-up, which is not cancelled.
        let work = finally(pending::<()>(), async |_| {
            let seven = finally(async { settle().await }, async |value| {
                assert!(value.is_some());
                log.say("inner");
            });
            seven.await;
            log.say("outer");
        });
        timeout(MS, work).await.expect_err("it never returns");
        assert_eq!(log.take(), ["inner", "outer"]);
    });
}

/// A combinator polls only those of its futures that were woken: the cancellation wakes these.
#[test]
fn finally_in_combinators() {
    run(async || {
        let cleaned = Count::default();
        let one = || {
            finally(pending::<()>(), async |_| {
                nop().await.expect("shielded");
                cleaned.one();
            })
        };
        let result = nursery(async |n| {
            n.spawn(async {
                let mut all: FuturesUnordered<_> = (0..20).map(|_| one()).collect();
                all.next().await;
            });
            n.spawn(async {
                futures_util::join!(one(), one());
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(cleaned.get(), 22);
        // Cancelled in their first poll.
        let result = nursery(async |n| {
            n.spawn(async {
                let work = || async {
                    n.cancel();
                    pending::<()>().await;
                };
                let one = || finally(work(), async |_| cleaned.one());
                let mut all: FuturesUnordered<_> = (0..3).map(|_| one()).collect();
                all.next().await;
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(cleaned.get(), 25);
    });
}

/// Foreign code that drops it leaves no task to wait: destructors only.
#[test]
fn finally_dropped() {
    run(async || {
        let log = Log::default();
        let work = async {
            let _local = log.at_drop("local");
            pending::<()>().await;
        };
        let work = Box::pin(finally(work, async |_| log.say("never")));
        drop(select(work, Box::pin(settle())).await);
        assert_eq!(log.take(), ["local"]);
        // In the middle of the clean-up.
        let mut work = Box::pin(finally(async {}, async |_| {
            let _local = log.at_drop("local of the clean-up");
            pending::<()>().await;
        }));
        assert!(poll_once(work.as_mut()).await.is_pending());
        drop(work);
        assert_eq!(log.take(), ["local of the clean-up"]);
    });
}

/// The work is kept for a shield in it, as its task would be.
#[test]
fn finally_around_a_shield() {
    run(async || {
        let log = Log::default();
        let work = async {
            shield(async {
                settle().await;
                sleep(MS).await;
            })
            .await;
            log.say("shielded");
            yield_now().await;
            log.say("never");
        };
        let work = finally(work, async |value| cleanup(&log, value).await);
        timeout(Duration::ZERO, work).await.expect_err("it never returns");
        assert_eq!(log.take(), ["shielded", "none", "clean"]);
    });
}

/// What the work leaves in flight is joined by the scope around it, not by the clean-up.
#[test]
fn finally_leaves_what_is_in_flight_to_the_nursery() {
    run(async || {
        let (here, there) = pair().await;
        let done = Cell::new(false);
        let result = nursery(async |n| {
            n.spawn(async {
                let work = async {
                    let mut loser = pin!(here.read(vec![0; 8]));
                    assert!(poll_once(loser.as_mut()).await.is_pending());
                    pending::<()>().await;
                };
                finally(work, async |_: Option<&()>| {
                    // The bytes are for the next read: the read was cancelled with the work.
                    there.write_all("data").await.0.expect("shielded");
                    let (read, buffer) = here.read(vec![0; 8]).await;
                    assert_eq!((read.ok(), &buffer[..4]), (Some(4), &b"data"[..]));
                    done.set(true);
                })
                .await;
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert!(done.get());
    });
}

type Nested<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

#[test]
fn finally_a_thousand_deep() {
    let worker = std::thread::Builder::new().stack_size(256 << 20);
    let work = || {
        nestling::block_on(async {
            let cleaned = Count::default();
            let bottom: Nested<'_> = Box::pin(pending());
            let all = (0..1000).fold(bottom, |inner, _| -> Nested<'_> {
                Box::pin(finally(inner, async |_| {
                    yield_now().await;
                    cleaned.one();
                }))
            });
            timeout(MS, all).await.expect_err("it never returns");
            assert_eq!(cleaned.get(), 1000);
        });
    };
    worker.spawn(work).expect("a thread").join().expect("no panic");
}

/// What has begun is cleaned up, however many are cut in one poll.
#[test]
fn finally_runs_every_clean_up_of_one_poll() {
    run(async || {
        let cleaned = Count::default();
        let result = nursery(async |n| {
            n.spawn(async {
                let all = (0..1000).map(|_| finally(pending::<()>(), async |_| cleaned.one()));
                futures_util::future::join_all(all).await;
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(cleaned.get(), 1000);
    });
}

/// It waits for its own cancel, not for that of the code that polls it.
#[test]
fn finally_is_not_polled_for_a_cancel_around_another() {
    let polls = run(async || {
        let polls = Cell::new(0_u64);
        let work = std::future::poll_fn(|_| {
            polls.set(polls.get() + 1);
            std::task::Poll::<()>::Pending
        });
        let mut fut = Box::pin(finally(work, async |_| ()));
        assert!(poll_once(fut.as_mut()).await.is_pending());
        let around = futures_util::future::join(shield(sleep(30 * MS)), fut.as_mut());
        assert!(timeout(5 * MS, around).await.is_err());
        polls.get()
    });
    assert!(polls < 20, "{polls}");
}
