//! Wakes, children and cancels for cores that are about to end: all are heard, or no task is there
//! any more; no thread hangs, and nothing is lost that a task waits for.

use crate::gate::Gate;
use crate::support::{asleep, thread_id, watched};
use crate::two;
use nestling::task::yield_now;
use nestling::{Builder, Core, Cores, RemoteCanceller, Runtime, is_cancelled, nursery};
use std::future::pending;
use std::io::{self, Error};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::thread;

/// What threads wake and cancel: that of the cores that run, and of some that are gone.
#[derive(Default)]
struct Targets {
    wakers: Mutex<Vec<Waker>>,
    cancels: Mutex<Vec<RemoteCanceller>>,
    stop: AtomicBool,
    done: AtomicUsize,
}

impl Targets {
    const KEPT: usize = 16;

    fn add(&self, waker: Option<Waker>, cancel: RemoteCanceller) {
        let mut wakers = self.wakers.lock().unwrap();
        wakers.extend(waker);
        let gone = wakers.len().saturating_sub(Self::KEPT);
        wakers.drain(..gone);
        let mut cancels = self.cancels.lock().unwrap();
        cancels.push(cancel);
        let gone = cancels.len().saturating_sub(Self::KEPT);
        cancels.drain(..gone);
    }

    /// Clones, uses and drops them, all the time.
    fn pester(&self) {
        while !self.stop.load(Ordering::SeqCst) {
            let wakers = self.wakers.lock().unwrap().clone();
            let cancels = self.cancels.lock().unwrap().clone();
            self.done.fetch_add(wakers.len() + cancels.len(), Ordering::SeqCst);
            wakers.into_iter().for_each(Waker::wake);
            cancels.iter().for_each(RemoteCanceller::cancel);
            thread::yield_now();
        }
    }
}

fn small() -> Builder {
    Runtime::builder().entries(8).completions(8)
}

/// Two threads wake and cancel all the time, while pairs of cores begin and end.
#[test]
fn d14_wakes_and_cancels_meet_cores_that_end() {
    const PAIRS: usize = 200;
    watched(|| {
        let targets = Arc::<Targets>::default();
        let pester = |_| {
            let targets = Arc::clone(&targets);
            thread::spawn(move || targets.pester())
        };
        let pestering: Vec<_> = (0..2).map(pester).collect();
        for _ in 0..PAIRS {
            let targets = Arc::clone(&targets);
            two(small(), async move |_| {
                let gate = Gate::default();
                let result = nursery(async |n| {
                    n.spawn(async {
                        gate.reached(1).await;
                        Ok::<_, Error>(())
                    });
                    while gate.waker().is_none() {
                        yield_now().await;
                    }
                    targets.add(gate.waker(), n.canceller().remote());
                    pending::<Result<(), Error>>().await
                });
                // Nothing else ends it.
                assert!(is_cancelled(&result.await.unwrap_err()));
                Ok(())
            });
        }
        targets.stop.store(true, Ordering::SeqCst);
        pestering.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(targets.done.load(Ordering::SeqCst) >= 10_000);
    });
}

/// One core sends children to another, which fails in the middle of it.
#[test]
fn d14_children_are_sent_to_a_core_that_fails() {
    const PAIRS: usize = 200;
    const CHILDREN: usize = 50;
    watched(|| {
        let (begun, ended) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        for pair in 0..PAIRS {
            let (in_child, out) = (Arc::clone(&begun), Arc::clone(&ended));
            let run = small().cores(Cores::Count(2)).run(async move |core| {
                if core.index() == 1 {
                    for _ in 0..pair % 20 {
                        yield_now().await;
                    }
                    return Err::<(), _>(Error::other("this one fails"));
                }
                nursery(async |n| {
                    for _ in 0..CHILDREN {
                        let (begun, held) = (Arc::clone(&in_child), Held(Arc::clone(&out)));
                        n.spawn_on(1, async move || {
                            begun.fetch_add(1, Ordering::SeqCst);
                            let _held = held;
                            yield_now().await;
                            Ok::<_, Error>(())
                        });
                        yield_now().await;
                    }
                    Ok(())
                })
                .await
            });
            assert_eq!(run.unwrap_err().to_string(), "this one fails");
        }
        let (begun, ended) = (begun.load(Ordering::SeqCst), ended.load(Ordering::SeqCst));
        assert!(begun <= ended, "{begun} were begun, and {ended} dropped");
    });
}

/// Counts that it is dropped.
struct Held(Arc<AtomicUsize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// How the core that wakes ends, in the same poll.
#[derive(Clone, Copy)]
enum End {
    Returns,
    Panics,
}

/// A core wakes another, which sleeps, and ends before it enters its ring again.
fn wakes_and_ends(end: End) -> thread::Result<io::Result<Vec<()>>> {
    let (send, sent) = channel();
    let (send, sent) = (Mutex::new(send), Mutex::new(sent));
    let gate = Gate::default();
    let main = async move |core: Core| {
        if core.index() == 1 {
            let send = send.lock().unwrap().clone();
            send.send(thread_id()).unwrap();
            gate.reached(1).await;
            return Ok(());
        }
        let other = sent.lock().unwrap().recv().unwrap();
        while gate.waker().is_none() || !asleep(other) {
            thread::yield_now();
        }
        gate.set(1);
        match end {
            End::Returns => Ok(()),
            End::Panics => resume_unwind(Box::new("it panics")),
        }
    };
    let run = || small().no_spin().cores(Cores::Count(2)).run(main);
    catch_unwind(AssertUnwindSafe(run))
}

#[test]
fn f1_the_wake_of_a_core_that_ends_is_sent() {
    watched(|| {
        for _ in 0..100 {
            wakes_and_ends(End::Returns).unwrap().unwrap();
            assert!(wakes_and_ends(End::Panics).is_err());
        }
    });
}
