//! Logs that no run left: some that the rules allow, and a small breach of each rule.

use crate::allowed::check;
use crate::log::{E, Event, What};
use crate::plan::{Id, Kind};
use std::time::Duration;

const NURSERY: Id = 1;
const BODY: Id = 2;
const CHILD: Id = 3;
const OP: Id = 10;

fn begin(id: Id, what: What) -> Event {
    Event::Begin { id, task: CHILD, scope: CHILD, what }
}

fn answer(id: Id, error: Option<E>) -> Event {
    Event::Answer { id, error, value: None, took: Duration::ZERO }
}

/// A child that awaits an operation is cancelled by its nursery, and hands the error on.
fn log() -> Vec<Event> {
    vec![
        Event::Open { nursery: NURSERY, body: BODY, scope: 0, deadline: None },
        Event::Start { task: BODY },
        Event::Spawn { task: CHILD, nursery: NURSERY, kind: Kind::Plain },
        Event::Spawned { task: CHILD, refused: false },
        Event::End { task: BODY, result: Ok(7) },
        Event::Gone { task: BODY },
        Event::Start { task: CHILD },
        begin(OP, What::Op),
        Event::Cancel { nursery: NURSERY },
        answer(OP, Some(E::Cancelled)),
        Event::End { task: CHILD, result: Err(E::Cancelled) },
        Event::Gone { task: CHILD },
        Event::Return { nursery: NURSERY, outcome: Ok(Ok(7)) },
    ]
}

/// Where the operation is answered, and where the child ends.
const ANSWER: usize = 9;
const END: usize = 10;

fn assert_refused(log: &[Event], rule: &str) {
    let breach = check(log).expect_err("it is not allowed").1;
    assert!(breach.starts_with(rule), "{breach}");
}

#[test]
fn model_allows_a_log_that_keeps_the_rules() {
    assert_eq!(check(&log()), Ok(()));
}

#[test]
fn model_refuses_a_nursery_that_returns_before_its_child_is_gone() {
    let mut log = log();
    log.swap(11, 12);
    assert_refused(&log, "r01");
}

#[test]
fn model_refuses_a_cancel_that_does_not_arrive() {
    let mut log = log();
    log.insert(ANSWER, Event::Seen { scope: CHILD, cancelled: false });
    assert_refused(&log, "r02");
}

#[test]
fn model_refuses_a_child_that_is_cut_before_its_answer() {
    let mut log = log();
    log.splice(ANSWER..=END, [Event::Left { id: OP }]);
    assert_refused(&log, "r05");
}

#[test]
fn model_refuses_a_second_answer_after_a_cancel() {
    let mut log = log();
    log.splice(END..END, [begin(OP, What::Op), answer(OP, Some(E::Cancelled))]);
    assert_refused(&log, "r06");
}

#[test]
fn model_refuses_a_sleep_that_returns_early() {
    let mut log = log();
    let sleep = What::Sleep(Duration::from_secs(1));
    log.splice(7..=ANSWER, [begin(OP, sleep), answer(OP, None)]);
    assert_refused(&log, "r07");
}

#[test]
fn model_refuses_a_derived_error_as_the_result() {
    let mut log = log();
    log[12] = Event::Return { nursery: NURSERY, outcome: Ok(Err(E::Cancelled)) };
    assert_refused(&log, "r09");
}

#[test]
fn model_refuses_success_when_a_child_was_stopped_from_outside() {
    let mut log = log();
    log[0] = Event::Open { nursery: NURSERY, body: BODY, scope: 20, deadline: None };
    let limit = Duration::from_secs(1);
    log.insert(0, Event::Timeout { id: 20, scope: 0, limit });
    log[9] = Event::Found { id: 20, after: limit };
    assert_refused(&log, "r09, r10");
}

#[test]
fn model_refuses_a_late_child_that_is_not_dropped() {
    let mut log = log();
    let late = [
        Event::Spawn { task: 4, nursery: NURSERY, kind: Kind::Plain },
        Event::Spawned { task: 4, refused: false },
    ];
    log.splice(ANSWER..ANSWER, late);
    assert_refused(&log, "r11");
}

/// A child has set a nursery aside that it opened inside a shield, and is cut; the body in there
/// goes with it.
fn log_of_a_shield_aside() -> Vec<Event> {
    let (part, shield, inner) = (20, 21, 22);
    vec![
        Event::Open { nursery: NURSERY, body: BODY, scope: 0, deadline: None },
        Event::Start { task: BODY },
        Event::Spawn { task: CHILD, nursery: NURSERY, kind: Kind::Plain },
        Event::Spawned { task: CHILD, refused: false },
        Event::End { task: BODY, result: Ok(7) },
        Event::Gone { task: BODY },
        Event::Start { task: CHILD },
        Event::Part { id: part, scope: CHILD },
        Event::Shield { id: shield, scope: part },
        Event::Open { nursery: inner, body: INSIDE, scope: shield, deadline: None },
        Event::Start { task: INSIDE },
        Event::Aside { id: part },
        Event::Cancel { nursery: NURSERY },
        Event::Gone { task: INSIDE },
        Event::Left { id: inner },
        Event::Left { id: shield },
        Event::Gone { task: CHILD },
        Event::Return { nursery: NURSERY, outcome: Ok(Ok(7)) },
    ]
}

const INSIDE: Id = 23;
const ASIDE: usize = 11;
const CANCEL: usize = 12;

#[test]
fn model_allows_that_a_shield_goes_with_who_has_set_it_aside() {
    assert_eq!(check(&log_of_a_shield_aside()), Ok(()));
}

#[test]
fn model_refuses_that_a_shield_goes_with_who_is_not_cancelled() {
    let mut log = log_of_a_shield_aside();
    log.remove(CANCEL);
    assert_refused(&log, "r02: task 23 is dropped");
}

#[test]
fn model_refuses_that_a_task_in_a_shield_is_cut_that_is_not_aside() {
    let mut log = log_of_a_shield_aside();
    log.remove(ASIDE);
    assert_refused(&log, "r02: task 23 is cut");
}
