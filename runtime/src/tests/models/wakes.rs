//! Wakes of one core by other threads: each is seen, and what was done before it.

use super::{Handed, check, join, start};
use crate::sys::shared::AtomicBool;
use crate::sys::shared::kernel::{self, Conduct};
use loom::thread;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};

/// Waits until all flags are up; its waker is given away in the first poll. The flags order
/// nothing: the wakes have to.
async fn all_up(flags: &[AtomicBool], waker: &Handed<Waker>) {
    let mut first = true;
    poll_fn(|cx| {
        if std::mem::replace(&mut first, false) {
            waker.give(cx.waker().clone());
        }
        match flags.iter().all(|flag| flag.load(Ordering::Relaxed)) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

/// Several threads each raise a flag and wake the same task; `shared` by clones of one waker.
fn wakers(threads: usize, interruptions: Option<usize>, conduct: Conduct) {
    check(interruptions, conduct, move || {
        let flags: Arc<Vec<_>> = Arc::new((0..threads).map(|_| AtomicBool::new(false)).collect());
        let handed = Handed::new();
        let core = start({
            let (flags, handed) = (Arc::clone(&flags), Arc::clone(&handed));
            move |mut runtime| {
                runtime.block_on(all_up(&flags, &handed));
                let doorbells = kernel::conduct(|kernel| kernel.doorbells);
                let parks = runtime.stats().enters;
                assert!(u64::from(doorbells) <= parks, "{doorbells} doorbells for {parks} parks");
            }
        });
        let waker: Waker = handed.take();
        let raise = |index: usize| {
            let (flags, waker) = (Arc::clone(&flags), waker.clone());
            move || {
                flags[index].store(true, Ordering::Relaxed);
                waker.wake();
            }
        };
        let others: Vec<_> = (1..threads).map(|index| thread::spawn(raise(index))).collect();
        raise(0)();
        drop(waker);
        join(others.into_iter().chain([core]));
    });
}

/// A core that is about to sleep, and one wake.
#[test]
fn f1_a_wake_finds_a_core_that_parks() {
    wakers(1, None, Conduct::default());
}

/// Two wakes by the same waker: the second is left to the first, and seen with it.
#[test]
fn f1_what_was_done_before_a_wake_that_was_pending_is_seen() {
    wakers(2, Some(3), Conduct::default());
}

/// Two wakes by one waker, where a completion ends the poll of the doorbell, as in an overflow.
#[test]
fn k7_the_bell_is_armed_again() {
    wakers(2, Some(2), Conduct { ends: 2, ..Conduct::default() });
}
