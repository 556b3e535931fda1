//! Rule 8: what is inside a shield runs on when it is cancelled around it; after it, the next wait
//! is the end.

use crate::support::nurseries::{
    Count, E, Log, accept, counted, listener, never, pair, run, settle, std_connect,
};
use futures_util::future::select;
use nestling::time::sleep;
use nestling::{Elapsed, Nursery, cancelled, nursery, shield, shield_for, task, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::future::{Future, pending};
use std::io::Read;
use std::net::Shutdown;
use std::pin::pin;
use std::thread;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3600);

/// Runs a nursery with one child that is cancelled when it waits, and `after` once that is done;
/// they end together.
async fn cancelled_around<A>(
    child: impl AsyncFnOnce() -> Result<(), E>,
    after: impl Future<Output = A>,
) -> (Result<(), E>, A) {
    let stopped = Cell::new(false);
    let work = nursery(async |n| {
        n.spawn(async { child().await });
        settle().await;
        n.cancel();
        stopped.set(true);
        Ok(())
    });
    let after = async {
        until(&stopped).await;
        settle().await;
        after.await
    };
    futures_util::join!(work, after)
}

/// Turns until something has happened.
async fn until(happened: &Cell<bool>) {
    while !happened.get() {
        nop().await.expect("nobody cancels this");
    }
}

#[test]
fn r08_an_operation_inside_is_neither_cancelled_nor_refused() {
    let (log, stats) = counted(async || {
        let (quiet, log) = (listener().await, Log::default());
        let address = quiet.local_addr().expect("an address");
        let child = async || {
            let inside = async {
                accept(&quiet).await?;
                log.say("was in flight");
                accept(&quiet).await?;
                log.say("began later");
                sleep(MS).await;
                task::yield_now().await;
                log.say("slept");
                Ok::<_, E>(())
            };
            shield(inside).await
        };
        let after = async {
            let first = std_connect(address);
            settle().await;
            (first, std_connect(address))
        };
        let (result, _connections) = cancelled_around(child, after).await;
        assert_eq!(result, Ok(()));
        log.take()
    });
    assert_eq!(log, ["was in flight", "began later", "slept"]);
    assert_eq!((stats.cancel_requests, stats.withdrawn, stats.cancelled), (0, 0, 0), "{stats:?}");
}

#[test]
fn r08_a_shield_in_the_body_holds_the_nursery() {
    run(async || {
        let (quiet, log) = (listener().await, Log::default());
        let address = quiet.local_addr().expect("an address");
        let connected = Cell::new(None);
        let result = nursery(async |n| {
            n.spawn(async {
                settle().await;
                n.cancel();
                shield(settle()).await;
                log.say("connect");
                connected.set(Some(std_connect(address)));
            });
            shield(accept(&quiet)).await?;
            log.say("accepted");
            task::yield_now().await;
            log.say("never");
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Err(E::Cancelled), "the body was cut");
        assert_eq!(log.take(), ["connect", "accepted"]);
    });
}

#[test]
fn r08_a_nursery_inside_runs_on() {
    let (ended, stats) = counted(async || {
        let (quiet, ended) = (listener().await, Count::default());
        let address = quiet.local_addr().expect("an address");
        let child = async || {
            let inside = nursery(async |n| {
                for _ in 0..5 {
                    n.spawn(async {
                        accept(&quiet).await?;
                        assert!(!n.is_cancelled() && !task::cancel_called());
                        nop().await?;
                        ended.one();
                        Ok(())
                    });
                }
                settle().await;
                settle().await;
                n.spawn(async { ended.one() });
                Ok::<_, E>(())
            });
            shield(inside).await
        };
        let connect = async { [(); 5].map(|()| std_connect(address)) };
        let (result, _connections) = cancelled_around(child, connect).await;
        assert_eq!(result, Ok(()));
        ended.get()
    });
    assert_eq!(ended, 6);
    assert_eq!((stats.cancel_requests, stats.withdrawn), (0, 0), "{stats:?}");
}

#[test]
fn r08_what_is_opened_and_cancelled_inside_is_cancelled() {
    let (_, stats) = counted(async || {
        let (quiet, heard) = (listener().await, Count::default());
        let child = async || {
            let inside = async {
                let inner = nursery(async |n| {
                    n.spawn(async { heard.add_if(never(&quiet).await == Err(E::Cancelled)) });
                    settle().await;
                    settle().await;
                    n.cancel();
                    Ok::<_, E>(())
                });
                assert_eq!(inner.await, Ok(()));
                let late = timeout(MS, never(&quiet)).await;
                heard.add_if(late == Ok(Err(E::Cancelled)));
                let failed = nursery(async |n| {
                    n.spawn(async { heard.add_if(never(&quiet).await == Err(E::Cancelled)) });
                    settle().await;
                    Err::<(), _>(E::Boom(1))
                });
                assert_eq!(failed.await, Err(E::Boom(1)));
                heard.one();
            };
            shield(inside).await;
            Ok(())
        };
        let (result, ()) = cancelled_around(child, async {}).await;
        assert_eq!(result, Ok(()));
        assert_eq!(heard.get(), 4);
    });
    // A time may be up before the kernel has seen the operation.
    assert_eq!(stats.cancel_requests + stats.withdrawn, 3, "{stats:?}");
}

/// Whatever it waits for: a sleep, a yield, or an operation, which is never submitted.
#[test]
fn r08_after_the_shield_the_next_wait_is_the_end() {
    for what in ["sleep", "yield", "operation", "foreign"] {
        let ((log, before), stats) = counted(async move || {
            let (log, before) = (Log::default(), Cell::new(0));
            let (here, _there) = pair().await;
            settle().await;
            let result = nursery(async |n| {
                n.spawn(async {
                    let _gone = log.at_drop("gone");
                    shield(settle()).await;
                    log.say("shielded");
                    before.set(nestling::stats().submitted);
                    match what {
                        "sleep" => sleep(MS).await,
                        "yield" => task::yield_now().await,
                        "operation" => drop(here.write("not to be sent").await),
                        _ => pending().await,
                    }
                    log.say("never");
                });
                nop().await?;
                n.cancel();
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()));
            let after = nestling::stats().submitted;
            assert_eq!(after, before.get(), "{what} is not submitted");
            (log.take(), before.get())
        });
        assert_eq!(log, ["shielded", "gone"], "{what}");
        // The two ends of the pair, and the listener that made it, are closed.
        assert!(stats.submitted - before <= 3, "{what}: {stats:?}");
    }
}

/// Async clean-up: entered by a task that has been told already.
#[test]
fn r08_entered_after_the_answer() {
    run(async || {
        let (quiet, log) = (listener().await, Log::default());
        let result = nursery(async |n| {
            n.spawn(async {
                assert_eq!(never(&quiet).await, Err(E::Cancelled));
                let cleanup = async {
                    assert!(!task::cancel_called());
                    nop().await?;
                    sleep(MS).await;
                    let inner = nursery(async |n| {
                        n.spawn(async { Ok(nop().await?) });
                        Ok::<_, E>(())
                    });
                    inner.await
                };
                shield_for(LONG, cleanup).await.expect("time enough")?;
                log.say("clean");
                shield_for(LONG, nop()).await.expect("time enough")?;
                log.say("twice");
                assert!(task::cancel_called());
                nop().await?;
                log.say("never");
                Ok(())
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(log.take(), ["clean", "twice"]);
    });
}

/// What asks inside a shield hears of no cancel there, until its own time is up.
#[test]
fn r08_nobody_inside_hears_of_it() {
    run(async || {
        let log = Log::default();
        let child = async || {
            let outside = async {
                cancelled().await;
                log.say("outside");
            };
            let inside = async {
                cancelled().await;
                log.say("inside");
            };
            let turns = async {
                settle().await;
                settle().await;
                settle().await;
                log.say("turns");
            };
            let either = async {
                let _first = select(pin!(inside), pin!(turns)).await;
            };
            let inside = shield(either);
            futures_util::join!(outside, inside);
            let late = async {
                cancelled().await;
                log.say("late");
            };
            assert_eq!(shield_for(MS, late).await, Ok(()));
            Ok(())
        };
        assert_eq!(cancelled_around(child, async {}).await.0, Ok(()));
        assert_eq!(log.take(), ["outside", "turns", "late"]);
    });
}

#[test]
fn r08_an_unbounded_shield_keeps_the_nursery() {
    run(async || {
        let (quiet, log) = (listener().await, Log::default());
        let address = quiet.local_addr().expect("an address");
        let child = async || {
            let _gone = log.at_drop("gone");
            shield(never(&quiet)).await
        };
        let after = async {
            // Far more turns than a cut takes.
            for _ in 0..100 {
                nop().await.expect("not cancelled");
            }
            assert!(log.take().is_empty(), "it waits");
            std_connect(address)
        };
        assert_eq!(cancelled_around(child, after).await.0, Ok(()));
        assert_eq!(log.take(), ["gone"]);
    });
}

#[test]
fn r08_a_bounded_shield_ends() {
    let (_, stats) = counted(async || {
        let (quiet, log) = (listener().await, Log::default());
        let child = async || {
            let late = shield_for(5 * MS, pending::<()>()).await;
            log.say("elapsed");
            assert_eq!(late.map_err(|Elapsed { .. }| ()), Err(()));
            // An operation answers once more: that is delivered, as by any timeout.
            assert_eq!(shield_for(MS, never(&quiet)).await, Ok(Err(E::Cancelled)));
            log.say("answered");
            let waited_again = async {
                let _ = never(&quiet).await;
                sleep(LONG).await;
            };
            shield_for(MS, waited_again).await.expect_err("it waited again");
            log.say("cut");
            Ok(())
        };
        assert_eq!(cancelled_around(child, async {}).await.0, Ok(()));
        assert_eq!(log.take(), ["elapsed", "answered", "cut"]);
    });
    assert_eq!(stats.cancel_requests + stats.withdrawn, 2, "{stats:?}");
}

#[test]
fn r08_a_deadline_around_waits_for_the_shield() {
    run(async || {
        // The success inside wins, however late.
        assert_eq!(timeout(MS, shield(async { sleep(5 * MS).await })).await, Ok(()));
        let (log, late) = (Log::default(), Cell::new(false));
        let work = async {
            let told = async {
                cancelled().await;
                late.set(true);
            };
            futures_util::join!(told, shield(until(&late)));
            log.say("shielded");
            task::yield_now().await;
            log.say("never");
        };
        timeout(MS, work).await.expect_err("it waited after the shield");
        assert_eq!(log.take(), ["shielded"]);
        // The task around the timeout is not cancelled.
        task::yield_now().await;
    });
}

#[test]
fn r08_a_siblings_failure_comes_out_after_the_shield() {
    run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.spawn(async {
                shield(settle()).await;
                log.say("finished");
            });
            n.spawn(async {
                nop().await?;
                log.say("failed");
                Err::<(), _>(E::Boom(1))
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Err(E::Boom(1)));
        assert_eq!(log.take(), ["failed", "finished"]);
    });
}

#[test]
fn r08_a_siblings_panic_comes_out_after_the_shield() {
    let (panicked, finished) = run(async || {
        use futures_util::FutureExt;
        let finished = Cell::new(false);
        let work = nursery(async |n| {
            n.spawn(async {
                shield(settle()).await;
                finished.set(true);
            });
            n.spawn(async { crate::support::nurseries::throw(3) });
            Ok::<(), E>(())
        });
        let ended = std::panic::AssertUnwindSafe(work).catch_unwind().await;
        (ended.map_err(|payload| crate::support::nurseries::thrown(&*payload)), finished.get())
    });
    assert_eq!((panicked, finished), (Err(3), true));
}

/// Model check 28: it was delivered nothing, so its error comes of nothing but itself.
#[test]
fn r08_an_error_of_a_child_that_was_only_ever_shielded_is_real() {
    let (_, stats) = counted(async || {
        let child = async || {
            shield(settle()).await;
            shield(async { Err(E::Boom(28)) }).await
        };
        assert_eq!(cancelled_around(child, async {}).await.0, Err(E::Boom(28)));
        // A shield after the answer does not make the error real.
        let quiet = listener().await;
        let child = async || {
            let told = never(&quiet).await;
            shield(settle()).await;
            told.map_err(|_| E::Boom(29))
        };
        assert_eq!(cancelled_around(child, async {}).await.0, Ok(()));
        // What was delivered inside the shield, by something inside it, is no answer of ours.
        let stopped = Cell::new(false);
        let inside = async {
            until(&stopped).await;
            timeout(MS, never(&quiet)).await.expect("an answer")
        };
        let ended = cancelled_around(async || shield(inside).await, async { stopped.set(true) });
        assert_eq!(ended.await.0, Err(E::Cancelled));
    });
    assert_eq!(stats.derived, 1, "{stats:?}");
}

/// The first failure is the result, also when a shielded one comes after it.
#[test]
fn r08_a_shielded_failure_does_not_displace_the_first() {
    run(async || {
        let result = nursery(async |n| {
            n.spawn(async {
                shield(settle()).await;
                Err::<(), _>(E::Boom(2))
            });
            n.spawn(async {
                nop().await?;
                Err::<(), _>(E::Boom(1))
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Err(E::Boom(1)));
    });
}

/// An operation that was begun outside is the outside's: it is cancelled there, and the error that
/// comes of it is derived although it was delivered inside.
#[test]
fn r08_an_operation_that_began_before_the_shield() {
    let (_, stats) = counted(async || {
        let quiet = listener().await;
        let child = async || {
            let mut accept = pin!(never(&quiet));
            assert!(crate::support::poll_once(accept.as_mut()).await.is_pending());
            shield(accept).await
        };
        assert_eq!(cancelled_around(child, async {}).await.0, Ok(()), "the error is derived");
    });
    assert_eq!((stats.cancel_requests, stats.derived), (1, 1), "{stats:?}");
}

/// Reads all that the peer has sent until its end, on a thread.
fn reader(mut socket: std::net::TcpStream) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        socket.read_to_end(&mut all).expect("an orderly end");
        all
    })
}

/// Trap 3, its remedy: the frame is finished although the cancel comes in its middle.
#[test]
fn r08_trap_3_a_shielded_write_all_finishes_the_frame() {
    const FRAME: usize = 8 << 20;
    let (got, stats) = counted(async || {
        let listener = listener().await;
        let peer = std_connect(listener.local_addr().expect("an address"));
        let stream = accept(&listener).await.expect("a connection");
        let child = async || {
            let (result, _) = shield_for(LONG, stream.write_all(vec![7; FRAME])).await.unwrap();
            result.expect("the frame is finished");
            stream.write_all("not to be sent").await.0?;
            Ok(())
        };
        // The peer begins to read when the frame is stuck half-way, and cancelled.
        let after = async { reader(peer) };
        let (result, reading) = cancelled_around(child, after).await;
        assert_eq!(result, Ok(()));
        stream.shutdown(Shutdown::Write).await.expect("the connection is open");
        reading.join().expect("it only reads")
    });
    assert_eq!(got.len(), FRAME, "nothing is missing, nothing follows");
    assert!(got.iter().all(|byte| *byte == 7));
    assert_eq!(stats.cancel_requests, 0, "{stats:?}");
}

/// Hazard H8: a buffer that is flushed on cancel reaches the peer.
#[test]
fn r08_h8_a_flush_on_cancel_is_delivered() {
    let got = run(async || {
        let listener = listener().await;
        let peer = std_connect(listener.local_addr().expect("an address"));
        let stream = accept(&listener).await.expect("a connection");
        let reading = reader(peer);
        let result = nursery(async |n: &Nursery<'_, '_, E>| {
            n.spawn(async {
                let mut unsent = Vec::new();
                loop {
                    unsent.extend_from_slice(b"line\n");
                    let (read, _) = stream.read(vec![0; 8]).await;
                    if read.is_err() {
                        break;
                    }
                }
                let goodbye = async {
                    stream.write_all(unsent).await.0?;
                    stream.write_all("bye\n").await.0?;
                    stream.shutdown(Shutdown::Write).await
                };
                shield_for(LONG, goodbye).await.expect("time enough")?;
                Ok(())
            });
            settle().await;
            Err::<(), _>(E::Boom(1))
        });
        assert_eq!(result.await, Err(E::Boom(1)));
        reading.join().expect("it only reads")
    });
    assert_eq!(got, b"line\nbye\n");
}
