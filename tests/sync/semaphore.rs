//! `Semaphore`: permits are handed over in order, and none is lost or made up.

use crate::wait::{Wait, at_once};
use nestling::sync::Semaphore;
use std::rc::Rc;

#[test]
fn permits_are_handed_to_whoever_waits_longest() {
    let semaphore = Semaphore::new(1);
    let held = at_once(semaphore.acquire());
    let one = Wait::new(semaphore.acquire());
    let two = Wait::new(semaphore.acquire());
    drop(held);
    assert!(one.is_woken() && !two.is_woken());
    drop(one.done());
    drop(two.done());
    assert_eq!(semaphore.available(), 1);
}

#[test]
fn nobody_overtakes_one_that_was_served_and_has_not_run() {
    let semaphore = Semaphore::new(1);
    let held = at_once(semaphore.acquire());
    let first = Wait::new(semaphore.acquire());
    drop(held);
    assert_eq!(semaphore.available(), 0, "it was handed over, not put back");
    assert!(semaphore.try_acquire().is_none());
    let late = Wait::new(semaphore.acquire());
    drop(first.done());
    drop(late.done());
}

#[test]
fn one_that_wants_many_is_not_overtaken_by_those_that_want_few() {
    let semaphore = Semaphore::new(3);
    let held = at_once(semaphore.acquire_many(2));
    let many = Wait::new(semaphore.acquire_many(3));
    let few = Wait::new(semaphore.acquire());
    assert_eq!(semaphore.available(), 1);
    assert!(semaphore.try_acquire().is_none(), "there is a line");
    drop(held);
    assert!(many.is_woken() && !few.is_woken());
    let many = many.done();
    assert_eq!(many.count(), 3);
    drop(many);
    assert_eq!(few.done().count(), 1);
}

#[test]
fn one_that_is_cut_lets_those_behind_it_through() {
    let semaphore = Semaphore::new(3);
    let _held = at_once(semaphore.acquire_many(2));
    let many = Wait::new(semaphore.acquire_many(3));
    let few = Wait::new(semaphore.acquire());
    drop(many);
    drop(few.done());
    assert_eq!(semaphore.available(), 1);
}

#[test]
fn one_that_is_cut_after_it_was_served_passes_all_it_had_on() {
    let semaphore = Semaphore::new(2);
    let held = at_once(semaphore.acquire_many(2));
    let cut = Wait::new(semaphore.acquire_many(2));
    let one = Wait::new(semaphore.acquire());
    let two = Wait::new(semaphore.acquire());
    drop(held);
    assert!(cut.is_woken() && !one.is_woken());
    drop(cut);
    drop((one.done(), two.done()));
    assert_eq!(semaphore.available(), 2);
}

#[test]
fn one_that_is_cut_in_the_middle_leaves_the_order_as_it_is() {
    let semaphore = Semaphore::new(0);
    let mut waits: Vec<_> = (0..5).map(|_| Wait::new(semaphore.acquire())).collect();
    drop(waits.remove(2));
    drop(waits.remove(3));
    drop(waits.remove(0));
    for _ in 0..waits.len() {
        semaphore.add_permits(1);
        let first = waits.remove(0);
        assert!(waits.iter().all(|wait| !wait.is_woken()));
        first.done().forget();
    }
    assert_eq!(semaphore.available(), 0);
}

#[test]
fn none_wanted_is_none_waited_for_but_in_line() {
    let semaphore = Semaphore::new(0);
    assert_eq!(at_once(semaphore.acquire_many(0)).count(), 0);
    let one = Wait::new(semaphore.acquire());
    let none = Wait::new(semaphore.acquire_many(0));
    drop(one);
    assert_eq!(none.done().count(), 0);
}

#[test]
fn added_permits_serve_several_at_once() {
    let semaphore = Semaphore::new(0);
    let waits: Vec<_> = (0..3).map(|_| Wait::new(semaphore.acquire())).collect();
    semaphore.add_permits(5);
    waits.into_iter().for_each(|wait| wait.done().forget());
    assert_eq!(semaphore.available(), 2);
}

#[test]
fn what_is_forgotten_does_not_come_back() {
    let semaphore = Semaphore::new(3);
    at_once(semaphore.acquire_many(2)).forget();
    assert_eq!(semaphore.available(), 1);
}

#[test]
fn no_sum_overflows() {
    let semaphore = Semaphore::new(usize::MAX);
    let held = at_once(semaphore.acquire());
    semaphore.add_permits(usize::MAX);
    drop(held);
    assert_eq!(semaphore.available(), usize::MAX);
    drop(at_once(semaphore.acquire_many(usize::MAX)));
}

#[test]
fn owned_permits_keep_the_semaphore() {
    let semaphore = Rc::new(Semaphore::new(2));
    let one = at_once(semaphore.acquire_owned());
    let two = semaphore.try_acquire_owned().expect("one is left");
    assert!(semaphore.try_acquire_owned().is_none());
    let wait = Wait::new(semaphore.acquire_many_owned(2));
    drop(one);
    two.forget();
    assert!(!wait.is_woken());
    semaphore.add_permits(1);
    let both = wait.done();
    let weak = Rc::downgrade(&semaphore);
    drop(semaphore);
    assert_eq!((both.count(), weak.strong_count()), (2, 1));
    drop(both);
    assert_eq!(weak.strong_count(), 0);
}

#[test]
fn an_owned_acquire_that_is_cut_leaves_nothing() {
    let semaphore = Rc::new(Semaphore::new(1));
    let held = semaphore.try_acquire_owned().expect("it is free");
    let waiting = Wait::new(semaphore.acquire_owned());
    let served = Wait::new(semaphore.acquire_owned());
    drop(waiting);
    drop(held);
    assert!(served.is_woken());
    drop(served);
    assert_eq!((semaphore.available(), Rc::strong_count(&semaphore)), (1, 1));
}

#[test]
fn a_future_that_is_forgotten_keeps_its_place_and_what_it_is_handed() {
    let semaphore = Semaphore::new(0);
    std::mem::forget(Wait::new(semaphore.acquire()));
    let next = Wait::new(semaphore.acquire());
    semaphore.add_permits(1);
    assert!(!next.is_woken());
    semaphore.add_permits(1);
    drop(next.done());
    assert_eq!(semaphore.available(), 1);
}
