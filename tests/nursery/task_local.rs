//! `TaskLocal`: a value for a part of the program, and for all children that are started in it.

use crate::support::nurseries::{Count, E, OnDrop, run, settle, within};
use crate::support::poll_once;
use futures_util::future::join_all;
use nestling::task::{TaskLocal, yield_now};
use nestling::{nursery, shield, timeout};
use nestling_runtime::lowlevel::nop;
use std::future::Future;
use std::future::pending;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

static REQUEST: TaskLocal<u32> = TaskLocal::new();
static OTHER: TaskLocal<u32> = TaskLocal::new();
static NAME: TaskLocal<Rc<str>> = TaskLocal::new();

#[test]
fn task_local_is_found_by_children_and_their_children() {
    run(async || {
        let found = Count::default();
        let look = || found.add_if(REQUEST.get() == Some(7));
        let work = nursery(async |n| {
            look();
            n.spawn(async {
                look();
                yield_now().await;
                look();
                let inner = nursery(async |inner| {
                    look();
                    inner.spawn(async { look() });
                    n.spawn(async { look() });
                    inner.supervise(async { look() });
                    inner.spawn_daemon(async { look() });
                    settle().await;
                    look();
                    Ok::<_, E>(())
                });
                inner.await?;
                shield(async { look() }).await;
                timeout(Duration::MAX, async { look() }).await.expect("never late");
                join_all([(), ()].map(async |()| look())).await;
                Ok(())
            });
            Ok::<_, E>(())
        });
        assert_eq!(REQUEST.scope(7, work).await, Ok(()));
        assert_eq!(found.get(), 13);
        assert_eq!(REQUEST.get(), None);
    });
}

/// The innermost value counts, of each by itself; the one further out comes back.
#[test]
fn task_local_values_nest() {
    run(async || {
        let inner = async {
            assert_eq!((REQUEST.get(), OTHER.get()), (Some(2), Some(9)));
            nop().await.expect("not cancelled");
            assert_eq!((REQUEST.get(), OTHER.get()), (Some(2), Some(9)));
        };
        let outer = async {
            assert_eq!(REQUEST.get(), Some(1));
            OTHER.scope(9, REQUEST.scope(2, inner)).await;
            assert_eq!((REQUEST.get(), OTHER.get()), (Some(1), None));
        };
        REQUEST.scope(1, outer).await;
        // Side by side, by turns in one task.
        let one = async |number| {
            for _ in 0..5 {
                assert_eq!(REQUEST.get(), Some(number));
                nop().await.expect("not cancelled");
            }
        };
        join_all((0..20).map(|number| REQUEST.scope(number, one(number)))).await;
    });
}

/// What it is told decides, not from where: a child of a nursery further out finds what that does.
#[test]
fn task_local_follows_the_structure() {
    run(async || {
        let result = REQUEST.scope(1, async {
            nursery(async |outer| {
                let inside = REQUEST.scope(2, async {
                    let far = outer.spawn(async { Ok(REQUEST.get()) });
                    let near = nursery(async |inner| {
                        Ok::<_, E>(inner.spawn(async { Ok(REQUEST.get()) }).await?)
                    });
                    (far.await, near.await)
                });
                let (far, near) = inside.await;
                assert_eq!((far?, near?), (Some(1), Some(2)));
                Ok::<_, E>(())
            })
            .await
        });
        assert_eq!(result.await, Ok(()));
        let elsewhere = REQUEST
            .scope(3, async { std::thread::spawn(|| REQUEST.get()).join().expect("no panic") });
        assert_eq!(elsewhere.await, None, "another thread");
    });
}

#[test]
fn task_local_in_destructors_and_at_a_cut() {
    run(async || {
        let found = Count::default();
        let result = nursery(async |n| {
            n.spawn(REQUEST.scope(4, async {
                let _looks = OnDrop(|| found.add_if(REQUEST.get() == Some(4)));
                pending::<()>().await;
            }));
            n.spawn(REQUEST.scope(5, async {
                let _looks = OnDrop(|| found.add_if(REQUEST.get() == Some(5)));
            }));
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(found.get(), 1, "at its end the one that resolves is still inside");
    });
}

/// Its own destructor may look, and finds what is further out; so may that of a value it hides.
#[test]
fn task_local_values_are_dropped_outside() {
    struct Looks(Rc<std::cell::Cell<Option<u32>>>);
    impl Drop for Looks {
        fn drop(&mut self) {
            self.0.set(REQUEST.get());
        }
    }
    static LOOKS: TaskLocal<Looks> = TaskLocal::new();
    run(async || {
        let seen = Rc::default();
        REQUEST.scope(6, LOOKS.scope(Looks(Rc::clone(&seen)), nop())).await.expect("it works");
        assert_eq!(seen.take(), Some(6));
    });
}

#[test]
fn task_local_is_lent_while_it_goes() {
    run(async || {
        let text: Rc<str> = Rc::from("a name");
        let weak = Rc::downgrade(&text);
        let length = NAME.scope(text, async {
            NAME.with(|name| {
                assert_eq!(NAME.get().as_deref(), Some("a name"), "lent twice");
                name.len()
            })
        });
        assert_eq!(length.await, Some(6));
        assert!(weak.upgrade().is_none(), "it went with its scope");
        assert_eq!(NAME.with(|name| name.len()), None);
    });
}

/// Dropped half-way, forgotten, thousands of them and thousands deep: each goes with its scope.
#[test]
fn task_local_many() {
    run(async || {
        let alive = Rc::new(());
        static COUNTED: TaskLocal<Rc<()>> = TaskLocal::new();
        let result = nursery(async |n| {
            for _ in 0..5000 {
                n.spawn(COUNTED.scope(Rc::clone(&alive), settle()));
            }
            nop().await?;
            assert_eq!(Rc::strong_count(&alive), 5001);
            let mut early = Box::pin(COUNTED.scope(Rc::clone(&alive), pending::<()>()));
            assert!(poll_once(early.as_mut()).await.is_pending());
            drop(early);
            assert_eq!(Rc::strong_count(&alive), 5001);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(Rc::strong_count(&alive), 1);
    });
    type Level = Pin<Box<dyn Future<Output = Option<u32>>>>;
    let worker = std::thread::Builder::new().stack_size(64 << 20);
    let work = || {
        nestling::block_on(async {
            let bottom: Level = Box::pin(async { REQUEST.get() });
            let all = (0..1000).fold(bottom, |inner, level| -> Level {
                Box::pin(async move {
                    let found = OTHER.scope(level, inner).await;
                    assert_eq!(OTHER.get(), (level < 999).then_some(level + 1));
                    found
                })
            });
            assert_eq!(REQUEST.scope(8, all).await, Some(8));
        });
    };
    worker.spawn(work).expect("a thread").join().expect("no panic");
}

/// It needs no runtime, and asks for none.
#[test]
fn task_local_outside_a_runtime() {
    within(|| {
        assert_eq!(REQUEST.get(), None);
        assert_eq!(REQUEST.with(|number| *number), None);
        let mut inside = pin!(REQUEST.scope(3, async { REQUEST.get() }));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert_eq!(inside.as_mut().poll(&mut cx), std::task::Poll::Ready(Some(3)));
        assert_eq!(REQUEST.get(), None);
    });
}
