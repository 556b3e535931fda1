//! Rule 13: panics are caught where they happen, cancel the rest, and resume after the join.

use crate::support::nurseries::{
    Count, E, Log, OnDrop, inode, is_open, listener, never, run, settle, throw, thrown, within,
};
use futures_util::FutureExt;
use nestling::nursery;
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// The number that a future panicked with.
async fn caught<F: Future>(future: F) -> u32 {
    let payload = AssertUnwindSafe(future).catch_unwind().await.err().expect("a panic");
    thrown(&*payload)
}

#[test]
fn r13_a_childs_panic_resumes_after_the_join() {
    run(async || {
        let (name, heard) = (Cell::new(String::new()), Count::default());
        let number = caught(nursery(async |n| {
            n.spawn(async {
                let quiet = listener().await;
                name.set(inode(&quiet));
                heard.add_if(never(&quiet).await == Err(E::Cancelled));
            });
            n.spawn(async {
                settle().await;
                if true {
                    throw(1);
                }
            });
            pending::<()>().await;
            Ok::<_, E>(())
        }));
        assert_eq!(number.await, 1);
        assert_eq!(heard.get(), 1);
        assert!(!is_open(&name.take()), "it was resumed before the join");
    });
}

#[test]
fn r13_a_bodys_panic_cancels_the_children() {
    run(async || {
        let (quiet, heard) = (listener().await, Count::default());
        let number = caught(nursery(async |n| {
            n.spawn(async { heard.add_if(never(&quiet).await == Err(E::Cancelled)) });
            settle().await;
            if true {
                throw(2);
            }
            Ok::<_, E>(())
        }));
        assert_eq!((number.await, heard.get()), (2, 1));
    });
}

#[test]
fn r13_a_destructors_panic_on_a_cut() {
    run(async || {
        let log = Log::default();
        let number = caught(nursery(async |n| {
            n.spawn(async {
                let _local = log.at_drop("the other local");
                let _panics = OnDrop(|| throw(3));
                pending::<()>().await;
            });
            n.spawn(async {
                let _local = log.at_drop("the other child");
                pending::<()>().await;
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        }));
        assert_eq!(number.await, 3);
        let mut log = log.take();
        log.sort_unstable();
        assert_eq!(log, ["the other child", "the other local"]);
    });
}

#[test]
fn r13_a_destructors_panic_at_the_end_of_a_child() {
    run(async || {
        let number = caught(nursery(async |n| {
            n.spawn(async {
                let _panics = OnDrop(|| throw(4));
                nop().await.map_err(E::from)
            });
            Ok(())
        }));
        assert_eq!(number.await, 4);
    });
}

#[test]
fn r13_a_destructors_panic_in_the_body_when_it_is_cut() {
    run(async || {
        let (quiet, heard) = (listener().await, Count::default());
        let number = caught(nursery(async |n| {
            n.spawn(async { heard.add_if(never(&quiet).await == Err(E::Cancelled)) });
            let _panics = OnDrop(|| throw(5));
            settle().await;
            n.cancel();
            pending::<()>().await;
            Ok::<_, E>(())
        }));
        assert_eq!((number.await, heard.get()), (5, 1));
    });
}

/// A value whose handle is gone is dropped at the child's end.
#[test]
fn r13_a_values_destructor_panics() {
    run(async || {
        let number = caught(nursery(async |n| {
            drop(n.spawn(async { Ok(OnDrop(|| throw(6))) }));
            Ok::<_, E>(())
        }));
        assert_eq!(number.await, 6);
        // With a handle it is the task that drops that.
        let number = caught(nursery(async |n| {
            let handle = n.spawn(async { Ok(OnDrop(|| throw(7))) });
            settle().await;
            drop(handle);
            Ok::<_, E>(())
        }));
        assert_eq!(number.await, 7);
    });
}

#[test]
fn r13_a_panic_beats_an_earlier_error() {
    run(async || {
        let number = caught(nursery(async |n| {
            n.spawn(async {
                let _panics = OnDrop(|| throw(8));
                pending::<()>().await;
            });
            settle().await;
            Err::<(), _>(E::Boom(1))
        }));
        assert_eq!(number.await, 8);
    });
}

#[test]
fn r13_the_first_of_several_panics_resumes() {
    run(async || {
        let number = caught(nursery(async |n| {
            for number in 10..20 {
                n.spawn(async move {
                    let _panics = OnDrop(move || {
                        if !std::thread::panicking() {
                            throw(number + 100);
                        }
                    });
                    nop().await.expect("one batch");
                    if number % 2 == 0 {
                        throw(number);
                    }
                    pending::<()>().await;
                });
            }
            Ok::<_, E>(())
        }));
        assert_eq!(number.await, 10);
    });
}

#[test]
fn r13_a_panic_travels_through_nurseries() {
    run(async || {
        let joined = Count::default();
        let number = caught(nursery(async |outer| {
            outer.spawn(async {
                let quiet = listener().await;
                joined.add_if(never(&quiet).await == Err(E::Cancelled));
            });
            outer.spawn(nursery(async |inner| {
                inner.spawn(async {
                    settle().await;
                    if true {
                        throw(9);
                    }
                });
                pending::<Result<(), E>>().await
            }));
            Ok::<_, E>(())
        }));
        assert_eq!((number.await, joined.get()), (9, 1));
    });
}

#[test]
fn r13_a_handle_of_a_panicked_child_says_cancelled() {
    run(async || {
        let heard = Count::default();
        let number = caught(nursery(async |n| {
            let handle = n.spawn(async {
                settle().await;
                if true {
                    throw(1);
                }
            });
            heard.add_if(handle.await.is_err());
            Ok::<_, E>(())
        }));
        assert_eq!((number.await, heard.get()), (1, 1));
    });
}

#[test]
fn r13_a_panic_out_of_block_on() {
    let payload = catch_unwind(|| {
        within(|| {
            nestling::block_on(nursery(async |n| {
                n.spawn(async {
                    if true {
                        throw(30)
                    }
                });
                Ok::<_, E>(())
            }))
        })
    });
    assert_eq!(thrown(&*payload.expect_err("it panicked")), 30);
}

/// A nursery that is dropped by unwinding has children whose destructors panic: no abort.
#[test]
fn r13_a_panic_during_unwinding_does_not_abort() {
    run(async || {
        let dropped = Count::default();
        let number = caught(async {
            let mut inner = Box::pin(nursery(async |n| {
                for _ in 0..3 {
                    n.spawn(async {
                        let _counts = OnDrop(|| dropped.one());
                        let _panics = OnDrop(|| throw(40));
                        pending::<()>().await;
                    });
                }
                pending::<Result<(), E>>().await
            }));
            assert!(crate::support::poll_once(inner.as_mut()).await.is_pending());
            if true {
                throw(41);
            }
        });
        assert_eq!((number.await, dropped.get()), (41, 3));
    });
}

#[test]
fn r13_a_nursery_that_is_dropped_early_hands_on_a_destructors_panic() {
    run(async || {
        let dropped = Count::default();
        let number = caught(async {
            let mut inner = Box::pin(nursery(async |n| {
                for number in 0..3 {
                    let dropped = &dropped;
                    n.spawn(async move {
                        let _counts = OnDrop(|| dropped.one());
                        let _panics = OnDrop(move || throw(50 + number));
                        pending::<()>().await;
                    });
                }
                pending::<Result<(), E>>().await
            }));
            assert!(crate::support::poll_once(inner.as_mut()).await.is_pending());
            drop(inner);
        });
        assert!((50..53).contains(&number.await));
        assert_eq!(dropped.get(), 3);
    });
}

#[test]
fn r13_block_on_in_a_destructor_is_refused_and_joined() {
    run(async || {
        let refused = Rc::new(Count::default());
        let result = nursery(async |n| {
            let refused = Rc::clone(&refused);
            n.spawn(async move {
                let _opens = OnDrop(|| {
                    let open = || nestling::block_on(nursery(async |_| Ok::<_, E>(())));
                    let payload = catch_unwind(AssertUnwindSafe(open)).expect_err("refused");
                    let text = payload.downcast_ref::<&str>().expect("a text");
                    refused.add_if(text.starts_with("block_on was called inside a runtime"));
                });
                pending::<()>().await;
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(refused.get(), 1);
    });
}

/// A body that is a plain function may panic before there is a future.
#[test]
fn r13_a_panic_before_the_body_is_a_future() {
    fn body<'s>(
        n: &'s nestling::Nursery<'s, '_, E>,
    ) -> impl Future<Output = Result<(), E>> + use<'s> {
        n.spawn(async {});
        if true {
            throw(60);
        }
        std::future::ready(Ok(()))
    }
    run(async || assert_eq!(caught(nursery(body)).await, 60));
}

/// After a panic the runtime goes on as before.
#[test]
fn r13_the_core_lives_on() {
    run(async || {
        for round in 0..20 {
            let number = caught(nursery(async |n| {
                n.spawn(async move {
                    nop().await.expect("first");
                    throw(round)
                });
                Ok::<_, E>(())
            }));
            assert_eq!(number.await, round);
            assert_eq!(nursery(async |_| Ok::<_, E>(round)).await, Ok(round));
        }
    });
}

/// An error that gives way to a panic is dropped, and so is the body's value. Neither's destructor
/// gets in the way of the panic, and the second one does not abort.
#[test]
fn r13_what_a_panic_displaces_may_panic_itself() {
    struct Dire(Option<Box<dyn FnMut()>>);
    impl Drop for Dire {
        fn drop(&mut self) {
            if let Some(throw) = &mut self.0 {
                throw();
            }
        }
    }
    impl From<nestling::Cancelled> for Dire {
        fn from(_: nestling::Cancelled) -> Self {
            Self(None)
        }
    }
    run(async || {
        let (quiet, joined) = (listener().await, Count::default());
        let number = caught(nursery(async |n| {
            n.spawn(async { joined.add_if(never(&quiet).await == Err(E::Cancelled)) });
            n.spawn(async {
                let _panics = OnDrop(|| throw(71));
                pending::<()>().await;
            });
            settle().await;
            Err::<(), _>(Dire(Some(Box::new(|| throw(70)))))
        }));
        assert_eq!((number.await, joined.get()), (71, 1));
        let number = caught(nursery(async |n| {
            n.spawn(async {
                settle().await;
                if true {
                    throw(73);
                }
            });
            Ok::<_, E>(OnDrop(|| throw(72)))
        }));
        assert_eq!(number.await, 73);
    });
}
