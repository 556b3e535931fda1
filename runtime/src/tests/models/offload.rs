//! Offloaded work: its end is heard, its recall comes once, and no core returns before the end.

use super::{Handed, check, child, join, start};
use crate::cancel::RemoteCancelHandle;
use crate::inbox::{self, Ticket};
use crate::op::Offload;
use crate::sys::shared::AtomicBool;
use crate::sys::shared::kernel::Conduct;
use loom::thread;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

/// Work that another thread does, with the flags of its end and of its recall. The flags order
/// nothing: the ticket has to.
struct Work {
    ticket: Arc<Handed<Ticket>>,
    ended: AtomicBool,
    recalled: AtomicBool,
}

impl Work {
    fn new() -> Arc<Self> {
        let (ended, recalled) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { ticket: Handed::new(), ended, recalled })
    }

    fn send(self: &Arc<Self>) -> Offload {
        let work = Arc::clone(self);
        Offload::new(&"a model's work", move |ticket| {
            work.ticket.give(ticket);
            Box::new(move |_| {
                let before = work.recalled.swap(true, Ordering::Relaxed);
                assert!(!before, "it is recalled once");
            })
        })
    }

    /// What the other thread does.
    fn run(&self) {
        let ticket = self.ticket.take();
        self.ended.store(true, Ordering::Relaxed);
        drop(ticket);
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

/// The work ends while the core cancels it, asked by a third.
#[test]
fn the_end_of_offloaded_work_races_its_recall() {
    check(Some(3), Conduct::default(), || {
        let (work, handed) = (Work::new(), Handed::new());
        let core = start({
            let (work, handed) = (Arc::clone(&work), Arc::clone(&handed));
            move |mut runtime| {
                let sent = work.send();
                runtime.block_on(child(&handed, async { drop(sent.await) }));
                assert!(work.has_ended(), "what was cancelled is waited for");
            }
        });
        let cancel: RemoteCancelHandle = handed.take();
        let other = thread::spawn({
            let work = Arc::clone(&work);
            move || work.run()
        });
        cancel.cancel();
        join([other, core]);
    });
}

/// The future is dropped at once: the work is recalled, and the core stays until it has ended.
#[test]
fn offloaded_work_is_waited_for_by_the_core() {
    check(None, Conduct::default(), || {
        let work = Work::new();
        let core = start({
            let work = Arc::clone(&work);
            move |mut runtime| {
                runtime.block_on(async {
                    let mut sent = pin!(work.send());
                    poll_fn(|cx| {
                        assert!(Pin::new(&mut sent).poll(cx).is_pending());
                        Poll::Ready(())
                    })
                    .await;
                });
                assert!(work.has_ended());
                assert!(work.recalled.load(Ordering::Relaxed));
            }
        });
        work.run();
        join([core]);
    });
}

/// Work is sent to a core that ends: the ticket of the work comes back from there.
#[test]
fn d14_work_sent_to_a_core_that_ends_comes_back() {
    check(Some(3), Conduct::default(), || {
        let handed = Handed::new();
        let target = start({
            let handed = Arc::clone(&handed);
            move |mut runtime| {
                runtime.block_on(async {
                    handed.give(inbox::current().expect("a core"));
                });
                drop(runtime);
            }
        });
        let core = start(move |mut runtime| {
            let target = handed.take();
            let ended = runtime.block_on(Offload::new(&"a model's work", move |ticket| {
                inbox::send(&target, move || drop(ticket));
                Box::new(|_| unreachable!("it is not cancelled"))
            }));
            ended.expect("there is room for it");
        });
        join([target, core]);
    });
}
