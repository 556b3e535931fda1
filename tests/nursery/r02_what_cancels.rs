//! Rule 2: what cancels a nursery, and that cancelling is sticky and harmless to repeat.

use crate::support::nurseries::{Count, E, Log, OnDrop, Parked, listener, never, run, settle};
use nestling::{Canceller, nursery};
use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};

/// Runs a nursery with a child and a body that wait for ever, and with a second child that ends
/// the wait; tells what the first child and the body heard.
fn who_hears(
    end: impl AsyncFnOnce() -> Result<(), E> + Send + 'static,
) -> (Result<(), E>, [bool; 2]) {
    run(async || {
        let quiet = listener().await;
        let heard = [Cell::new(false), Cell::new(false)];
        let result = nursery(async |n| {
            n.spawn(async {
                heard[0].set(never(&quiet).await == Err(E::Cancelled));
                Ok(())
            });
            n.spawn(async {
                settle().await;
                end().await
            });
            heard[1].set(never(&quiet).await.is_err_and(|error| error == E::Cancelled));
            Ok(())
        });
        (result.await, heard.map(Cell::into_inner))
    })
}

#[test]
fn r02_a_childs_failure_cancels_siblings_and_body() {
    let (result, heard) = who_hears(async || Err(E::Boom(1)));
    assert_eq!((result, heard), (Err(E::Boom(1)), [true, true]));
}

#[test]
fn r02_the_bodys_failure_cancels_the_children() {
    let (result, heard) = run(async || {
        let quiet = listener().await;
        let heard = Cell::new(false);
        let result = nursery(async |n| {
            n.spawn(async {
                heard.set(never(&quiet).await == Err(E::Cancelled));
                Ok(())
            });
            settle().await;
            Err::<(), _>(E::Boom(2))
        });
        (result.await, heard.get())
    });
    assert_eq!((result, heard), (Err(E::Boom(2)), true));
}

#[test]
fn r02_cancel_cancels_everything_and_is_sticky() {
    run(async || {
        let quiet = listener().await;
        let heard = Count::default();
        let result = nursery(async |n| {
            for _ in 0..3 {
                n.spawn(async {
                    heard.add_if(never(&quiet).await.is_err());
                    Ok(())
                });
            }
            settle().await;
            assert!(!n.is_cancelled());
            n.cancel();
            n.cancel();
            assert!(n.is_cancelled());
            Ok::<_, E>(5)
        });
        assert_eq!((result.await, heard.get()), (Ok(5), 3));
    });
}

#[test]
fn r02_an_ancestors_cancel_reaches_every_descendant() {
    let heard = run(async || {
        let quiet = listener().await;
        let heard = Count::default();
        let hear = async || {
            heard.add_if(never(&quiet).await == Err(E::Cancelled));
            Ok(())
        };
        let result = nursery(async |a| {
            a.spawn(async {
                nursery(async |b| {
                    b.spawn(hear());
                    b.spawn(async {
                        nursery(async |c| {
                            c.spawn(hear());
                            hear().await
                        })
                        .await
                    });
                    hear().await
                })
                .await
            });
            settle().await;
            a.cancel();
            Ok::<_, E>(())
        });
        (result.await, heard.get())
    });
    assert_eq!(heard, (Ok(()), 4));
}

#[test]
fn r02_an_inner_cancel_leaves_the_outer_nursery_alone() {
    run(async || {
        let result = nursery(async |outer| {
            outer.spawn(async {
                let inner = nursery(async |inner| {
                    inner.spawn(pending::<()>());
                    inner.cancel();
                    Ok::<_, E>(())
                });
                inner.await
            });
            settle().await;
            assert!(!outer.is_cancelled());
            Ok::<_, E>(1)
        });
        assert_eq!(result.await, Ok(1));
    });
}

/// Trap 8: from another child, from a destructor, from the poll of the operation itself, and from a
/// waker that another thread has woken.
#[test]
fn r02_cancel_from_another_child() {
    run(async || {
        let quiet = listener().await;
        let result = nursery(async |n| {
            n.spawn(async { never(&quiet).await });
            n.spawn(async {
                settle().await;
                n.cancel();
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

#[test]
fn r02_cancel_from_a_destructor() {
    run(async || {
        let quiet = listener().await;
        let result = nursery(async |n| {
            n.spawn(async { never(&quiet).await });
            n.spawn(async {
                let _cancels = OnDrop(|| n.cancel());
                settle().await;
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

#[test]
fn r02_cancel_from_the_poll_of_the_operation_that_it_cancels() {
    run(async || {
        let quiet = listener().await;
        let heard = Cell::new(false);
        let result = nursery(async |n| {
            n.spawn(async {
                let mut accept = std::pin::pin!(never(&quiet));
                let answer = std::future::poll_fn(|cx| {
                    let polled = accept.as_mut().poll(cx);
                    n.cancel();
                    polled
                });
                heard.set(answer.await == Err(E::Cancelled));
                Ok(())
            });
            Ok::<_, E>(())
        });
        assert_eq!((result.await, heard.get()), (Ok(()), true));
    });
}

thread_local! {
    static STOP: RefCell<Option<Canceller>> = const { RefCell::new(None) };
}

/// A foreign waker that cancels when it is woken.
struct Cancels;

impl Wake for Cancels {
    fn wake(self: Arc<Self>) {
        STOP.with(|stop| stop.borrow().as_ref().expect("a canceller").cancel());
    }
}

#[test]
fn r02_cancel_from_a_foreign_waker() {
    run(async || {
        let quiet = listener().await;
        let client = quiet.local_addr().expect("an address");
        let result = nursery(async |n| {
            STOP.set(Some(n.canceller()));
            n.spawn(async {
                let mut accept = std::pin::pin!(never(&quiet));
                let waker = Waker::from(Arc::new(Cancels));
                let _ = accept.as_mut().poll(&mut std::task::Context::from_waker(&waker));
                pending::<()>().await;
            });
            settle().await;
            let _client = crate::support::nurseries::std_connect(client);
            pending::<()>().await;
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Err(E::Cancelled));
        STOP.set(None);
    });
}

#[test]
fn r02_cancel_in_answer_to_another_thread() {
    run(async || {
        let (send, receive) = async_channel::bounded(1);
        let quiet = listener().await;
        let result = nursery(async |n| {
            n.spawn(async { never(&quiet).await });
            n.spawn(async {
                receive.recv().await.expect("a message");
                n.cancel();
            });
            settle().await;
            let thread = std::thread::spawn(move || send.send_blocking(()));
            pending::<()>().await;
            drop(thread);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Err(E::Cancelled));
    });
}

#[test]
fn r02_a_canceller_that_comes_too_late_is_harmless() {
    run(async || {
        let kept = RefCell::new(None);
        let result = nursery(async |n| {
            let stop = n.canceller();
            assert!(!stop.is_cancelled());
            kept.replace(Some(stop));
            Ok::<_, E>(1)
        });
        assert_eq!(result.await, Ok(1));
        let stop = kept.take().expect("a canceller");
        assert!(stop.is_cancelled(), "the nursery has closed");
        // Its place in the tree goes to the next nursery, which must not notice.
        let result = nursery(async |n| {
            stop.cancel();
            settle().await;
            assert!(!n.is_cancelled());
            Ok::<_, E>(2)
        });
        assert_eq!(result.await, Ok(2));
    });
}

#[test]
fn r02_the_first_reason_is_kept() {
    let log = run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.spawn(async {
                let _gone = log.at_drop("cut");
                pending::<()>().await;
            });
            settle().await;
            n.cancel();
            Err::<(), _>(E::Boom(3))
        });
        // A failure after the cancel is a failure all the same.
        assert_eq!(result.await, Err(E::Boom(3)));
        log.take()
    });
    assert_eq!(log, ["cut"]);
}

thread_local! {
    static PARKED: Parked = const { RefCell::new(None) };
}

/// A foreign waker that drops an operation when it is woken.
struct Drops;

impl Wake for Drops {
    fn wake(self: Arc<Self>) {
        let parked = PARKED.take();
        drop(parked);
    }
}

/// Both operations are not with the kernel yet, so the cancel itself answers the second one; its
/// waker drops the first one, whose scope's turn is to come.
#[test]
fn r02_a_foreign_waker_may_drop_operations_while_a_cancel_goes_round() {
    run(async || {
        let quiet = Rc::new(listener().await);
        let result = nursery(async |n| {
            n.spawn(async {
                let quiet = Rc::clone(&quiet);
                let mut accept = Box::pin(async move { never(&quiet).await });
                assert!(crate::support::poll_once(accept.as_mut()).await.is_pending());
                PARKED.set(Some(accept));
                pending::<()>().await;
            });
            n.spawn(async {
                let mut accept = std::pin::pin!(never(&quiet));
                let waker = Waker::from(Arc::new(Drops));
                let polled = accept.as_mut().poll(&mut std::task::Context::from_waker(&waker));
                assert!(polled.is_pending());
                n.cancel();
                assert!(PARKED.take().is_none(), "the waker was woken");
                pending::<()>().await;
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}
