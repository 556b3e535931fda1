//! The inbox of a core: each message is heard once, or dropped once when the core is gone.

use super::{Handed, check, join, start};
use crate::inbox::{self, Injector};
use crate::sys::shared::AtomicUsize;
use crate::sys::shared::kernel::Conduct;
use loom::thread;
use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};

/// What became of the jobs that were sent.
#[derive(Default)]
struct Fate {
    run: AtomicUsize,
    dropped: AtomicUsize,
}

/// One job that was sent.
struct Job(Arc<Fate>);

impl Job {
    fn run(&self) {
        self.0.run.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl Fate {
    /// Sends a job, which wakes a task when it has run.
    fn send(self: &Arc<Self>, core: &Injector, waker: &Waker) {
        let (job, waker) = (Job(Arc::clone(self)), waker.clone());
        inbox::send(core, move || {
            job.run();
            drop(job);
            waker.wake();
        });
    }

    fn get(&self) -> (usize, usize) {
        (self.run.load(Ordering::Relaxed), self.dropped.load(Ordering::Relaxed))
    }
}

/// Gives others what a core is reached by.
async fn hand_over(core: &Handed<(Arc<Injector>, Waker)>) {
    poll_fn(|cx| {
        core.give((inbox::current().expect("a core"), cx.waker().clone()));
        Poll::Ready(())
    })
    .await;
}

/// Two threads send to a core that stays until it has run all.
#[test]
fn what_is_sent_runs_once() {
    check(Some(2), Conduct::default(), || {
        let (fate, handed) = (Arc::<Fate>::default(), Handed::new());
        let core = start({
            let (fate, handed) = (Arc::clone(&fate), Arc::clone(&handed));
            move |mut runtime| {
                runtime.block_on(async {
                    hand_over(&handed).await;
                    poll_fn(|_| match fate.get() {
                        (3, 3) => Poll::Ready(()),
                        _ => Poll::Pending,
                    })
                    .await;
                });
            }
        });
        let (injector, waker) = handed.take();
        let other = thread::spawn({
            let (fate, injector, waker) = (Arc::clone(&fate), Arc::clone(&injector), waker.clone());
            move || fate.send(&injector, &waker)
        });
        fate.send(&injector, &waker);
        fate.send(&injector, &waker);
        join([other, core]);
        assert_eq!(fate.get(), (3, 3));
    });
}

/// Threads send and wake while the core ends. Nothing stays behind: the inbox is freed, with all
/// that stood in it, whichever thread drops the last waker.
#[test]
fn d14_nothing_stays_in_the_inbox_of_a_core_that_is_gone() {
    check(Some(3), Conduct::default(), || {
        let (fate, handed) = (Arc::<Fate>::default(), Handed::new());
        let core = start({
            let handed = Arc::clone(&handed);
            move |mut runtime| {
                runtime.block_on(hand_over(&handed));
                drop(runtime);
            }
        });
        let (injector, waker) = handed.take();
        let left: Weak<_> = Arc::downgrade(&injector);
        let other = thread::spawn({
            let waker = waker.clone();
            move || waker.wake()
        });
        fate.send(&injector, &waker);
        fate.send(&injector, &waker);
        drop((injector, waker));
        join([other, core]);
        let (run, dropped) = fate.get();
        assert!(run <= dropped && dropped == 2, "{run} of 2 jobs were run, {dropped} dropped");
        assert!(left.upgrade().is_none(), "what is queued holds the queue");
    });
}
