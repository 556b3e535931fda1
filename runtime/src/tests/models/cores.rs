//! Teams: cores that wake each other, and end together.

use super::{Handed, Moved, STACK, check, join, runtime};
use crate::cores::run::{Shared, serve};
use crate::cores::{Core, run_on_core};
use crate::inbox::Team;
use crate::sys::shared::AtomicBool;
use crate::sys::shared::kernel::Conduct;
use loom::thread::{self, JoinHandle};
use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};

/// Runs a program on two cores, each a thread of the model.
fn two<M>(main: M) -> [JoinHandle<()>; 2]
where
    M: AsyncFn(Core) -> Result<(), ()> + 'static,
{
    let runtimes = [runtime(), runtime()];
    let peers = runtimes.iter().map(|runtime| runtime.as_peer().expect("a descriptor"));
    let team = Team::new(peers.collect());
    let shared = Shared::new(main, 2);
    let mut index = 0;
    runtimes.map(|runtime| {
        let core = Core { id: index, index, count: 2 };
        index += 1;
        let moved = Moved((runtime, Arc::clone(&team), Arc::clone(&shared)));
        let body = move || {
            let (mut runtime, team, shared) = moved.it();
            serve(&mut runtime, core, team, &shared);
        };
        thread::Builder::new().stack_size(STACK).spawn(body).expect("a thread")
    })
}

/// Waits for a flag, which orders nothing; its waker is given away in the first poll.
async fn up(flag: &AtomicBool, waker: &Handed<Waker>) {
    let mut first = true;
    poll_fn(|cx| {
        if std::mem::replace(&mut first, false) {
            waker.give(cx.waker().clone());
        }
        if flag.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// One core wakes a task of the other, and has nothing more to do.
fn one_wakes_the_other(conduct: Conduct) {
    check(Some(2), conduct, || {
        let (flag, handed) = (Arc::new(AtomicBool::new(false)), Handed::new());
        join(two(async move |core| {
            if core.index == 1 {
                up(&flag, &handed).await;
                return Ok(());
            }
            let waker = handed.take();
            flag.store(true, Ordering::Relaxed);
            waker.wake();
            Ok(())
        }));
    });
}

/// By a message to its ring.
#[test]
fn f1_a_core_wakes_another() {
    one_wakes_the_other(Conduct::default());
}

/// The message is refused: the doorbell takes its place.
#[test]
fn d14_a_refused_message_rings_the_bell() {
    one_wakes_the_other(Conduct { refuses: true, ..Conduct::default() });
}

/// The kernel has no memory for a while: it has not taken the poll of the core's own doorbell yet,
/// and with that the queue is full, when a message is to be sent.
#[test]
fn f1_a_message_for_which_the_queue_has_no_place() {
    check(Some(2), Conduct { short: 3, ..Conduct::default() }, || {
        let flags: Arc<[_; 2]> = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
        let handed: Arc<[_; 2]> = Arc::new([Handed::new(), Handed::new()]);
        join(two(async move |core| {
            let (own, other) = (core.index, 1 - core.index);
            let raise = |waker: Waker| {
                flags[other].store(true, Ordering::Relaxed);
                waker.wake();
            };
            if own == 1 {
                raise(handed[other].take());
            }
            up(&flags[own], &handed[own]).await;
            if own == 0 {
                raise(handed[other].take());
            }
            Ok(())
        }));
    });
}

/// Neither has anything to do: the last to end tells the other.
#[test]
fn the_last_core_to_end_ends_all() {
    check(Some(3), Conduct::default(), || join(two(async |_| Ok(()))));
}

/// The first to fail cancels the other, which would wait for ever.
#[test]
fn a_core_that_fails_ends_all() {
    check(Some(2), Conduct::default(), || {
        join(two(async |core| match core.index {
            0 => Err(()),
            _ => pending().await,
        }));
    });
}

/// A remote child is sent to a core whose program may have ended: it runs, and its sender is told.
#[test]
fn a_remote_child_runs_on_a_core_that_waits_for_the_end() {
    check(Some(2), Conduct::default(), || {
        let ran = Arc::new(AtomicBool::new(false));
        join(two(async move |core| {
            if core.index == 0 {
                let its = Arc::clone(&ran);
                let child = async move { its.store(true, Ordering::Relaxed) };
                let there = run_on_core(1, move || Box::pin(child)).expect("the other core");
                there.await.expect("there is room for it");
                assert!(ran.load(Ordering::Relaxed));
            }
            Ok(())
        }));
    });
}
