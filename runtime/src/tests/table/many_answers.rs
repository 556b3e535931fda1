//! Operations that are answered many times: each answer is taken, or disposed of, in order, until
//! the last.

use super::in_flight::InFlight;
use super::lifecycle::Abandoned;
use super::outcome::{Arrival, CancelStep};
use super::{Kept, completion, insert, insert_many, one_of_many, take};
use crate::config::UNREAD_ANSWERS;
use crate::key::Key;
use crate::ring::Completion;
use std::cell::Cell;
use std::rc::Rc;

/// The flag of the second part of a zero-copy send: the kernel is done with the buffer.
const NOTIFICATION: u32 = 1 << 3;

/// A table with one operation that is answered many times, which the kernel has.
fn submitted() -> (InFlight, Key) {
    let mut table = InFlight::default();
    let key = insert_many(&mut table);
    assert!(table.flush(key));
    (table, key)
}

/// Has the kernel answer, and says whether it is asked to end the operation.
fn more(table: &mut InFlight, key: Key, completion: Completion) -> bool {
    let (arrival, asks) = table.more(key, completion);
    assert!(matches!(arrival, Arrival::WakeOnly(_)));
    asks
}

fn last(table: &mut InFlight, key: Key, completion: Completion) {
    assert!(matches!(table.complete(key, completion), Arrival::Wake { .. }));
}

/// The results that the future gets, and whether it was cancelled in the end.
fn taken(table: &mut InFlight, key: Key) -> (Vec<i32>, bool) {
    let mut results = Vec::new();
    loop {
        let landed = take(table, key).expect("it was answered");
        results.push(landed.completion.result);
        if !landed.completion.more() {
            return (results, landed.cancelled.is_some());
        }
        assert!(landed.cancelled.is_none());
    }
}

#[test]
fn r03_answers_come_in_order_and_the_last_ends_it() {
    let (mut table, key) = submitted();
    for result in [7, 8, 9] {
        assert!(!more(&mut table, key, one_of_many(result)));
        assert_eq!((table.pending(), table.submitted()), (1, 1));
    }
    last(&mut table, key, completion(10));
    assert_eq!((table.pending(), table.submitted()), (0, 0));
    assert_eq!(taken(&mut table, key), (vec![7, 8, 9, 10], false));
    assert!(matches!(table.complete(key, completion(1)), Arrival::Stale));
    assert!(matches!(table.more(key, one_of_many(1)).0, Arrival::Stale));
}

#[test]
fn r03_what_came_before_a_cancel_is_delivered_first() {
    let (mut table, key) = submitted();
    more(&mut table, key, one_of_many(7));
    assert!(matches!(table.cancel(key.slot() as u32), CancelStep::Ask(_)));
    more(&mut table, key, one_of_many(8));
    last(&mut table, key, completion(-libc::ECANCELED));
    assert_eq!(taken(&mut table, key), (vec![7, 8, -libc::ECANCELED], true));
}

#[test]
fn r03_the_last_answer_is_an_error() {
    for error in [libc::EMFILE, libc::ENFILE] {
        let (mut table, key) = submitted();
        more(&mut table, key, one_of_many(7));
        last(&mut table, key, completion(-error));
        assert_eq!(taken(&mut table, key), (vec![7, -error], false));
    }
}

/// Either part may come first; what the operation has lent is the kernel's until both have.
#[test]
fn r09_an_answer_in_two_parts() {
    let result = |flags| Completion { flags, ..completion(5) };
    let notification = |flags| Completion { flags: NOTIFICATION | flags, ..completion(0) };
    let more_follow = one_of_many(0).flags;
    for (first, second, expected) in [
        (result(more_follow), notification(0), vec![5, 0]),
        (notification(more_follow), result(0), vec![0, 5]),
    ] {
        let (mut table, key) = submitted();
        more(&mut table, key, first);
        assert_eq!(table.pending(), 1);
        last(&mut table, key, second);
        assert_eq!(taken(&mut table, key), (expected, false));
    }
}

/// Its future is dropped with three answers that it has not taken: those are taken out one by one,
/// and what comes after that is disposed of, one by one. The kernel has what it was lent until the
/// last.
#[test]
fn r12_a_future_is_dropped_with_three_answers_that_it_has_not_taken() {
    let (mut table, key) = submitted();
    for result in [7, 8, 9] {
        more(&mut table, key, one_of_many(result));
    }
    let unread = std::iter::from_fn(|| table.take_unread(key));
    assert_eq!(unread.map(|answer| answer.result).collect::<Vec<_>>(), [7, 8, 9]);
    let (disposed, dropped) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let kept = Kept { disposed: Rc::clone(&disposed), dropped: Rc::clone(&dropped) };
    let (abandoned, ask, _) = table.abandon(key, || Box::new(kept));
    assert!(matches!(abandoned, Abandoned::HandedOver(_)));
    assert_eq!(ask, Some(key));
    for number in 1..3 {
        let (arrival, asks) = table.more(key, one_of_many(10));
        let Arrival::DisposeOne(mut one) = arrival else { panic!("it has no future") };
        assert!(!asks);
        one.orphan.dispose_one(one.completion);
        table.put_back(key, one.orphan);
        assert_eq!((disposed.get(), dropped.get()), (number, 0));
    }
    let Arrival::Dispose(last) = table.complete(key, completion(11)) else {
        panic!("it has no future")
    };
    last.orphan.dispose(last.completion);
    assert_eq!((disposed.get(), dropped.get()), (3, 1));
    assert_eq!(table.pending(), 0);
}

/// Its future is dropped with an answer that it has not taken, and the last: the next operation in
/// its slot has none of them.
#[test]
fn c11_what_was_not_taken_is_not_for_the_next_in_the_slot() {
    let (mut table, key) = submitted();
    more(&mut table, key, one_of_many(7));
    last(&mut table, key, completion(8));
    let (abandoned, ask, _) = table.abandon(key, || unreachable!("the kernel is done"));
    assert!(matches!(abandoned, Abandoned::Finished(_)));
    assert_eq!(ask, None);
    let next = insert_many(&mut table);
    assert_eq!(next.slot(), key.slot());
    assert!(!table.is_answered(next));
    assert!(table.take_unread(next).is_none());
    assert!(take(&mut table, next).is_none());
}

/// The kernel is asked to end it once; that is no cancel of the code that waits.
#[test]
fn g8_a_flood_of_answers_is_stopped_once() {
    let (mut table, key) = submitted();
    let asks = |table: &mut InFlight| more(table, key, one_of_many(1));
    let asked: Vec<usize> = (1..200).filter(|_| asks(&mut table)).collect();
    assert_eq!(asked, [UNREAD_ANSWERS]);
    last(&mut table, key, completion(-libc::ECANCELED));
    let (results, _) = taken(&mut table, key);
    assert_eq!(results.len(), 200);
}

/// More is said of an operation that is answered once: its future waits for the last.
#[test]
fn e8_more_of_an_operation_that_is_answered_once() {
    let mut table = InFlight::default();
    let key = insert(&mut table);
    assert!(table.flush(key));
    assert!(matches!(table.more(key, one_of_many(7)), (Arrival::Nothing, false)));
    assert!(take(&mut table, key).is_none());
    last(&mut table, key, completion(8));
    assert_eq!(taken(&mut table, key), (vec![8], false));
}
