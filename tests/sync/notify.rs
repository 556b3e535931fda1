//! `Notify`: one or all, and a notification that is passed on when no task waits for it.

use crate::wait::{Wait, at_once};
use nestling::sync::Notify;

#[test]
fn one_is_for_whoever_waits_longest() {
    let notify = Notify::new();
    let (one, two) = (Wait::new(notify.notified()), Wait::new(notify.notified()));
    notify.notify_one();
    assert!(one.is_woken() && !two.is_woken());
    one.done();
    notify.notify_one();
    two.done();
    drop(Wait::new(notify.notified()));
}

#[test]
fn one_is_kept_for_the_next_and_no_second() {
    let notify = Notify::new();
    notify.notify_one();
    notify.notify_one();
    at_once(notify.notified());
    drop(Wait::new(notify.notified()));
}

#[test]
fn one_that_meets_a_waiter_is_not_kept_as_well() {
    let notify = Notify::default();
    let wait = Wait::new(notify.notified());
    notify.notify_one();
    wait.done();
    drop(Wait::new(notify.notified()));
}

#[test]
fn a_waiter_that_is_cut_after_it_was_chosen_passes_it_on() {
    let notify = Notify::new();
    let (cut, next) = (Wait::new(notify.notified()), Wait::new(notify.notified()));
    notify.notify_one();
    drop(cut);
    next.done();
    let last = Wait::new(notify.notified());
    notify.notify_one();
    assert!(last.is_woken());
    drop(last);
    at_once(notify.notified());
    drop(Wait::new(notify.notified()));
}

#[test]
fn two_that_are_passed_on_to_nobody_are_one() {
    let notify = Notify::new();
    let (one, two) = (Wait::new(notify.notified()), Wait::new(notify.notified()));
    notify.notify_one();
    notify.notify_one();
    drop((one, two));
    at_once(notify.notified());
    drop(Wait::new(notify.notified()));
}

#[test]
fn all_are_those_who_wait_now() {
    let notify = Notify::new();
    let waits: Vec<_> = (0..5).map(|_| Wait::new(notify.notified())).collect();
    notify.notify_all();
    let late = Wait::new(notify.notified());
    waits.into_iter().for_each(Wait::done);
    assert!(!late.is_woken());
    notify.notify_all();
    late.done();
}

#[test]
fn what_all_were_told_is_passed_on_to_nobody() {
    let notify = Notify::new();
    let cut = Wait::new(notify.notified());
    notify.notify_all();
    drop(cut);
    let late = Wait::new(notify.notified());
    notify.notify_all();
    notify.notify_one();
    drop(late);
    at_once(notify.notified());
}

#[test]
fn all_leaves_one_that_is_kept() {
    let notify = Notify::new();
    notify.notify_one();
    notify.notify_all();
    at_once(notify.notified());
}
