//! `supervise`: what a supervised child leaves behind is isolated wherever it is dropped, also when
//! its destructor panics.

use crate::support::nurseries::{Count, E, run, settle, throw, thrown};
use nestling::{JoinError, Nursery, Options, Started, Supervised, nursery, nursery_with, timeout};
use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Its destructor panics.
#[derive(Debug)]
struct Throws(u32);

impl Drop for Throws {
    fn drop(&mut self) {
        throw(self.0);
    }
}

/// Panics with a payload whose destructor panics, with one whose destructor panics again.
fn throw_throwing() -> ! {
    struct Deep;
    impl Drop for Deep {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new(Throws(3)));
        }
    }
    std::panic::resume_unwind(Box::new(Deep))
}

/// Ready at once, and its destructor panics.
struct Hand;

impl Future for Hand {
    type Output = Throws;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Throws> {
        Poll::Ready(Throws(1))
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        throw(4);
    }
}

/// Runs a body beside a sibling, which has to live on to its end.
fn beside_a_sibling(body: impl for<'s, 'e> AsyncFn(&'s Nursery<'s, 'e, E>) + Send + 'static) {
    run(async move || {
        let lived = Count::default();
        let options = Options { slots: Some(8), ..Options::default() };
        let result = nursery_with(options, async |n| {
            n.spawn(async {
                for _ in 0..6 {
                    settle().await;
                }
                lived.one();
            });
            body(n).await;
            assert!(!n.is_cancelled());
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()), "nothing of it is the nursery's");
        assert_eq!(lived.get(), 1, "the sibling lived on");
    });
}

#[test]
fn supervise_an_output_whose_handle_is_dropped_before_the_end() {
    beside_a_sibling(async |n| {
        drop(n.supervise(async { Throws(1) }));
        drop(n.supervise(async {
            settle().await;
            Throws(1)
        }));
        drop(n.supervise(async { Err::<(), _>(Throws(1)) }));
        drop(n.supervise(Hand));
        settle().await;
        settle().await;
    });
}

#[test]
fn supervise_an_output_whose_handle_is_dropped_after_the_end() {
    beside_a_sibling(async |n| {
        let handles = [n.supervise(async { Throws(1) }), n.supervise(async { Throws(2) })];
        settle().await;
        assert!(handles.iter().all(Supervised::is_finished));
        drop(handles);
        // In a timeout that is over, with the future that holds it.
        let handle = n.supervise(async { Throws(1) });
        let holds = async move {
            let _handle = handle;
            pending::<()>().await;
        };
        assert!(timeout(Duration::from_millis(1), holds).await.is_err());
        // When it is replaced by another one, while no task awaits it.
        let mut handle = n.supervise(async { Throws(1) });
        settle().await;
        assert!(handle.is_finished());
        handle = n.supervise(async { Throws(2) });
        assert_eq!(std::mem::ManuallyDrop::new(handle.await.expect("it ends")).0, 2);
    });
}

/// By another task, whose failure that would be otherwise; by a body; by a task that is cut.
#[test]
fn supervise_an_output_whose_handle_is_dropped_elsewhere() {
    beside_a_sibling(async |n| {
        let handle = n.supervise(async { Throws(1) });
        settle().await;
        let other = n.spawn(async move { drop(handle) });
        assert_eq!(other.await, Ok(()));
        let handle = n.supervise(async { Throws(1) });
        let holder = n.spawn(async move {
            let _handle = handle;
            pending::<()>().await;
        });
        settle().await;
        holder.cancel();
        assert!(holder.await.is_err());
        let inner = nursery(async |inner| {
            let _handle = inner.supervise(async { Throws(1) });
            settle().await;
            Ok::<_, E>(())
        });
        assert_eq!(inner.await, Ok(()));
        // With the locals of a body that fails.
        let inner: Result<(), E> = nursery(async |inner| {
            let kept = RefCell::new(None);
            kept.replace(Some(inner.supervise(async { Throws(1) })));
            settle().await;
            Err(E::Boom(1))
        })
        .await;
        assert_eq!(inner, Err(E::Boom(1)), "its own failure, no panic");
    });
}

#[test]
fn supervise_in_a_nursery_that_is_dropped_early() {
    beside_a_sibling(async |_| {
        for finished in [false, true] {
            let inner = nursery(async |inner| {
                let _handle = inner.supervise(async {
                    if !finished {
                        pending::<()>().await;
                    }
                    Throws(1)
                });
                drop(inner.supervise(async {
                    let _throws = Throws(2);
                    pending::<()>().await;
                }));
                drop(inner.supervise(Throwing(Throws(3))));
                pending::<Result<(), E>>().await
            });
            let mut inner = Box::pin(inner);
            for _ in 0..20 {
                let poll = poll_fn(|cx| Poll::Ready(inner.as_mut().poll(cx).is_ready()));
                assert!(!poll.await);
                nestling::task::yield_now().await;
            }
            drop(inner);
        }
        // Cancelled, and before it began.
        let late = nursery(async |inner| {
            inner.cancel();
            let throws = Throws(1);
            drop(inner.supervise(async move {
                let _throws = throws;
            }));
            drop(inner.supervise(Throwing(Throws(2))));
            Ok::<_, E>(())
        });
        assert_eq!(late.await, Ok(()));
    });
}

/// Never ready; what it holds throws.
struct Throwing(#[expect(dead_code, reason = "it is there to be dropped")] Throws);

impl Future for Throwing {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

#[test]
fn supervise_a_payload_whose_destructor_panics() {
    beside_a_sibling(async |n| {
        drop(n.supervise(async { throw_throwing() }));
        settle().await;
        let handle = n.supervise(async { throw_throwing() });
        settle().await;
        assert!(handle.is_finished());
        drop(handle);
        // Thrown by a destructor: when it is cut, before its first poll, and at its end.
        struct ThrowsThrowing;
        impl Drop for ThrowsThrowing {
            fn drop(&mut self) {
                throw_throwing();
            }
        }
        let cut = n.supervise(async {
            let _throws = ThrowsThrowing;
            pending::<()>().await;
        });
        settle().await;
        cut.cancel();
        assert!(matches!(cut.await, Err(JoinError::Cancelled)));
        let captured = ThrowsThrowing;
        let unpolled = n.supervise(async move {
            let _captured = captured;
        });
        unpolled.cancel();
        assert!(matches!(unpolled.await, Err(JoinError::Cancelled)));
        drop(n.supervise(async { ThrowsThrowing }));
        drop(n.supervise(async {
            let _throws = ThrowsThrowing;
        }));
        settle().await;
        // Our own conversion drops it: its text is all that is kept.
        let Err(error) = n.supervise(async { throw_throwing() }).await.map(|(): ()| ()) else {
            panic!("it panicked")
        };
        assert_eq!(io::Error::from(error).to_string(), "the task panicked");
    });
}

#[test]
fn supervise_in_a_slot() {
    beside_a_sibling(async |n| {
        for _ in 0..20 {
            // The slot comes free each time.
            drop(n.slot().await.supervise(async { Throws(1) }));
            let captured = Throws(2);
            let child = n.slot().await.supervise(async move {
                let _captured = captured;
                pending::<()>().await;
            });
            child.cancel();
        }
        settle().await;
    });
}

/// Who is started or joined inside of a supervised child leaves its value to that.
#[test]
fn supervise_what_is_started() {
    beside_a_sibling(async |n| {
        drop(n.supervise(n.start(async |up: Started<Throws>| {
            up.ready(Throws(1));
            settle().await;
        })));
        let child = n.spawn(async { Ok(Throws(1)) });
        drop(n.supervise(child));
        let supervised = n.supervise(async { Throws(1) });
        drop(n.supervise(supervised));
        settle().await;
    });
}

#[test]
fn supervise_a_handle_that_is_forgotten_leaves_its_output() {
    beside_a_sibling(async |n| {
        std::mem::forget(n.supervise(async { Throws(1) }));
        settle().await;
    });
}

/// A handle with such an output is dropped while a panic unwinds: the panic goes on.
#[test]
fn supervise_an_output_that_is_dropped_during_a_panic() {
    run(async || {
        let result = nursery(async |n| {
            let handle = n.supervise(async { Throws(1) });
            settle().await;
            let panic = catch_unwind(AssertUnwindSafe(|| {
                let _handle = handle;
                throw(7);
            }));
            assert_eq!(thrown(&*panic.expect_err("it throws")), 7);
            assert!(!n.is_cancelled());
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

/// What the handle has given out is its receiver's own, and so is what that throws.
#[test]
fn supervise_what_was_given_out_is_the_receivers() {
    run(async || {
        let result = nursery(async |n| {
            let output = n.supervise(async { Throws(5) }).await;
            let panic = catch_unwind(AssertUnwindSafe(|| drop(output)));
            assert_eq!(thrown(&*panic.expect_err("it throws")), 5);
            let panics = n.supervise(async { panic_any("text") }).await.map(|(): ()| ());
            assert_eq!(panics.expect_err("it panicked").message(), Some("text"));
            // A payload can be thrown on.
            let Err(JoinError::Panic(payload)) = n.supervise(async { throw(6) }).await else {
                panic!("it panicked")
            };
            assert_eq!(thrown(&*payload), 6);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}
