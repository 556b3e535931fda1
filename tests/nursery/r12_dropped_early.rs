//! Rule 12: a nursery that is dropped early drops its children at once, and the scope around it
//! joins what they had in flight; a forgotten one is never polled again.

use crate::support::nurseries::{
    Count, E, Log, OnDrop, inode, is_open, listener, never, run, settle, within,
};
use crate::support::poll_once;
use futures_util::future::select;
use nestling::net::TcpListener;
use nestling::task::yield_now;
use nestling::{JoinHandle, nursery, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::mem::forget;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

/// Sockets that a test opened, by name.
#[derive(Default)]
struct Opened(RefCell<Vec<String>>);

impl Opened {
    /// A listener whose end can be told: while an accept on it is in flight, it is open.
    async fn listener(&self) -> TcpListener {
        let listener = listener().await;
        self.0.borrow_mut().push(inode(&listener));
        listener
    }

    #[track_caller]
    fn assert_closed(&self, count: usize) {
        let names = self.0.borrow();
        assert_eq!(names.len(), count, "the test got as far as it should");
        let open: Vec<_> = names.iter().filter(|name| is_open(name)).collect();
        assert!(open.is_empty(), "the kernel still has {open:?}");
    }
}

#[test]
fn r12_the_outer_nursery_joins_what_children_had_in_flight() {
    run(async || {
        let opened = Opened::default();
        let accept = async || never(&opened.listener().await).await;
        let result = nursery(async |_| {
            let inner = nursery(async |n| {
                (0..10).for_each(|_| drop(n.spawn(accept())));
                Ok::<_, E>(())
            });
            drop(select(Box::pin(inner), Box::pin(settle())).await);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        opened.assert_closed(10);
    });
}

#[test]
fn r12_the_outer_nursery_joins_what_the_body_had_in_flight() {
    run(async || {
        let opened = Opened::default();
        let result = nursery(async |_| {
            let inner = nursery(async |_| never(&opened.listener().await).await);
            drop(select(Box::pin(inner), Box::pin(settle())).await);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        opened.assert_closed(1);
    });
}

/// Scopes inside the body: their heir is the body's scope, which closes after them.
#[test]
fn r12_scopes_inside_the_body_have_an_heir() {
    run(async || {
        let opened = Opened::default();
        let result = nursery(async |_| {
            let inner = nursery(async |_| {
                let within_timeout = async {
                    let quiet = opened.listener().await;
                    let _ = timeout(Duration::MAX, never(&quiet)).await;
                };
                let within_nursery = nursery(async |n| {
                    n.spawn(async { never(&opened.listener().await).await });
                    never(&opened.listener().await).await
                });
                let _ = futures_util::join!(within_timeout, within_nursery);
                Ok::<_, E>(())
            });
            drop(select(Box::pin(inner), Box::pin(settle())).await);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        opened.assert_closed(3);
    });
}

#[test]
fn r12_scopes_inside_a_child_have_an_heir() {
    run(async || {
        let opened = Opened::default();
        let result = nursery(async |_| {
            let inner = nursery(async |n| {
                n.spawn(async {
                    let quiet = opened.listener().await;
                    let _ = timeout(Duration::MAX, never(&quiet)).await;
                });
                n.spawn(nursery(async |n| {
                    n.spawn(async { never(&opened.listener().await).await });
                    never(&opened.listener().await).await
                }));
                Ok::<_, E>(())
            });
            drop(select(Box::pin(inner), Box::pin(settle())).await);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        opened.assert_closed(3);
    });
}

/// Without a nursery around it, `block_on` is the heir.
#[test]
fn r12_block_on_joins_what_a_dropped_nursery_had_in_flight() {
    within(|| {
        let opened = Opened::default();
        nestling::block_on(async {
            let accept = async || never(&opened.listener().await).await;
            let inner = nursery(async |n| {
                n.spawn(accept());
                accept().await
            });
            drop(select(Box::pin(inner), Box::pin(settle())).await);
        });
        opened.assert_closed(2);
    });
}

/// Trap 13: the body's locals, then the children, then the nursery's surroundings.
#[test]
fn r12_the_order_of_the_end() {
    let log = run(async || {
        let log = Log::default();
        let mut inner = Box::pin(async {
            let _around = log.at_drop("around");
            let inner = nursery(async |n| {
                n.spawn(async {
                    let _local = log.at_drop("child");
                    pending::<()>().await;
                });
                let _local = log.at_drop("body");
                pending::<()>().await;
                Ok::<_, E>(())
            });
            inner.await
        });
        assert!(poll_once(inner.as_mut()).await.is_pending());
        drop(inner);
        log.take()
    });
    assert_eq!(log, ["body", "child", "around"]);
}

/// Drops a nursery after so many turns, whatever it is doing then.
fn dropped_after(turns: usize) {
    run(async move || {
        let alive = Count::default();
        let alive = &alive;
        let dropped = Count::default();
        let result = nursery(async |_| {
            let mut inner = Box::pin(nursery(async |n| {
                for index in 0..8 {
                    alive.one();
                    let gone = OnDrop(|| dropped.one());
                    n.spawn(async move {
                        let _gone = gone;
                        for _ in 0..index {
                            nop().await?;
                        }
                        if index == 6 {
                            n.cancel();
                        }
                        Ok(())
                    });
                }
                nop().await?;
                let quiet = listener().await;
                never(&quiet).await
            }));
            for _ in 0..turns {
                if poll_once(inner.as_mut()).await.is_ready() {
                    return Ok(());
                }
                yield_now().await;
            }
            drop(inner);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(alive.get(), dropped.get(), "after {turns} turns");
    });
}

#[test]
fn r12_dropped_in_every_state() {
    for turns in 0..24 {
        dropped_after(turns);
    }
}

#[test]
fn r12_a_nursery_that_was_never_polled_runs_nothing() {
    let log = run(async || {
        let log = Log::default();
        drop(nursery(async |n| {
            n.spawn(async {});
            log.say("body");
            Ok::<_, E>(())
        }));
        log.take()
    });
    assert!(log.is_empty());
}

#[test]
fn r12_dropped_while_it_waits_for_the_kernel_only() {
    run(async || {
        let (opened, ended) = (Opened::default(), Cell::new(false));
        let result = nursery(async |_| {
            let mut inner = Box::pin(nursery(async |n| {
                n.spawn(async {
                    let quiet = opened.listener().await;
                    let _ = select(pin!(never(&quiet)), pin!(settle())).await;
                    ended.set(true);
                });
                Ok::<_, E>(())
            }));
            while !ended.get() {
                assert!(poll_once(inner.as_mut()).await.is_pending());
                yield_now().await;
            }
            // Its accept and its close are with the kernel.
            drop(inner);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        opened.assert_closed(1);
    });
}

#[test]
fn r12_a_forgotten_nursery_is_never_polled_again() {
    let (before, after) = run(async || {
        let polls = Rc::new(Count::default());
        let counted = Rc::clone(&polls);
        let mut inner = Box::pin(async move {
            let counted = &counted;
            nursery(async |n| {
                n.spawn(async {
                    loop {
                        counted.one();
                        yield_now().await;
                    }
                });
                n.spawn(async {
                    loop {
                        counted.one();
                        nop().await.expect("not cancelled");
                    }
                });
                pending::<()>().await;
                Ok::<_, E>(())
            })
            .await
        });
        assert!(poll_once(inner.as_mut()).await.is_pending());
        forget(inner);
        let before = polls.get();
        settle().await;
        (before, polls.get())
    });
    assert!(before > 0);
    assert_eq!(before, after);
}

#[test]
fn r12_a_forgotten_nursery_does_not_hold_up_the_one_around_it() {
    run(async || {
        let result = nursery(async |n| {
            n.spawn(async {
                let mut inner = Box::pin(nursery(async |n| {
                    let quiet = listener().await;
                    n.spawn(async {
                        let quiet = listener().await;
                        never(&quiet).await
                    });
                    never(&quiet).await
                }));
                for _ in 0..4 {
                    assert!(poll_once(inner.as_mut()).await.is_pending());
                    nop().await?;
                }
                forget(inner);
                pending::<()>().await;
                Ok(())
            });
            settle().await;
            Err::<(), _>(E::Boom(1))
        });
        assert_eq!(result.await, Err(E::Boom(1)));
    });
}

#[test]
fn r12_forgotten_handles_and_sockets_hold_nothing_up() {
    run(async || {
        let result = nursery(async |n| {
            for _ in 0..3 {
                let handle: JoinHandle<'_, Vec<u8>> = n.spawn(async { Ok(vec![1; 100]) });
                forget(handle);
            }
            let mut awaited = Box::pin(n.spawn(async {
                forget(listener().await);
                let quiet = Rc::new(listener().await);
                let mut accept = Box::pin(async move { never(&quiet).await });
                assert!(poll_once(accept.as_mut()).await.is_pending());
                forget(accept);
                Ok(())
            }));
            assert!(poll_once(awaited.as_mut()).await.is_pending());
            forget(awaited);
            settle().await;
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}
