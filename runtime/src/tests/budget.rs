//! The budget of awaits, and what is lent to the poll of a cancelled task.

use crate::config::{AWAIT_BUDGET, LAST_POLL_AWAITS};
use crate::shield::Shield;
use crate::wake::budget::{left, lend, proceed, proceed_once, proceed_unless};
use crate::{block_on, yield_now};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Wake, Waker};

#[derive(Debug, Default)]
struct Woken(AtomicU32);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// How many awaits return before one suspends, at most `most`; and how many wakes that one does.
fn awaits(most: u32) -> (u32, u32) {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let cx = Context::from_waker(&waker);
    let returned = (0..most).take_while(|_| proceed(&cx).is_ready()).count();
    (returned as u32, woken.0.load(Ordering::SeqCst))
}

/// Runs a test at the start of a turn of a core.
fn on_a_core(test: impl FnOnce()) {
    block_on(async {
        yield_now().await;
        test();
    });
}

#[test]
fn r18_a_turn_ends_with_its_awaits() {
    on_a_core(|| {
        assert!(left());
        assert_eq!(awaits(u32::MAX), (AWAIT_BUDGET, 1));
        assert!(!left(), "nurseries rest");
        assert_eq!(awaits(u32::MAX), (0, 1), "until the next turn");
    });
}

#[test]
fn r18_a_thread_without_a_core_goes_on() {
    assert_eq!(awaits(10 * AWAIT_BUDGET), (10 * AWAIT_BUDGET, 0));
    // Nor does it matter what a core has left behind.
    on_a_core(|| {
        awaits(u32::MAX);
    });
    assert_eq!(awaits(10 * AWAIT_BUDGET), (10 * AWAIT_BUDGET, 0));
}

#[test]
fn r18_an_await_suspends_once() {
    on_a_core(|| {
        awaits(u32::MAX);
        let (cx, mut suspended) = (Context::from_waker(Waker::noop()), false);
        assert!(proceed_once(&mut suspended, &cx).is_pending());
        assert!(proceed_once(&mut suspended, &cx).is_ready());
        assert!(proceed_once(&mut suspended, &cx).is_pending(), "that is the next one");
    });
}

/// What is there to answer once is not cut for want of awaits.
#[test]
fn r18_what_ends_by_itself_spends_nothing_when_it_is_cancelled() {
    on_a_core(|| {
        let _lent = lend();
        let cx = Context::from_waker(Waker::noop());
        for _ in 0..10 * AWAIT_BUDGET {
            assert!(proceed_unless(|| true, &mut false, &cx).is_ready());
        }
        assert_eq!(awaits(u32::MAX).0, LAST_POLL_AWAITS);
        assert!(proceed_unless(|| true, &mut false, &cx).is_ready());
        assert!(proceed_unless(|| false, &mut false, &cx).is_pending());
    });
}

#[test]
fn r18_a_last_poll_has_awaits_when_the_turn_has_none() {
    on_a_core(|| {
        awaits(u32::MAX);
        let lent = lend();
        assert_eq!(awaits(u32::MAX), (LAST_POLL_AWAITS, 0), "and then it is cut, not woken");
        drop(lent);
        assert_eq!(awaits(u32::MAX), (0, 1));
    });
}

#[test]
fn r18_what_was_lent_does_not_count_for_the_turn() {
    on_a_core(|| {
        assert_eq!(awaits(7).0, 7);
        for _ in 0..100 {
            let _lent = lend();
            assert_eq!(awaits(u32::MAX).0, LAST_POLL_AWAITS);
            // A cancelled child of a cancelled task.
            let inner = lend();
            assert_eq!(awaits(u32::MAX).0, LAST_POLL_AWAITS);
            drop(inner);
            assert_eq!(awaits(u32::MAX).0, 0);
        }
        assert!(left(), "the turn goes on");
        assert_eq!(awaits(u32::MAX).0, AWAIT_BUDGET - 7);
    });
}

/// In a shield a task is not cut: there a spent budget ends the turn, and wakes.
#[test]
fn r18_a_shield_in_a_last_poll_spends_what_the_turn_has() {
    on_a_core(|| {
        let shield = Shield::new();
        {
            let _lent = lend();
            assert_eq!(awaits(5).0, 5);
            shield.run(|| {
                assert_eq!(awaits(9).0, 9);
                let _inner = lend();
                assert_eq!(awaits(u32::MAX).0, LAST_POLL_AWAITS);
            });
            shield.run(|| assert_eq!(awaits(u32::MAX), (AWAIT_BUDGET - 9, 1)));
            assert!(!left(), "the turn is over");
            assert_eq!(awaits(u32::MAX), (LAST_POLL_AWAITS - 5, 0));
        }
        assert_eq!(awaits(u32::MAX), (0, 1));
    });
}

#[test]
fn r18_what_was_lent_comes_back_when_a_poll_panics() {
    on_a_core(|| {
        let thrown = std::panic::catch_unwind(|| {
            let _lent = lend();
            std::panic::resume_unwind(Box::new(1));
        });
        assert!(thrown.is_err());
        assert_eq!(awaits(u32::MAX).0, AWAIT_BUDGET);
    });
}
