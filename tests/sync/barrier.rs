//! `Barrier`: all wait for the last, and who is cut does not count.

use crate::wait::{Wait, at_once};
use nestling::sync::Barrier;
use nestling::{Cancelled, nursery};
use std::cell::Cell;

#[test]
fn the_last_lets_all_go_and_leads() {
    let barrier = Barrier::new(3);
    for _ in 0..3 {
        let (one, two) = (Wait::new(barrier.wait()), Wait::new(barrier.wait()));
        assert!(at_once(barrier.wait()).is_leader());
        assert!(!one.done().is_leader() && !two.done().is_leader());
    }
}

#[test]
fn one_that_is_cut_while_it_waits_is_not_counted() {
    let barrier = Barrier::new(3);
    let one = Wait::new(barrier.wait());
    drop(Wait::new(barrier.wait()));
    let two = Wait::new(barrier.wait());
    assert!(!one.is_woken());
    assert!(at_once(barrier.wait()).is_leader());
    assert!(!one.done().is_leader() && !two.done().is_leader());
}

#[test]
fn one_that_is_cut_after_the_last_came_was_counted() {
    let barrier = Barrier::new(2);
    let cut = Wait::new(barrier.wait());
    assert!(at_once(barrier.wait()).is_leader());
    drop(cut);
    let one = Wait::new(barrier.wait());
    assert!(at_once(barrier.wait()).is_leader());
    one.done();
}

#[test]
fn for_one_or_none_nobody_waits() {
    for count in [0, 1] {
        let barrier = Barrier::new(count);
        assert!(at_once(barrier.wait()).is_leader());
        assert!(at_once(barrier.wait()).is_leader());
    }
}

#[test]
fn children_meet_round_after_round() {
    let (barrier, leaders, arrived) = (Barrier::new(7), Cell::new(0), Cell::new(0));
    let result: Result<(), Cancelled> = nestling::block_on(nursery(async |n| {
        for _ in 0..7 {
            n.spawn(async {
                for round in 1..=10 {
                    arrived.set(arrived.get() + 1);
                    let leads = barrier.wait().await.is_leader();
                    assert!(arrived.get() >= 7 * round);
                    leaders.set(leaders.get() + i32::from(leads));
                }
            });
        }
        Ok(())
    }));
    assert_eq!((result, leaders.get()), (Ok(()), 10));
}
