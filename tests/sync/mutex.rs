//! `Mutex`: one at a time, in order, and never poisoned.

use crate::wait::{Wait, at_once};
use nestling::sync::{Mutex, Semaphore};
use nestling::task::yield_now;
use nestling::{Cancelled, nursery};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

#[test]
fn the_lock_is_handed_over_in_order() {
    let mutex = Mutex::new(Vec::new());
    let guard = at_once(mutex.lock());
    let waits: Vec<_> = (0..4).map(|_| Wait::new(mutex.lock())).collect();
    drop(guard);
    assert!(mutex.try_lock().is_none(), "it was handed over");
    for (number, wait) in waits.into_iter().enumerate() {
        wait.done().push(number);
    }
    assert_eq!(mutex.into_inner(), [0, 1, 2, 3]);
}

#[test]
fn one_that_is_cut_passes_the_lock_on() {
    let mutex = Mutex::new(0);
    let guard = at_once(mutex.lock());
    let (cut, next) = (Wait::new(mutex.lock()), Wait::new(mutex.lock()));
    drop(guard);
    drop(cut);
    *next.done() += 1;
    assert_eq!(*mutex.try_lock().expect("it is free"), 1);
}

#[test]
fn children_do_not_meet_in_it() {
    let (mutex, inside) = (Mutex::new(0), Cell::new(0));
    let result: Result<(), Cancelled> = nestling::block_on(nursery(async |n| {
        for _ in 0..50 {
            n.spawn(async {
                for _ in 0..20 {
                    let mut guard = mutex.lock().await;
                    assert_eq!(inside.replace(1), 0);
                    let seen = *guard;
                    yield_now().await;
                    *guard = seen + 1;
                    inside.set(0);
                }
            });
        }
        Ok(())
    }));
    assert_eq!((result, mutex.into_inner()), (Ok(()), 1000));
}

#[test]
fn a_panic_unlocks_it_and_poisons_nothing() {
    let mutex = Mutex::new(1);
    let thrown = catch_unwind(AssertUnwindSafe(|| {
        let mut guard = at_once(mutex.lock());
        *guard = 2;
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(thrown.is_err());
    assert_eq!(*mutex.try_lock().expect("it is free"), 2);
}

/// Takes the lock again, from the destructor of the value that is locked.
struct Again(Rc<RefCell<Option<bool>>>, Rc<Mutex<Option<Again>>>);

impl Drop for Again {
    fn drop(&mut self) {
        *self.0.borrow_mut() = Some(self.1.try_lock().is_some());
    }
}

#[test]
fn a_value_whose_destructor_comes_back_finds_it_locked() {
    let free = Rc::new(RefCell::new(None));
    let mutex = Rc::new(Mutex::new(None));
    *at_once(mutex.lock()) = Some(Again(Rc::clone(&free), Rc::clone(&mutex)));
    *at_once(mutex.lock()) = None;
    assert_eq!(*free.borrow(), Some(false));
    assert!(mutex.try_lock().is_some());
}

/// Locks the mutex, when it is printed.
struct Nosy<'a>(&'a RefCell<Option<&'a Mutex<Nosy<'a>>>>);

impl std::fmt::Debug for Nosy<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mutex = self.0.borrow().expect("it is set");
        write!(f, "free: {}", mutex.try_lock().is_some())
    }
}

#[test]
fn a_value_that_comes_back_when_printed_finds_it_locked() {
    let place = RefCell::new(None);
    let mutex = Mutex::new(Nosy(&place));
    *place.borrow_mut() = Some(&mutex);
    assert_eq!(format!("{mutex:?}"), "Mutex(free: false)");
    let guard = at_once(mutex.lock());
    assert_eq!(format!("{mutex:?} {guard:?}"), "Mutex(<locked>) MutexGuard(free: false)");
}

#[test]
fn a_guard_that_is_forgotten_locks_for_ever() {
    let mutex = Mutex::new(1);
    std::mem::forget(at_once(mutex.lock()));
    drop(Wait::new(mutex.lock()));
    assert!(mutex.try_lock().is_none());
    assert_eq!(mutex.into_inner(), 1);
}

#[test]
fn what_has_no_size_can_be_locked() {
    let mutex: Box<Mutex<[u8]>> = Box::new(Mutex::new([1, 2, 3]));
    at_once(mutex.lock())[1] = 7;
    assert_eq!(*at_once(mutex.lock()), [1, 7, 3]);
}

#[test]
fn a_guard_is_held_across_awaits_of_other_things() {
    let (mutex, go) = (Mutex::new(0), Semaphore::new(0));
    let mut holder = Wait::new(async {
        let mut guard = mutex.lock().await;
        let _gone = go.acquire().await;
        *guard += 1;
    });
    let waiting = Wait::new(mutex.lock());
    go.add_permits(1);
    assert!(!waiting.is_woken() && holder.poll().is_ready());
    assert_eq!(*waiting.done(), 1);
}
