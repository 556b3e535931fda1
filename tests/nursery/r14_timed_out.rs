//! Rule 14: what a deadline has stopped says so, and is a cancellation all the same.

use crate::support::nurseries::{E, Log, listener, pair, run, settle};
use nestling::net::TcpListener;
use nestling::time::Instant;
use nestling::{
    Cancelled, JoinError, Options, cancelled, for_each_limit, is_cancelled, nursery, nursery_with,
    race, shield_for, timeout, timeout_at,
};
use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn past() -> Instant {
    Instant::now() - MS
}

/// The kind of an error that is a cancellation.
#[track_caller]
fn kind(error: &io::Error) -> ErrorKind {
    assert!(is_cancelled(error), "{error}");
    error.kind()
}

/// What was seen, in order.
#[derive(Default)]
struct Seen(RefCell<Vec<ErrorKind>>);

impl Seen {
    fn push(&self, kind: ErrorKind) {
        self.0.borrow_mut().push(kind);
    }
}

/// The kind as which an operation was cancelled that does not answer by itself.
async fn stopped(listener: &TcpListener) -> ErrorKind {
    kind(&listener.accept().await.expect_err("nobody connects"))
}

#[test]
fn r14_an_operation_that_a_deadline_has_stopped_timed_out() {
    run(async || {
        let (quiet, (here, _there)) = (listener().await, pair().await);
        assert_eq!(timeout(Duration::ZERO, stopped(&quiet)).await, Ok(ErrorKind::TimedOut));
        assert_eq!(timeout_at(past(), stopped(&quiet)).await, Ok(ErrorKind::TimedOut));
        assert_eq!(shield_for(Duration::ZERO, stopped(&quiet)).await, Ok(ErrorKind::TimedOut));
        // In a nursery with a deadline; also one that was set later, and far inside.
        let seen = Seen::default();
        let options = Options { deadline: Some(past()), ..Options::default() };
        let result = nursery_with(options, async |n| {
            n.spawn(async { seen.push(stopped(&quiet).await) });
            pending::<io::Result<()>>().await
        });
        assert_eq!(kind(&result.await.unwrap_err()), ErrorKind::TimedOut);
        let result = nursery(async |n| {
            n.set_deadline(Some(past()));
            nursery(async |n| {
                n.spawn(async { seen.push(stopped(&quiet).await) });
                Ok::<_, io::Error>(())
            })
            .await
        });
        assert_eq!(kind(&result.await.unwrap_err()), ErrorKind::TimedOut);
        assert_eq!(seen.0.take(), [ErrorKind::TimedOut; 2]);
        // With all that is put around it: a count, a name, the stream of connections.
        let exact = timeout(Duration::ZERO, here.read_exact(vec![0; 8])).await;
        assert_eq!(exact.map(|(result, _)| kind(&result.unwrap_err())), Ok(ErrorKind::TimedOut));
        let mut incoming = pin!(quiet.incoming());
        let next = timeout(Duration::ZERO, incoming.next()).await;
        assert_eq!(next.map(|next| kind(&next.unwrap_err())), Ok(ErrorKind::TimedOut));
    });
}

/// The same kind comes out, whichever task was stopped.
#[test]
fn r14_inside_and_outside_of_a_timeout_say_the_same() {
    run(async || {
        let (here, _there) = pair().await;
        let read = async || {
            let (result, _buffer) = timeout(MS, here.read(vec![0; 8])).await?;
            result
        };
        let cut = async || Ok::<_, io::Error>(timeout(MS, pending::<()>()).await?);
        assert_eq!(read().await.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(cut().await.unwrap_err().kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn r14_what_no_deadline_has_stopped_did_not_time_out() {
    run(async || {
        let quiet = listener().await;
        let seen = Seen::default();
        let far =
            Options { deadline: Some(Instant::now() + 3600 * 1000 * MS), ..Options::default() };
        // Asked to.
        let asked = nursery_with(far, async |n| {
            n.spawn(async { seen.push(stopped(&quiet).await) });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(timeout(3600 * 1000 * MS, asked).await, Ok(Ok(())));
        // Another child has failed.
        let failed = nursery_with(far, async |n| {
            n.spawn(async { seen.push(stopped(&quiet).await) });
            settle().await;
            Err::<(), _>(E::Boom(1))
        });
        assert_eq!(failed.await, Err(E::Boom(1)));
        // The handle of a child.
        let handle = nursery_with(far, async |n| {
            let child = n.spawn(async { seen.push(stopped(&quiet).await) });
            settle().await;
            child.cancel();
            child.await.map_err(|cancelled| kind(&cancelled.into())).or(Ok::<_, E>(()))
        });
        assert_eq!(handle.await, Ok(()));
        // The future goes on after a timeout that had passed around another.
        assert!(timeout(Duration::ZERO, pending::<()>()).await.is_err());
        assert_eq!(seen.0.take(), [ErrorKind::Other; 3]);
    });
}

/// Of several cancels, the one counts that stopped it: the first that reached its scope.
#[test]
fn r14_the_cancel_that_came_first_says_what_it_is() {
    run(async || {
        let (quiet, seen) = (listener().await, Cell::new(None));
        let nested = async |asks_first: bool| {
            let work = nursery(async |n| {
                n.spawn(async { seen.set(Some(stopped(&quiet).await)) });
                n.spawn(async {
                    if !asks_first {
                        cancelled().await; // by the deadline
                    }
                    n.cancel();
                });
                Ok::<_, E>(())
            });
            let result = timeout_at(past(), work).await;
            (result, seen.take())
        };
        // Both in the turn in which the operation begins: it answers in a later one.
        assert_eq!(nested(true).await, (Ok(Ok(())), Some(ErrorKind::Other)));
        assert_eq!(nested(false).await, (Ok(Err(E::Cancelled)), Some(ErrorKind::TimedOut)));
        // A deadline that passes inside of what is cancelled by then, and the other way round.
        let inside = nursery(async |n| {
            n.spawn(async { n.cancel() });
            let inner = timeout(3600 * 1000 * MS, stopped(&quiet));
            seen.set(inner.await.ok());
            Ok::<_, E>(())
        });
        assert_eq!((inside.await, seen.take()), (Ok(()), Some(ErrorKind::Other)));
        let outer = timeout_at(past(), timeout(3600 * 1000 * MS, stopped(&quiet)));
        assert_eq!(outer.await, Ok(Ok(ErrorKind::TimedOut)));
    });
}

/// Every await that answers "cancelled" says why, not only operations.
#[test]
fn r14_awaits_of_all_kinds_time_out() {
    async fn said<T>(future: impl Future<Output = io::Result<T>>) -> Option<ErrorKind> {
        let answer = timeout(Duration::ZERO, future).await.expect("it answers");
        answer.err().map(|error| kind(&error))
    }
    const LATE: Option<ErrorKind> = Some(ErrorKind::TimedOut);
    run(async || {
        let quiet = listener().await;
        assert_eq!(said(nursery(async |_| pending::<io::Result<()>>().await)).await, LATE);
        assert_eq!(said(race([pending::<io::Result<()>>()])).await, LATE);
        assert_eq!(said(for_each_limit(1, 0..9, async |_| pending().await)).await, LATE);
        assert_eq!(said(async { Err::<(), _>(cancelled().await.into()) }).await, LATE);
        // Children that are cut, and one that is told.
        let log = Log::default();
        let result = nursery(async |n| {
            let cut = n.spawn(pending::<()>());
            let told = n.spawn(async { quiet.accept().await.map(drop) });
            let supervised = n.supervise(pending::<()>());
            let start = n.start::<(), _, _>(async |_| pending::<io::Result<()>>().await);
            n.set_deadline(Some(past()));
            let late =
                |cancelled: Cancelled| assert_eq!(kind(&cancelled.into()), ErrorKind::TimedOut);
            let (cut, told, supervised, start) = futures_util::join!(cut, told, supervised, start);
            late(cut.unwrap_err());
            late(told.unwrap_err());
            let supervised = supervised.unwrap_err();
            assert!(matches!(supervised, JoinError::TimedOut) && supervised.is_cancelled());
            assert_eq!(kind(&supervised.into()), ErrorKind::TimedOut);
            assert_eq!(kind(&start.unwrap_err()), ErrorKind::TimedOut);
            log.say("all");
            Ok::<_, io::Error>(())
        });
        assert_eq!(kind(&result.await.unwrap_err()), ErrorKind::TimedOut);
        assert_eq!(log.take(), ["all"]);
        // The starter alone is late: the child is cancelled by it.
        let alone = nursery(async |n| {
            let start = n.start::<(), _, _>(async |_| pending::<io::Result<()>>().await);
            assert_eq!(said(start).await, LATE);
            let start = n.start::<(), _, _>(async |_| Ok::<_, io::Error>(cancelled().await));
            assert_eq!(said(start).await, LATE);
            Ok::<_, io::Error>(())
        });
        alone.await.expect("nothing has stopped it");
    });
}

/// A child whose starter is late, or is dropped because it is late, is late itself; what it leaves
/// is no failure of the nursery.
#[test]
fn r14_a_child_that_a_late_starter_gives_up_timed_out() {
    run(async || {
        let (quiet, seen) = (listener().await, Seen::default());
        let result = nursery(async |n| {
            let child = async |_| {
                seen.push(stopped(&quiet).await);
                pending::<io::Result<()>>().await
            };
            let told = timeout(Duration::ZERO, n.start::<(), _, _>(child)).await;
            assert_eq!(kind(&told.expect("it answers").unwrap_err()), ErrorKind::TimedOut);
            // The one that starts is cut at its own deadline, and drops what it started.
            let cut = timeout(Duration::ZERO, async {
                let mut start = pin!(n.start::<(), _, _>(child));
                let mut polled = false;
                std::future::poll_fn(|cx| {
                    if !std::mem::replace(&mut polled, true) {
                        assert!(start.as_mut().poll(cx).is_pending());
                    }
                    Poll::<()>::Pending
                })
                .await;
            });
            assert!(cut.await.is_err());
            Ok::<_, io::Error>(())
        });
        result.await.expect("no child of the nursery has failed");
        assert_eq!(seen.0.take(), [ErrorKind::TimedOut; 2]);
    });
}

/// More operations than a turn cancels, and futures that outlive the timeout around them.
#[test]
fn r14_a_thousand_operations_time_out_and_futures_that_are_only_lent() {
    run(async || {
        let quiet = listener().await;
        let many = (0..1_000).map(|_| stopped(&quiet));
        let many = timeout(Duration::ZERO, futures_util::future::join_all(many)).await;
        assert_eq!(many, Ok(vec![ErrorKind::TimedOut; 1_000]));
        // It answers after the scope has closed in which it was stopped.
        let mut lent = pin!(stopped(&quiet));
        let first = timeout(Duration::ZERO, async {
            let mut polled = false;
            std::future::poll_fn(|cx| {
                // Polled once only: what is cut then had an operation in flight.
                if !std::mem::replace(&mut polled, true) {
                    assert!(lent.as_mut().poll(cx).is_pending());
                }
                Poll::<()>::Pending
            })
            .await;
        });
        assert!(first.await.is_err(), "nothing is delivered to it");
        assert_eq!(lent.await, ErrorKind::TimedOut);
    });
}
