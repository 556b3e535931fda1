//! `RemoteCanceller`: cancels a nursery from any thread, and wakes its core for that.

use crate::support::nurseries::{Count, E, Log, counted, listener, never, run, settle, within};
use crate::support::threads::says_asleep;
use crate::support::{poll_once, thread_id};
use nestling::{Canceller, RemoteCanceller, Runtime, nursery};
use nestling_runtime::lowlevel::nop;
use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::task::Poll;
use std::thread;

/// Waits until a thread of this process sleeps.
fn until_asleep(thread: u32) {
    loop {
        let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat"));
        if says_asleep(&stat.expect("the thread lives")) {
            return;
        }
        thread::yield_now();
    }
}

/// The core sleeps in the kernel, with nothing else that could wake it.
#[test]
fn remote_wakes_a_core_that_sleeps() {
    let (heard, stats) = counted(async || {
        let (quiet, heard, cancels) = (listener().await, Count::default(), Cell::new(None));
        for _ in 0..20 {
            let result = nursery(async |n| {
                let (remote, core) = (n.canceller().remote(), thread_id());
                cancels.set(Some(thread::spawn(move || {
                    until_asleep(core);
                    remote.cancel();
                })));
                n.spawn(async { heard.add_if(never(&quiet).await == Err(E::Cancelled)) });
                n.spawn(pending::<()>());
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()));
            cancels.take().expect("a thread").join().expect("it only cancels");
        }
        heard.get()
    });
    assert_eq!(heard, 20);
    // It may have been seen asleep for another reason, on the way.
    assert!(stats.doorbells > 10, "{stats:?}");
}

/// At any moment: before it sleeps, on its way there, and later.
#[test]
fn remote_is_never_lost() {
    run(async || {
        for round in 0..500 {
            let cancels = Cell::new(None);
            let result = nursery(async |n| {
                let remote = n.canceller().remote();
                cancels.set(Some(thread::spawn(move || {
                    (0..round * 20).for_each(|_| std::hint::spin_loop());
                    remote.cancel();
                })));
                n.spawn(pending::<()>());
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()));
            cancels.take().expect("a thread").join().expect("it only cancels");
        }
    });
}

#[test]
fn remote_cancels_that_nursery_and_no_other() {
    run(async || {
        let (quiet, log) = (listener().await, Log::default());
        let heard = Cell::new(false);
        let result = nursery(async |outer| {
            outer.spawn(async {
                while !heard.get() {
                    settle().await;
                }
                log.say("neighbour");
            });
            let inner = nursery(async |n| {
                let remote = n.canceller().remote();
                let again = remote.clone();
                thread::spawn(move || remote.cancel());
                let told = never(&quiet).await;
                log.say("told");
                heard.set(true);
                again.cancel();
                told
            });
            assert_eq!(inner.await, Err(E::Cancelled));
            assert!(!outer.is_cancelled());
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(log.take(), ["told", "neighbour"]);
    });
}

/// On its own core it is as quick as the local one.
#[test]
fn remote_on_its_own_core_acts_at_once() {
    run(async || {
        let result = nursery(async |n| {
            let (local, remote) = (n.canceller(), n.canceller().remote());
            assert!(!local.is_cancelled());
            remote.cancel();
            assert!(n.is_cancelled() && local.is_cancelled());
            remote.cancel();
            local.cancel();
            Ok::<_, E>(1)
        });
        assert_eq!(result.await, Ok(1));
    });
}

/// Too late in every way, and harmless: the nursery has closed and its place is another's, the
/// future has ended, the runtime is gone.
#[test]
fn remote_that_comes_too_late() {
    within(|| {
        let mut runtime = Runtime::builder().build().expect("a ring");
        let late = runtime.block_on(async {
            let late = RefCell::new(Vec::new());
            for _ in 0..10 {
                let result = nursery(async |n| {
                    late.borrow_mut().push(n.canceller().remote());
                    Ok::<_, E>(())
                });
                result.await.expect("nothing failed");
            }
            let here = late.borrow().clone();
            let there = late.borrow().clone();
            let result = nursery(async |n| {
                here.iter().for_each(RemoteCanceller::cancel);
                let thread = thread::spawn(move || there.iter().for_each(RemoteCanceller::cancel));
                thread.join().expect("it only cancels");
                settle().await;
                assert!(!n.is_cancelled(), "it is in the place of another");
                late.borrow_mut().push(n.canceller().remote());
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()));
            late.take()
        });
        // Between two futures of the runtime; the second one is in the place of the first.
        let there = late.clone();
        thread::spawn(move || there.iter().for_each(RemoteCanceller::cancel)).join().unwrap();
        late.iter().for_each(RemoteCanceller::cancel);
        let result = runtime.block_on(nursery(async |n| {
            settle().await;
            assert!(!n.is_cancelled());
            Ok::<_, E>(())
        }));
        assert_eq!(result, Ok(()));
        drop(runtime);
        late.iter().for_each(RemoteCanceller::cancel);
        let thread = thread::spawn(move || late.iter().for_each(RemoteCanceller::cancel));
        thread.join().expect("nobody is there");
    });
}

type Boxed = Pin<Box<dyn Future<Output = Result<(), E>>>>;

/// A nursery that outlives the `block_on` in which it was opened, and what cancels it.
fn kept(runtime: &mut Runtime) -> (Boxed, Canceller) {
    let canceller = Rc::new(RefCell::new(None));
    let stop = Rc::clone(&canceller);
    let mut future: Boxed = Box::pin(async move {
        nursery(async |n| {
            stop.replace(Some(n.canceller()));
            n.spawn(pending::<()>());
            Ok::<_, E>(())
        })
        .await
    });
    runtime.block_on(async { assert!(poll_once(future.as_mut()).await.is_pending()) });
    let canceller = canceller.take().expect("the nursery was opened");
    (future, canceller)
}

/// Where something is done, between the `block_on` in which a nursery was opened and the next one.
#[derive(Debug, Clone, Copy)]
enum Place {
    Outside,
    InAnother,
    InItsOwn,
}

impl Place {
    const ALL: [Self; 3] = [Self::Outside, Self::InAnother, Self::InItsOwn];

    fn run<T>(self, runtime: &mut Runtime, work: impl FnOnce() -> T) -> T {
        match self {
            Self::Outside => work(),
            Self::InItsOwn => runtime.block_on(async { work() }),
            // A nursery of that one is in the same place of the same tree, or near it.
            Self::InAnother => nestling::block_on(async {
                let result = nursery(async |n| {
                    let value = work();
                    settle().await;
                    assert!(!n.is_cancelled(), "that was another one");
                    Ok::<_, E>(value)
                });
                result.await.expect("nothing failed")
            }),
        }
    }
}

/// It ends within a few turns, or it was not cancelled.
fn assert_ends(runtime: &mut Runtime, mut future: Boxed, how: &str) {
    let result = runtime.block_on(async {
        for _ in 0..10 {
            if let Poll::Ready(result) = poll_once(future.as_mut()).await {
                return Some(result);
            }
            settle().await;
        }
        None
    });
    assert_eq!(result, Some(Ok(())), "{how}");
}

#[test]
fn remote_works_wherever_it_was_made_and_is_used() {
    within(|| {
        let mut runtime = Runtime::builder().build().expect("a ring");
        for made in Place::ALL {
            for used in Place::ALL {
                for thread in [false, true] {
                    let (future, canceller) = kept(&mut runtime);
                    let remote = made.run(&mut runtime, || canceller.remote());
                    used.run(&mut runtime, || match thread {
                        true => thread::spawn(move || remote.cancel()).join().expect("it cancels"),
                        false => remote.cancel(),
                    });
                    let how = format!("made {made:?}, used {used:?}, by a thread: {thread}");
                    assert_ends(&mut runtime, future, &how);
                    assert!(canceller.is_cancelled());
                }
            }
        }
    });
}

#[test]
fn r02_canceller_works_wherever_it_is_used() {
    within(|| {
        let mut runtime = Runtime::builder().build().expect("a ring");
        for used in Place::ALL {
            let (future, canceller) = kept(&mut runtime);
            used.run(&mut runtime, || {
                canceller.cancel();
                assert!(canceller.is_cancelled(), "at once");
            });
            assert_ends(&mut runtime, future, &format!("used {used:?}"));
        }
    });
}

/// The nursery was dropped, or its runtime is gone: there is nothing left to cancel.
#[test]
fn remote_of_what_is_gone_is_harmless_everywhere() {
    within(|| {
        for used in [Place::Outside, Place::InAnother] {
            let mut runtime = Runtime::builder().build().expect("a ring");
            let (future, canceller) = kept(&mut runtime);
            let (dropped, late) = kept(&mut runtime);
            drop(dropped);
            assert!(late.is_cancelled(), "closed");
            drop(runtime);
            let mut another = Runtime::builder().build().expect("a ring");
            used.run(&mut another, || {
                [&late, &canceller].iter().for_each(|stop| stop.remote().cancel());
                let remotes = [late.remote(), canceller.remote()];
                let thread = thread::spawn(move || remotes.map(|remote| remote.cancel()));
                thread.join().expect("it only cancels");
                canceller.cancel();
                late.cancel();
            });
            drop(future);
        }
    });
}

/// Its nursery has closed, and there is no runtime any more.
#[test]
fn remote_made_outside() {
    within(|| {
        let canceller = nestling::block_on(async {
            let kept = RefCell::new(None::<Canceller>);
            let result = nursery(async |n| {
                kept.replace(Some(n.canceller()));
                Ok::<_, E>(())
            });
            result.await.expect("nothing failed");
            kept.take().expect("it was kept")
        });
        assert!(canceller.is_cancelled(), "closed");
        canceller.remote().cancel();
        canceller.cancel();
    });
}

/// Four threads, each with many cancels of many nurseries, again and again.
#[test]
fn remote_from_many_threads() {
    const NURSERIES: usize = 250;
    within(|| {
        nestling::block_on(async {
            let quiet = listener().await;
            let remotes = RefCell::new(Vec::new());
            let heard = Count::default();
            let one = async || {
                let result = nursery(async |n| {
                    remotes.borrow_mut().push(n.canceller().remote());
                    n.spawn(async { heard.add_if(never(&quiet).await == Err(E::Cancelled)) });
                    pending::<Result<(), E>>().await
                });
                assert_eq!(result.await, Err(E::Cancelled));
            };
            let result = nursery(async |n| {
                (0..NURSERIES).for_each(|_| drop(n.spawn(one())));
                while remotes.borrow().len() < NURSERIES {
                    nop().await?;
                }
                settle().await;
                let remotes = Arc::new(remotes.take());
                let barrier = Arc::new(Barrier::new(4));
                for offset in 0..4 {
                    let (remotes, barrier) = (Arc::clone(&remotes), Arc::clone(&barrier));
                    thread::spawn(move || {
                        barrier.wait();
                        for round in 0..4 {
                            let around = remotes.iter().cycle().skip(offset * 60 + round);
                            around.take(NURSERIES).for_each(RemoteCanceller::cancel);
                        }
                    });
                }
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()));
            assert_eq!(heard.get(), NURSERIES as u64);
        });
    });
}

/// A thousand threads at one nursery.
#[test]
fn remote_from_a_thousand_threads() {
    run(async || {
        let result = nursery(async |n| {
            let remote = n.canceller().remote();
            let threads: Vec<_> = (0..1000)
                .map(|_| {
                    let remote = remote.clone();
                    thread::Builder::new().stack_size(64 << 10).spawn(move || remote.cancel())
                })
                .collect();
            nestling::cancelled().await;
            for thread in threads {
                thread.expect("a thread").join().expect("it only cancels");
            }
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

/// Two cores that stop each other.
#[test]
fn remote_between_cores() {
    within(|| {
        let (to_one, for_one) = channel::<RemoteCanceller>();
        let (to_two, for_two) = channel::<RemoteCanceller>();
        let stopped = Arc::new(AtomicBool::new(false));
        let core = |send: std::sync::mpsc::Sender<_>, receive: std::sync::mpsc::Receiver<_>| {
            let stopped = Arc::clone(&stopped);
            thread::spawn(move || {
                nestling::block_on(async {
                    let result = nursery(async |n| {
                        send.send(n.canceller().remote()).expect("the other listens");
                        let other: RemoteCanceller = receive.recv().expect("the other lives");
                        if !stopped.swap(true, Ordering::SeqCst) {
                            other.cancel();
                        }
                        nestling::cancelled().await;
                        other.cancel();
                        Ok::<_, E>(())
                    });
                    assert_eq!(result.await, Ok(()));
                });
            })
        };
        let one = core(to_two, for_one);
        let two = core(to_one, for_two);
        one.join().expect("stopped by the other");
        two.join().expect("stopped by the other");
    });
}
