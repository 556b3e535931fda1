//! A hundred thousand waiters: each is served, cut or woken without a look at the others.
//!
//! Were anything of that quadratic, a test would take minutes, and count as hung.

use crate::support::random::Random;
use crate::support::{poll_once, watched};
use crate::tested::channel;
use crate::wait::{Wait, at_once};
use nestling::sync::{Notify, Semaphore};
use nestling::{Cancelled, nursery};
use std::cell::Cell;

const MANY: usize = 100_000;

#[test]
fn cut_in_any_order_they_leave_those_who_stay_in_order() {
    watched(|| {
        let semaphore = Semaphore::new(0);
        let mut random = Random::new(7);
        let mut waits: Vec<_> = (0..MANY).map(|_| Some(Wait::new(semaphore.acquire()))).collect();
        let mut stay = MANY;
        for _ in 0..MANY {
            let cut = waits[random.below(MANY)].take();
            stay -= usize::from(cut.is_some());
        }
        for wait in waits.into_iter().flatten() {
            semaphore.add_permits(1);
            wait.done().forget();
            stay -= 1;
        }
        assert_eq!((stay, semaphore.available()), (0, 0));
    });
}

#[test]
fn all_are_served_by_one_event() {
    watched(|| {
        let semaphore = Semaphore::new(0);
        let waits: Vec<_> = (0..MANY).map(|_| Wait::new(semaphore.acquire())).collect();
        semaphore.add_permits(MANY);
        waits.into_iter().for_each(|wait| drop(wait.done()));
        assert_eq!(semaphore.available(), MANY);

        let notify = Notify::new();
        let waits: Vec<_> = (0..MANY).map(|_| Wait::new(notify.notified())).collect();
        notify.notify_all();
        waits.into_iter().for_each(Wait::done);
    });
}

#[test]
fn those_who_were_served_and_are_all_cut_hand_it_through() {
    watched(|| {
        let semaphore = Semaphore::new(0);
        let waits: Vec<_> = (0..MANY).map(|_| Wait::new(semaphore.acquire())).collect();
        semaphore.add_permits(1);
        drop(waits);
        drop(at_once(semaphore.acquire()));
        assert_eq!(semaphore.available(), 1);
    });
}

#[test]
fn as_children_they_send_and_end_in_order() {
    watched(|| {
        let (sender, receiver) = channel(1);
        let turn = Cell::new(0);
        let result: Result<(), Cancelled> = nestling::block_on(nursery(async |n| {
            for number in 0..MANY {
                let (sender, turn) = (&sender, &turn);
                n.spawn(async move {
                    sender.send(number).await.expect("open");
                    assert_eq!(turn.replace(number + 1), number);
                });
            }
            for number in 0..MANY {
                assert_eq!(receiver.recv().await, Some(number));
            }
            Ok(())
        }));
        assert_eq!((result, turn.get()), (Ok(()), MANY));
    });
}

#[test]
fn one_that_is_polled_again_and_again_keeps_its_place() {
    nestling::block_on(async {
        let semaphore = Semaphore::new(0);
        let mut first = Box::pin(semaphore.acquire());
        for _ in 0..1000 {
            assert!(poll_once(first.as_mut()).await.is_pending());
        }
        let second = Wait::new(semaphore.acquire());
        for _ in 0..1000 {
            assert!(poll_once(first.as_mut()).await.is_pending());
        }
        semaphore.add_permits(1);
        assert!(!second.is_woken() && poll_once(first.as_mut()).await.is_ready());
    });
}
