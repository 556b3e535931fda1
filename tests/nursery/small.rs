//! All kinds of tasks in a few steps each, without sockets: for Miri, which watches every access to
//! memory and has no kernel. The promises themselves are tested elsewhere, at length.

use crate::support::nurseries::throw;
use crate::support::poll_once;
use nestling::sync::{Notify, Semaphore, channel, remote};
use nestling::task::{TaskLocal, spawn_blocking, yield_now};
use nestling::time::{interval, sleep};
use nestling::{
    Builder, Cores, JoinError, Options, Runtime, block_on, finally, for_each_limit, nursery,
    nursery_all, nursery_with, race, shield, shield_for, timeout,
};
use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::io::{self, Error};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// Says so when it is dropped, and holds memory, so that a second drop or a missing one shows.
struct Noted<'a>(&'a RefCell<Vec<u32>>, Box<u32>);

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().push(*self.1);
    }
}

#[test]
fn children_borrow_and_their_values_are_taken_or_dropped() {
    let dropped = RefCell::new(Vec::new());
    let noted = |number| Noted(&dropped, Box::new(number));
    let sum = block_on(nursery(async |n| {
        let numbers = Box::new([1, 2, 3]);
        let sum = Cell::new(0);
        let result = nursery(async |inner| {
            // Of every size of cell, and some that no pool keeps.
            let small = inner.spawn(async { Ok::<_, Error>(numbers[0]) });
            let large = inner.spawn(async {
                let many = [numbers[1]; 500];
                yield_now().await;
                Ok::<_, Error>(many[499])
            });
            let aligned = inner.spawn(async {
                let it = Aligned(3);
                yield_now().await;
                Ok::<_, Error>(it)
            });
            inner.spawn(async { sum.set(sum.get() + numbers[2]) });
            drop(inner.spawn(async { Ok::<_, Error>(noted(1)) }));
            let early = inner.spawn(async { Ok::<_, Error>(noted(2)) });
            let late = inner.spawn(async { Ok::<_, Error>(noted(3)) });
            let ended = inner.spawn(async { Ok::<_, Error>(noted(4)) });
            drop(early);
            yield_now().await;
            drop(ended);
            let kept = late.await?;
            assert_eq!(*dropped.borrow(), [1, 2, 4]);
            drop(kept);
            Ok::<_, Error>(small.await? + large.await? + aligned.await?.0)
        });
        let sum = result.await? + sum.get();
        n.spawn(async { drop(noted(5)) });
        Ok::<_, Error>(sum)
    }));
    assert_eq!(sum.expect("nothing failed"), 9);
    assert_eq!(dropped.into_inner(), [1, 2, 4, 3, 5]);
}

#[repr(align(64))]
struct Aligned(i32);

#[test]
fn what_is_cancelled_is_dropped_where_it_waits() {
    let dropped = RefCell::new(Vec::new());
    let result: io::Result<()> = block_on(nursery(async |n| {
        let (notify, semaphore, (sender, receiver)) =
            (Notify::new(), Semaphore::new(0), channel::<u8>(1));
        nursery(async |inner| {
            inner.spawn(async {
                let _noted = Noted(&dropped, Box::new(1));
                notify.notified().await;
            });
            inner.spawn(async {
                let _noted = Noted(&dropped, Box::new(2));
                let _permit = semaphore.acquire().await;
            });
            inner.spawn(async {
                let _noted = Noted(&dropped, Box::new(3));
                receiver.recv().await;
            });
            inner.spawn(async {
                let _noted = Noted(&dropped, Box::new(4));
                nursery(async |deep| {
                    deep.spawn(sleep(3600 * 1000 * MS));
                    pending::<Result<(), Error>>().await
                })
                .await
            });
            let handle = inner.spawn(async { pending::<Result<u8, Error>>().await });
            inner.spawn(async {
                handle.await?;
                Ok(())
            });
            yield_now().await;
            inner.cancel();
            inner.spawn(async { unreachable!("it is too late") });
            Ok::<_, Error>(())
        })
        .await?;
        drop(sender);
        n.spawn(async { Err::<(), _>(Error::other("it fails")) });
        pending().await
    }));
    assert_eq!(result.expect_err("a child failed").to_string(), "it fails");
    dropped.borrow_mut().sort_unstable();
    assert_eq!(dropped.into_inner(), [1, 2, 3, 4]);
}

#[test]
fn panics_of_children_values_and_bodies_come_out() {
    struct Bomb(u32);
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !thread::panicking() {
                throw(self.0);
            }
        }
    }
    let caught = |future: Pin<Box<dyn Future<Output = io::Result<()>>>>| {
        let thrown = catch_unwind(AssertUnwindSafe(|| block_on(future)));
        *thrown.expect_err("it panics").downcast::<u32>().expect("a number")
    };
    let child = nursery(async |n| {
        n.spawn(async {
            yield_now().await;
            throw(1);
        });
        pending().await
    });
    assert_eq!(caught(Box::pin(child)), 1);
    let body = nursery(async |n| {
        n.spawn(pending::<()>());
        yield_now().await;
        throw(2)
    });
    assert_eq!(caught(Box::pin(body)), 2);
    let value = nursery(async |n| {
        let handle = n.spawn(async { Ok::<_, Error>(Bomb(3)) });
        yield_now().await;
        yield_now().await;
        drop(handle);
        Ok(())
    });
    assert_eq!(caught(Box::pin(value)), 3);
    let cut = nursery(async |n| {
        n.spawn(async {
            let _bomb = Bomb(4);
            pending::<()>().await;
        });
        yield_now().await;
        n.cancel();
        Ok(())
    });
    assert_eq!(caught(Box::pin(cut)), 4);
}

#[test]
fn a_nursery_that_is_dropped_half_way_takes_its_children_along() {
    let dropped = RefCell::new(Vec::new());
    block_on(async {
        let mut half = Box::pin(nursery(async |n| {
            let _body = Noted(&dropped, Box::new(1));
            n.spawn(async {
                let _child = Noted(&dropped, Box::new(2));
                nursery(async |inner| {
                    inner.spawn(async {
                        let _grandchild = Noted(&dropped, Box::new(3));
                        sleep(1000 * MS).await;
                    });
                    pending::<Result<(), Error>>().await
                })
                .await
            });
            pending::<Result<(), Error>>().await
        }));
        // By the task's own waker, and by a foreign one.
        assert!(poll_once(half.as_mut()).await.is_pending());
        let mut foreign = Context::from_waker(Waker::noop());
        assert!(half.as_mut().poll(&mut foreign).is_pending());
        yield_now().await;
        drop(half);
        assert_eq!(*dropped.borrow(), [1, 3, 2]);
    });
}

#[test]
fn a_handle_waits_in_another_nursery_than_its_childs() {
    block_on(async {
        let open = Notify::new();
        let result = nursery(async |n| {
            let slow = n.spawn(async {
                open.notified().await;
                Ok::<_, Error>(vec![7])
            });
            let mut slow = Box::pin(slow);
            assert!(timeout(MS, slow.as_mut()).await.is_err());
            open.notify_one();
            let value = nursery(async |inner| {
                let waits = inner.spawn(async { Ok::<_, Error>(slow.await?) });
                waits.await.map_err(Error::from)
            });
            assert_eq!(value.await?, [7]);
            Ok::<_, Error>(())
        });
        result.await.expect("nothing failed");
    });
}

#[test]
fn shields_clean_ups_and_limits_of_time() {
    let log = RefCell::new(Vec::new());
    let say = |word| log.borrow_mut().push(word);
    block_on(async {
        let result = nursery_with(Options { deadline: None, ..Options::default() }, async |n| {
            n.spawn(shield(async {
                sleep(2 * MS).await;
                say("shielded");
            }));
            n.spawn(finally(pending::<()>(), async |value| {
                assert!(value.is_none());
                sleep(MS).await;
                say("cleaned up");
            }));
            n.spawn(async {
                let bounded = shield_for(MS, pending::<()>()).await;
                assert!(bounded.is_err());
                say("let go");
            });
            yield_now().await;
            n.cancel();
            Ok::<_, Error>(())
        });
        result.await.expect("it cancelled itself");
        assert!(timeout(MS, pending::<()>()).await.is_err());
        assert_eq!(timeout(3600 * 1000 * MS, async { 7 }).await.expect("in time"), 7);
        let mut ticks = interval(MS);
        for _ in 0..3 {
            ticks.tick().await;
        }
        let mut sleeps: Vec<_> = (0..20).map(|number| Box::pin(sleep(number * MS))).collect();
        for sleep in &mut sleeps {
            let _ = poll_once(sleep.as_mut()).await;
        }
        drop(sleeps.drain(..10));
        sleeps[0].as_mut().await;
    });
    log.borrow_mut().sort_unstable();
    assert_eq!(log.into_inner(), ["cleaned up", "let go", "shielded"]);
}

#[test]
fn children_of_other_kinds() {
    static NUMBER: TaskLocal<u32> = TaskLocal::new();
    block_on(NUMBER.scope(5, async {
        let served = Cell::new(0);
        let result = nursery(async |n| {
            n.spawn_daemon(async {
                loop {
                    served.set(served.get() + 1);
                    yield_now().await;
                }
            });
            let panics = n.supervise(async { throw(NUMBER.get().expect("it is inherited")) });
            let cut = n.supervise(pending::<()>());
            let ready = n.start(async |up| {
                up.ready(vec![1]);
                pending::<Result<(), Error>>().await
            });
            assert_eq!(ready.await?, [1]);
            cut.cancel();
            assert!(matches!(cut.await, Err(JoinError::Cancelled)));
            assert!(matches!(panics.await, Err(JoinError::Panic(_))));
            n.cancel();
            Ok::<_, Error>(())
        });
        result.await.expect("it cancelled itself");
        let most = Cell::new((0, 0));
        let each = for_each_limit(2, 0..6, async |_| {
            let (now, before) = most.get();
            most.set((now + 1, before.max(now + 1)));
            yield_now().await;
            most.set((most.get().0 - 1, most.get().1));
            Ok::<_, Error>(())
        });
        each.await.expect("nothing failed");
        assert_eq!(most.get(), (0, 2));
        let won = race([30, 1, 20].map(async |ms| {
            sleep(ms * MS).await;
            Ok::<_, Error>(ms)
        }));
        assert_eq!(won.await.expect("one wins"), 1);
        let all = nursery_all(async |n| {
            n.spawn(async { Err::<(), _>("one") });
            n.spawn(async { Err::<(), _>("other") });
            Ok(())
        });
        assert_eq!(all.await.expect_err("they fail").into_first(), Some("one"));
    }));
}

/// Also when they are used after the task, and after the runtime.
#[test]
fn wakers_go_to_other_threads() {
    let kept = RefCell::new(Vec::new());
    let mut runtime = Runtime::builder().build().expect("a ring");
    runtime.block_on(async {
        let (give, taken) = mpsc::channel::<(Waker, mpsc::Sender<()>)>();
        let waking = thread::spawn(move || {
            for (waker, woken) in taken {
                let _ = woken.send(());
                waker.wake_by_ref();
                waker.wake();
            }
        });
        let result = nursery(async |n| {
            for _ in 0..3 {
                n.spawn(async {
                    let (woken, is_woken) = mpsc::channel();
                    poll_fn(|cx| {
                        kept.borrow_mut().push(cx.waker().clone());
                        if is_woken.try_recv().is_ok() {
                            return Poll::Ready(());
                        }
                        let sent = give.send((cx.waker().clone(), woken.clone()));
                        sent.expect("the thread takes it");
                        Poll::Pending
                    })
                    .await;
                });
            }
            Ok::<_, Error>(())
        });
        result.await.expect("nothing failed");
        drop(give);
        waking.join().expect("it only wakes");
        kept.borrow().iter().for_each(Waker::wake_by_ref);
    });
    let kept = kept.into_inner();
    let waking = kept.clone();
    thread::spawn(move || waking.iter().for_each(Waker::wake_by_ref)).join().expect("no harm");
    drop(runtime);
    kept.into_iter().for_each(Waker::wake);
}

#[test]
fn threads_send_cancel_and_work() {
    block_on(async {
        let (sender, receiver) = remote::oneshot();
        let sending = thread::spawn(move || sender.send(vec![7]));
        assert_eq!(receiver.await.expect("it is sent"), [7]);
        sending.join().expect("it only sends").expect("somebody waited");
        let result = nursery(async |n| {
            let remote = n.canceller().remote();
            n.spawn(pending::<()>());
            let cancelling = thread::spawn(move || remote.cancel());
            pending::<()>().await;
            drop(cancelling);
            Ok::<_, Error>(())
        });
        let _ = result.await;
        let value = spawn_blocking(|| vec![8]).await;
        assert_eq!(value.expect("it ran"), [8]);
        let panics = spawn_blocking(|| throw(1)).await;
        assert!(matches!(panics, Err::<(), _>(JoinError::Panic(_))));
    });
}

#[test]
fn children_run_on_another_core() {
    let sums = Builder::default().cores(Cores::Count(2)).pin(false).run(async |core| {
        let (sender, receiver) = remote::oneshot();
        let other = 1 - core.index();
        nursery(async |n| {
            let there = n.spawn_on(other, async move || {
                yield_now().await;
                let _ = sender.send(vec![1]);
                Ok::<_, Error>(vec![2])
            });
            let sum = there.await?[0] + receiver.await.expect("it is sent")[0];
            n.spawn_on(other, async || pending::<io::Result<()>>().await);
            sleep(MS).await;
            n.cancel();
            Ok(sum)
        })
        .await
    });
    assert_eq!(sums.unwrap_or_else(|error: Error| panic!("{error}")), [3, 3]);
}
