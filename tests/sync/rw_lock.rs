//! `RwLock`: readers together, writers alone, one line for both.

use crate::wait::{Wait, at_once};
use nestling::sync::RwLock;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn readers_read_together_and_a_writer_is_alone() {
    let lock = RwLock::new(0);
    let (one, two) = (at_once(lock.read()), at_once(lock.read()));
    assert!(lock.try_write().is_none());
    let writer = Wait::new(lock.write());
    drop(one);
    assert!(!writer.is_woken());
    drop(two);
    let mut guard = writer.done();
    assert!(lock.try_read().is_none() && lock.try_write().is_none());
    *guard += 1;
    drop(guard);
    assert_eq!(*lock.try_read().expect("nobody writes"), 1);
}

#[test]
fn readers_wait_behind_a_writer_that_waits() {
    let lock = RwLock::new(0);
    let reader = at_once(lock.read());
    let writer = Wait::new(lock.write());
    let (one, two) = (Wait::new(lock.read()), Wait::new(lock.read()));
    let last = Wait::new(lock.write());
    assert!(lock.try_read().is_none(), "there is a line");
    drop(reader);
    assert!(writer.is_woken() && !one.is_woken());
    *writer.done() = 7;
    assert!(!last.is_woken());
    let (one, two) = (one.done(), two.done());
    assert_eq!((*one, *two), (7, 7));
    drop(one);
    assert!(!last.is_woken());
    drop(two);
    drop(last.done());
}

#[test]
fn a_writer_that_is_cut_lets_the_readers_in() {
    let lock = RwLock::new(0);
    let reader = at_once(lock.read());
    let writer = Wait::new(lock.write());
    let next = Wait::new(lock.read());
    drop(writer);
    assert_eq!((*next.done(), *reader), (0, 0));
    assert!(lock.try_write().is_none());
    drop(reader);
    assert!(lock.try_write().is_some());
}

#[test]
fn a_writer_that_is_cut_after_it_was_served_passes_all_on() {
    let lock = RwLock::new(0);
    let guard = at_once(lock.write());
    let cut = Wait::new(lock.write());
    let (one, two) = (Wait::new(lock.read()), Wait::new(lock.read()));
    drop(guard);
    assert!(cut.is_woken() && !one.is_woken());
    drop(cut);
    drop((one.done(), two.done()));
    assert!(lock.try_write().is_some());
}

#[test]
fn a_panic_poisons_nothing() {
    let mut lock = RwLock::new(1);
    let thrown = catch_unwind(AssertUnwindSafe(|| {
        *at_once(lock.write()) = 2;
        let _guard = at_once(lock.read());
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(thrown.is_err());
    assert_eq!(*lock.try_write().expect("it is free"), 2);
    *lock.get_mut() += 1;
    assert_eq!(format!("{lock:?}"), "RwLock(3)");
    let guard = at_once(lock.write());
    assert_eq!(format!("{lock:?} {guard:?}"), "RwLock(<locked>) WriteGuard(3)");
    drop(guard);
    assert_eq!(lock.into_inner(), 3);
}

#[test]
fn dropped_in_any_order_it_ends_free() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let lock = RwLock::new(());
        let mut guards =
            [Some(at_once(lock.read())), Some(at_once(lock.read())), Some(at_once(lock.read()))];
        let writer = Wait::new(lock.write());
        for index in order {
            assert!(!writer.is_woken());
            guards[index] = None;
        }
        drop(writer.done());
        assert!(lock.try_write().is_some());
    }
}
