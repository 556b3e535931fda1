//! `Spawner`: children from outside the nursery's code are children like all others; it holds
//! nothing open, and gives back what is too late.

use crate::support::nurseries::{E, OnDrop, run, settle, throw, thrown, within};
use nestling::sync::{Notify, remote};
use nestling::task::{cancel_called, yield_now};
use nestling::{Builder, Cores, JoinError, Nursery, Runtime, Spawner, nursery};
use nestling_runtime::lowlevel::nop;
use std::cell::{Cell, RefCell};
use std::future::{pending, ready};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Neither what it captures nor the error need be `Send` for a spawner to be.
fn is_send_and_sync(_: &(impl Send + Sync + Clone + 'static)) {}

#[test]
fn r01_what_it_starts_is_joined() {
    run(async || {
        let done = Rc::new(Cell::new(0));
        let result = nursery(async |n| {
            let spawner = n.spawner();
            is_send_and_sync(&spawner);
            for _ in 0..3 {
                let done = Rc::clone(&done);
                let child = async move {
                    nop().await?;
                    done.set(done.get() + 1);
                    Ok::<_, E>(())
                };
                assert!(spawner.spawn(child).is_ok());
            }
            assert_eq!(n.len(), 3);
            Ok::<_, E>("body")
        });
        assert_eq!(result.await, Ok("body"));
        assert_eq!(done.get(), 3, "the nursery has waited");
    });
}

/// From code that is not in the nursery at all: its task is woken for the child.
#[test]
fn r01_another_task_starts_children() {
    run(async || {
        let given = RefCell::new(None::<Spawner<E>>);
        let open = Notify::new();
        let result = nursery(async |outer| {
            let served = outer.spawn(async {
                nursery(async |n| {
                    given.replace(Some(n.spawner()));
                    open.notified().await;
                    Ok::<_, E>(())
                })
                .await
            });
            settle().await;
            let spawner = given.take().unwrap();
            let (sender, receiver) = nestling::sync::oneshot();
            assert!(spawner.spawn(async move { sender.send(7).unwrap() }).is_ok());
            assert_eq!(receiver.await.unwrap(), 7);
            open.notify_all();
            served.await?;
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

#[test]
fn r02_their_failure_and_panic_are_the_nurserys() {
    run(async || {
        let failed = nursery(async |n| {
            assert!(n.spawner().spawn(ready(Err::<(), _>(E::Boom(1)))).is_ok());
            pending::<Result<(), E>>().await
        });
        assert_eq!(failed.await, Err(E::Boom(1)));
        nursery(async |outer| {
            let panicked = outer.supervise(nursery(async |n| {
                assert!(n.spawner().spawn(async { throw(2) as () }).is_ok());
                pending::<Result<(), E>>().await
            }));
            let Err(JoinError::Panic(payload)) = panicked.await else { panic!("it panics") };
            assert_eq!(thrown(&*payload), 2);
            Ok::<_, E>(())
        })
        .await
        .unwrap();
    });
}

#[test]
fn r03_they_are_cancelled_with_it() {
    run(async || {
        let cut = Rc::new(Cell::new(false));
        let result = nursery(async |n| {
            let guard = OnDrop({
                let cut = Rc::clone(&cut);
                move || cut.set(cancel_called())
            });
            let child = async move {
                let _guard = guard;
                pending::<()>().await;
            };
            assert!(n.spawner().spawn(child).is_ok());
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert!(cut.get());
    });
}

/// What comes back was not polled, and is dropped where the caller does.
#[test]
fn r11_it_gives_back_what_is_too_late() {
    run(async || {
        let kept = nursery(async |n| {
            let spawner = n.spawner();
            n.cancel();
            assert!(spawner.is_open());
            assert!(spawner.spawn(ready(())).is_err(), "cancelled");
            assert!(spawner.send(async || ()).is_err(), "cancelled");
            Ok::<_, E>(spawner)
        });
        let kept: Spawner<E> = kept.await.unwrap();
        assert!(!kept.is_open());
        let polled = Rc::new(Cell::new(false));
        let flag = Rc::clone(&polled);
        let back = kept.spawn(async move { flag.set(true) }).unwrap_err();
        assert!(!polled.get());
        back.await;
        assert!(polled.get());
        assert!(kept.send(async || ()).is_err());
        let elsewhere = kept.clone();
        assert!(thread::spawn(move || elsewhere.send(async || ()).is_err()).join().unwrap());
    });
}

/// The scope of another nursery may be in the place of the one that has closed.
#[test]
fn c6_a_later_nursery_is_not_mistaken_for_it() {
    run(async || {
        let mut kept = Vec::<Spawner<E>>::new();
        for _ in 0..100 {
            let result = nursery(async |n| {
                for old in &kept {
                    assert!(old.spawn(async { throw(1) as () }).is_err());
                }
                assert!(n.is_empty());
                Ok::<_, E>(n.spawner())
            });
            kept.push(result.await.unwrap());
        }
    });
}

/// A nursery that is dropped early refuses what the destructors of its children would start.
#[test]
fn r12_a_dropped_nursery_gives_back() {
    run(async || {
        let refused = Rc::new(Cell::new(0));
        {
            let mut early = Box::pin(nursery(async |n: &Nursery<'_, '_, E>| {
                let spawner = n.spawner();
                for _ in 0..2 {
                    let (again, refused) = (spawner.clone(), Rc::clone(&refused));
                    let guard = OnDrop(move || {
                        let result = again.spawn(pending::<()>());
                        refused.set(refused.get() + usize::from(result.is_err()));
                    });
                    n.spawn(async move {
                        let _guard = guard;
                        pending::<()>().await;
                    });
                }
                pending::<Result<(), E>>().await
            }));
            assert!(crate::support::poll_once(early.as_mut()).await.is_pending());
        }
        assert_eq!(refused.get(), 2);
    });
}

/// A thread without a runtime; the core sleeps meanwhile.
#[test]
fn another_thread_sends_to_a_core_that_sleeps() {
    run(async || {
        let (sender, receiver) = remote::oneshot();
        let home = thread::current().id();
        let result = nursery(async |n| {
            let spawner = n.spawner();
            let thread = thread::spawn(move || {
                let child = async move || {
                    nop().await?;
                    sender.send(thread::current().id()).unwrap();
                    Ok::<_, E>(())
                };
                assert!(spawner.spawn(ready(())).is_err(), "not of this thread");
                assert!(spawner.send(child).is_ok());
            });
            let ran = receiver.await.unwrap();
            thread.join().unwrap();
            Ok::<_, E>(ran)
        });
        assert_eq!(result.await, Ok(home));
    });
}

#[test]
fn another_core_sends() {
    within(|| {
        let (give, take) = remote::channel::<Spawner<E>>(1);
        let builder: Builder = Runtime::builder().cores(Cores::Count(2));
        let ended = builder.run(async move |core| {
            if core.index() == 1 {
                let spawner = take.recv().await.unwrap();
                for _ in 0..100 {
                    assert!(spawner.send(async || yield_now().await).is_ok());
                }
                assert!(spawner.send(async || Err::<(), _>(E::Boom(3))).is_ok());
                return Ok(());
            }
            let result = nursery(async |n| {
                give.send(n.spawner()).await.unwrap();
                pending::<Result<(), E>>().await
            });
            assert_eq!(result.await, Err(E::Boom(3)));
            Ok::<_, std::io::Error>(())
        });
        ended.unwrap();
    });
}

/// While a nursery closes again and again, each future that is sent runs, comes back, or is dropped
/// where it was sent to.
#[test]
fn c5_none_is_lost_in_the_race_of_a_send_and_a_close() {
    const RUNS: usize = 200;
    struct Tally(Arc<AtomicUsize>);
    impl Drop for Tally {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    within(|| {
        let (gone, ran) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut runtime = Runtime::builder().build().unwrap();
        let (sent, back) = runtime.block_on(async {
            let (give, take) = std::sync::mpsc::channel::<Spawner<E>>();
            let (count, runs) = (Arc::clone(&gone), Arc::clone(&ran));
            let thread = thread::spawn(move || {
                let (mut sent, mut back) = (0, 0);
                let mut spawner = take.recv().unwrap();
                while back < RUNS || runs.load(Ordering::SeqCst) < RUNS {
                    sent += 1;
                    spawner = take.try_iter().last().unwrap_or(spawner);
                    let (tally, runs) = (Tally(Arc::clone(&count)), Arc::clone(&runs));
                    let child = async move || {
                        let _tally = tally;
                        runs.fetch_add(1, Ordering::SeqCst);
                    };
                    back += usize::from(spawner.send(child).is_err());
                    // In bursts: a flood of children would keep the nursery open.
                    while sent % 32 == 0 && count.load(Ordering::SeqCst) < sent {
                        thread::yield_now();
                    }
                }
                (sent, back)
            });
            while !thread.is_finished() {
                nursery(async |n| {
                    let _ = give.send(n.spawner());
                    settle().await;
                    Ok::<_, E>(())
                })
                .await
                .unwrap();
            }
            thread.join().unwrap()
        });
        drop(runtime);
        assert_eq!(gone.load(Ordering::SeqCst), sent);
        let ran = ran.load(Ordering::SeqCst);
        assert!(ran + back <= sent, "{ran} ran, {back} came back of {sent}");
    });
}

/// The core is gone, and with it the nursery, whose future is kept.
#[test]
fn a_send_to_a_core_that_is_gone_drops_the_future() {
    within(|| {
        let given = RefCell::new(None::<Spawner<E>>);
        let mut runtime = Runtime::builder().build().unwrap();
        let mut kept = Box::pin(nursery(async |n| {
            given.replace(Some(n.spawner()));
            pending::<Result<(), E>>().await
        }));
        runtime.block_on(async {
            assert!(crate::support::poll_once(pin!(&mut kept)).await.is_pending());
        });
        drop(runtime);
        let spawner = given.take().unwrap();
        let alive = Arc::new(());
        let held = Arc::clone(&alive);
        let _ = spawner.send(async move || drop(held));
        assert_eq!(Arc::strong_count(&alive), 1, "nothing keeps it");
        drop(kept);
        assert!(!spawner.is_open());
    });
}
