//! Answers that the kernel gives seldom, and what becomes of them.

use super::in_flight::InFlight;
use super::lifecycle::{Abandoned, Phase};
use super::outcome::{Arrival, CancelStep};
use super::{Kept, completion, info, insert, take};
use crate::key::Key;
use crate::scope;
use crate::tree::Reason;
use std::cell::Cell;
use std::rc::Rc;

/// A table with one operation of a future, which the kernel has.
fn submitted() -> (InFlight, Key) {
    let mut table = InFlight::default();
    let key = insert(&mut table);
    assert!(table.flush(key));
    (table, key)
}

fn answer(table: &mut InFlight, key: Key) -> super::outcome::Landed {
    take(table, key).expect("it was answered")
}

/// What the kernel says when it was interrupted, in all its words.
const INTERRUPTED: [i32; 7] = [-libc::ECANCELED, -libc::EINTR, -512, -513, -514, -515, -516];

/// Results that no operation is documented to have.
const ODD: [i32; 7] = [i32::MIN, i32::MIN + 1, -4095, -4096, -517, -511, i32::MAX];

#[test]
fn e8_odd_results_are_errors_or_counts_but_no_panic() {
    for result in ODD.into_iter().chain(INTERRUPTED).chain([0, 1, -1]) {
        let value = completion(result).value();
        assert_eq!(value.is_ok(), result >= 0, "{result}");
        if let Err(error) = value {
            let code = error.raw_os_error().expect("a code of the system");
            assert!(code > 0, "{result} became {code}");
            // The kernel's own words do not reach users.
            assert!(!(512..=516).contains(&code), "{result} became {code}");
            assert!(!error.to_string().is_empty());
        }
        for asked in [false, true] {
            let (mut table, key) = submitted();
            if asked {
                assert!(matches!(table.cancel(key.slot() as u32), CancelStep::Ask(_)));
            }
            assert!(matches!(table.complete(key, completion(result)), Arrival::Wake { .. }));
            let landed = answer(&mut table, key);
            let cancelled = asked && INTERRUPTED.contains(&result);
            assert_eq!(landed.cancelled.is_some(), cancelled, "{result}, asked: {asked}");
            assert_eq!((table.pending(), table.submitted()), (0, 0));
        }
    }
}

/// Nothing here asked for it: an ordinary error.
#[test]
fn e7_foreign_cancellation_is_not_ours() {
    for result in INTERRUPTED {
        let (mut table, key) = submitted();
        let _ = table.complete(key, completion(result));
        let landed = answer(&mut table, key);
        assert!(landed.cancelled.is_none());
        let error = landed.completion.value().unwrap_err();
        assert!(!crate::is_cancelled(&error), "{result}");
    }
}

/// The answer that raced its cancel and won is no cancellation.
#[test]
fn e2_success_after_a_cancel_is_success() {
    for result in [0, 1, 4096, -libc::ECONNRESET] {
        let (mut table, key) = submitted();
        assert!(matches!(table.cancel(key.slot() as u32), CancelStep::Ask(_)));
        let _ = table.complete(key, completion(result));
        assert!(answer(&mut table, key).cancelled.is_none());
    }
}

/// Each submission is asked at most once, however often it is cancelled, and however its future
/// ends.
#[test]
fn r03_each_submission_is_asked_once() {
    let (mut table, key) = submitted();
    let slot = key.slot() as u32;
    assert!(matches!(table.cancel(slot), CancelStep::Ask(asked) if asked == key));
    assert!(matches!(table.cancel(slot), CancelStep::Nothing));
    let (abandoned, ask, _) = table.abandon(key, || Box::new(Kept::default()));
    assert!(matches!(abandoned, Abandoned::HandedOver(_)));
    assert_eq!(ask, None, "it was asked before");
    assert!(matches!(table.cancel(slot), CancelStep::Nothing));
    assert!(table.is_pending(key));
    assert!(matches!(table.complete(key, completion(0)), Arrival::Dispose(_)));
    assert!(!table.is_pending(key));
}

/// One that was interrupted for something else, and is then cancelled by a deadline, says so; what
/// was cancelled first counts, also if it belongs to another scope by then.
#[test]
fn r14_the_first_scope_that_cancels_an_operation_says_why() {
    let cancelled = |reason| {
        let id = scope::new(None);
        _ = scope::cancel(id, reason);
        id
    };
    let (late, asked) = (cancelled(Reason::Deadline), cancelled(Reason::Asked));
    for (interrupted, first, then, timed_out) in
        [(true, late, asked, true), (true, asked, late, false), (false, late, asked, true)]
    {
        let (mut table, key) = submitted();
        assert_eq!(interrupted, interrupted && table.interrupt(key));
        for scope in [first, then] {
            table.adopt(&[key.slot() as u32], Some(scope));
            _ = table.cancel(key.slot() as u32);
        }
        _ = table.complete(key, completion(-libc::ECANCELED));
        let cancelled = answer(&mut table, key).cancelled.expect("it was asked");
        assert_eq!(cancelled.is_timed_out(), timed_out);
    }
    _ = (scope::try_close(late), scope::try_close(asked));
}

/// A close, which no future awaits, is never cancelled: queued or with the kernel.
#[test]
fn b5_detached_operations_are_not_cancelled() {
    let mut table = InFlight::default();
    let key = table.insert_detached(Phase::Queued, info(), Box::new(Kept::default()), None);
    assert!(matches!(table.cancel(key.slot() as u32), CancelStep::Nothing));
    assert!(table.flush(key), "it is still to be submitted");
    assert!(matches!(table.cancel(key.slot() as u32), CancelStep::Nothing));
    assert_eq!((table.pending(), table.submitted()), (1, 1));
}

/// Work that never had a future is asked once to stop, and ends when it is done.
#[test]
fn r03_detached_work_is_asked_once() {
    let mut table = InFlight::default();
    let key = table.insert_detached(Phase::Offloaded, info(), Box::new(Kept::default()), None);
    assert!(table.goes_on(key.slot() as u32));
    assert!(matches!(table.cancel(key.slot() as u32), CancelStep::Ask(asked) if asked == key));
    assert!(matches!(table.cancel(key.slot() as u32), CancelStep::Nothing));
    assert_eq!((table.pending(), table.submitted()), (1, 0));
    assert!(matches!(table.complete(key, completion(0)), Arrival::Dispose(_)));
    assert_eq!(table.pending(), 0);
}

/// What never entered the kernel is resolved without it, and stays out.
#[test]
fn e11_queued_operation_is_resolved_without_the_kernel() {
    let mut table = InFlight::default();
    let key = insert(&mut table);
    assert!(matches!(table.cancel(key.slot() as u32), CancelStep::Withdrawn(_)));
    assert_eq!((table.pending(), table.submitted()), (0, 0));
    assert!(!table.flush(key), "it is not submitted any more");
    assert!(answer(&mut table, key).cancelled.is_some());
    let key = insert(&mut table);
    let (abandoned, ask, _) = table.abandon(key, || unreachable!("the kernel never saw it"));
    assert!(matches!(abandoned, Abandoned::Withdrawn(_)) && ask.is_none());
    assert!(!table.flush(key));
}

/// A slot is used again at once; a key of before finds nothing there.
#[test]
fn c11_old_generation_is_stale_in_a_used_slot() {
    let mut table = InFlight::default();
    let mut old = Vec::new();
    for _ in 0..100 {
        let key = insert(&mut table);
        assert_eq!(key.slot(), 0, "the same slot each time, the first one");
        table.flush(key);
        for &old in &old {
            assert!(matches!(table.complete(old, completion(7)), Arrival::Stale));
            assert!(!table.is_pending(old) && !table.flush(old));
        }
        assert_eq!(table.pending(), 1, "the one that is there was not touched");
        let _ = table.complete(key, completion(0));
        assert!(matches!(table.complete(key, completion(7)), Arrival::Stale), "answered twice");
        assert_eq!(answer(&mut table, key).completion.result, 0);
        old.push(key);
    }
}

/// A table that goes with something in flight leaks it: the kernel may still write there.
#[test]
fn a5_what_is_in_flight_is_leaked_not_freed() {
    let (disposed, dropped) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let kept = || Kept { disposed: Rc::clone(&disposed), dropped: Rc::clone(&dropped) };
    let (mut table, key) = submitted();
    let _ = table.abandon(key, || Box::new(kept()));
    table.leak();
    drop(table);
    assert_eq!((disposed.get(), dropped.get()), (0, 0));
}
