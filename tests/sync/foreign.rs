//! Foreign combinators around every primitive; wakers and destructors that come back, or panic.

use crate::support::hooks::{Hooks, on, poll_hooked};
use crate::support::{Count, poll_counted, watched};
use crate::tested::channel::{Receiver, SendError, UnboundedSender};
use crate::tested::{channel, oneshot, unbounded};
use crate::wait::{Wait, at_once};
use futures_util::future::{Either, join_all, select};
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, join};
use nestling::sync::{Barrier, Mutex, Notify, RwLock, Semaphore};
use nestling::task::yield_now;
use nestling::{Cancelled, nursery};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

#[test]
fn f4_every_await_inside_a_futures_unordered() {
    watched(|| {
        nestling::block_on(async {
            let (semaphore, mutex) = (Semaphore::new(1), Mutex::new(0));
            let (barrier, notify, lock) = (Barrier::new(50), Notify::new(), RwLock::new(0));
            let (sender, receiver) = channel(1);
            let mut all: FuturesUnordered<_> = (0..50)
                .map(|number| {
                    let sender = sender.clone();
                    let (semaphore, mutex, barrier) = (&semaphore, &mutex, &barrier);
                    let (notify, lock) = (&notify, &lock);
                    async move {
                        let permit = semaphore.acquire().await;
                        yield_now().await;
                        drop(permit);
                        *mutex.lock().await += 1;
                        if barrier.wait().await.is_leader() {
                            yield_now().await;
                            notify.notify_all();
                        } else {
                            notify.notified().await;
                        }
                        assert_eq!(*lock.read().await, 0);
                        sender.send(number).await.expect("open");
                    }
                })
                .collect();
            drop(sender);
            let sum = async {
                let mut sum = 0;
                while let Some(number) = receiver.recv().await {
                    sum += number;
                }
                sum
            };
            let ended = async { while all.next().await.is_some() {} };
            let ((), sum) = join!(ended, sum);
            assert_eq!((sum, *mutex.lock().await), (49 * 50 / 2, 50));
        });
    });
}

#[test]
fn f4_the_loser_of_a_select_loses_nothing() {
    watched(|| {
        let (numbers, lines) = unbounded();
        let (other_numbers, other_lines) = unbounded();
        let result: Result<Vec<u32>, Cancelled> = nestling::block_on(nursery(async |n| {
            n.spawn(async {
                for number in 0..100 {
                    numbers.send(number * 2).expect("open");
                    other_numbers.send(number * 2 + 1).expect("open");
                    yield_now().await;
                }
                drop((numbers, other_numbers));
            });
            let mut seen = Vec::new();
            loop {
                let (one, other) = (pin!(lines.recv()), pin!(other_lines.recv()));
                match select(one, other).await {
                    Either::Left((Some(number), _)) | Either::Right((Some(number), _)) => {
                        seen.push(number);
                    }
                    Either::Left((None, other)) => {
                        seen.extend(other.await);
                        break;
                    }
                    Either::Right((None, one)) => {
                        seen.extend(one.await);
                        break;
                    }
                }
                yield_now().await;
            }
            seen.extend(std::iter::from_fn(|| lines.try_recv().ok()));
            seen.extend(std::iter::from_fn(|| other_lines.try_recv().ok()));
            Ok(seen)
        }));
        let mut seen = result.expect("nothing was cancelled");
        seen.sort_unstable();
        assert_eq!(seen, (0..200).collect::<Vec<_>>());
    });
}

#[test]
fn f4_join_all_of_one_mutex_ends() {
    watched(|| {
        nestling::block_on(async {
            let mutex = Mutex::new(0);
            let add = async || {
                let mut guard = mutex.lock().await;
                let seen = *guard;
                yield_now().await;
                *guard = seen + 1;
            };
            join_all((0..100).map(|_| add())).await;
            assert_eq!(*mutex.lock().await, 100);
        });
    });
}

#[test]
fn a_waiter_that_is_moved_is_woken_where_it_was_polled_last() {
    let semaphore = Semaphore::new(0);
    let (before, after) = (Arc::new(Count::default()), Arc::new(Count::default()));
    let mut acquire = pin!(semaphore.acquire());
    assert!(poll_counted(acquire.as_mut(), &before).is_pending());
    assert!(poll_counted(acquire.as_mut(), &after).is_pending());
    assert_eq!(Arc::strong_count(&before), 1, "its waker was let go");
    semaphore.add_permits(1);
    assert_eq!((before.get(), after.get()), (0, 1));
    assert!(poll_counted(acquire.as_mut(), &after).is_ready());
}

#[test]
fn a_waiter_that_is_moved_to_another_child_wakes_that_one() {
    watched(|| {
        let (notify, moved) = (Notify::new(), RefCell::new(None));
        let result: Result<(), Cancelled> = nestling::block_on(nursery(async |n| {
            n.spawn(async {
                let mut wait = Box::pin(notify.notified());
                assert!(futures_util::poll!(&mut wait).is_pending());
                *moved.borrow_mut() = Some(wait);
            });
            yield_now().await;
            let wait = moved.borrow_mut().take().expect("the child ran");
            n.spawn(async {
                yield_now().await;
                notify.notify_one();
            });
            wait.await;
            Ok(())
        }));
        assert_eq!(result, Ok(()));
    });
}

#[test]
fn a_waker_that_comes_back_when_it_is_woken_finds_the_event_done() {
    let semaphore = Semaphore::new(0);
    let second = RefCell::new(None);
    let hooks = Hooks::default();
    let mut first = Box::pin(semaphore.acquire());
    assert!(poll_hooked(first.as_mut(), &hooks).is_pending());
    *second.borrow_mut() = Some(Wait::new(semaphore.acquire()));
    on(&hooks.wake, || {
        assert_eq!(semaphore.available(), 1, "both were served, one is left");
        semaphore.add_permits(1);
        drop(semaphore.try_acquire().expect("nobody waits"));
        drop(second.borrow_mut().take());
    });
    semaphore.add_permits(3);
    assert_eq!((semaphore.available(), hooks.woken.get()), (3, 1));
    assert!(poll_hooked(first.as_mut(), &hooks).is_ready());
    drop(first);
    assert_eq!(semaphore.available(), 4);
}

#[test]
fn those_who_come_and_go_while_others_are_woken_leave_the_rest_in_line() {
    let semaphore = Semaphore::new(0);
    let (cut, polled) = (RefCell::new(None), RefCell::new(None));
    let late = RefCell::new(None);
    let hooks = Hooks::default();
    let mut first = Box::pin(semaphore.acquire());
    assert!(poll_hooked(first.as_mut(), &hooks).is_pending());
    *cut.borrow_mut() = Some(Wait::new(semaphore.acquire_many(0)));
    *polled.borrow_mut() = Some(Wait::new(semaphore.acquire()));
    let last = Wait::new(semaphore.acquire());
    on(&hooks.wake, || {
        // All were served, and only the first was told.
        let mut second: Wait<'_, _> = polled.borrow_mut().take().expect("it waits");
        let Poll::Ready(permit) = second.poll() else { panic!("it was served") };
        permit.forget();
        *late.borrow_mut() = Some(Wait::new(semaphore.acquire()));
        drop(cut.borrow_mut().take());
        assert!(!second.is_woken());
    });
    semaphore.add_permits(3);
    last.done().forget();
    let late = late.borrow_mut().take().expect("it came");
    assert!(!late.is_woken());
    semaphore.add_permits(1);
    late.done().forget();
}

/// Awaits in a waker's own act what it was woken for, once `free` has woken it.
fn taken_when_woken<T: 'static, F: Future<Output = T> + 'static>(
    wait: F,
    free: impl FnOnce(),
) -> T {
    // Leaked, so that the act may borrow the hooks that it is kept in.
    let hooks: &'static Hooks<'static> = Box::leak(Box::default());
    let mut wait = Box::pin(wait);
    assert!(poll_hooked(wait.as_mut(), hooks).is_pending());
    let taken = Rc::new(RefCell::new(None));
    let place = Rc::clone(&taken);
    on(&hooks.wake, move || {
        let Poll::Ready(value) = poll_hooked(wait.as_mut(), hooks) else {
            panic!("it was woken, but it waits on")
        };
        *place.borrow_mut() = Some(value);
    });
    free();
    let value = taken.borrow_mut().take();
    value.expect("it was woken")
}

#[test]
fn a_waker_that_takes_what_it_is_woken_for_gets_it() {
    let semaphore: &'static Semaphore = Box::leak(Box::new(Semaphore::new(0)));
    let permit = taken_when_woken(semaphore.acquire(), || semaphore.add_permits(1));
    assert_eq!((permit.count(), semaphore.available()), (1, 0));

    let mutex: &'static Mutex<u8> = Box::leak(Box::new(Mutex::new(1)));
    let guard = at_once(mutex.lock());
    assert_eq!(*taken_when_woken(mutex.lock(), || drop(guard)), 1);

    let lock: &'static RwLock<u8> = Box::leak(Box::new(RwLock::new(1)));
    let guard = at_once(lock.write());
    let guard = taken_when_woken(lock.read(), || drop(guard));
    *taken_when_woken(lock.write(), || drop(guard)) += 1;
    assert_eq!(*at_once(lock.read()), 2);

    let (sender, receiver) = unbounded();
    let got = taken_when_woken(async move { receiver.recv().await }, || {
        sender.send(1).expect("the receiver is there");
    });
    assert_eq!(got, Some(1));
    let (sender, receiver) = oneshot();
    let got = taken_when_woken(receiver, || sender.send(1).expect("the receiver is there"));
    assert_eq!(got, Ok(1));
}

#[test]
fn permits_that_come_free_while_a_waker_is_cloned_or_let_go_are_not_missed() {
    let semaphore = Semaphore::new(0);
    let hooks = Hooks::default();
    let mut acquire = pin!(semaphore.acquire());
    on(&hooks.clone, || semaphore.add_permits(1));
    let Poll::Ready(permit) = poll_hooked(acquire.as_mut(), &hooks) else { panic!("clone") };
    permit.forget();

    for moment in [&hooks.clone, &hooks.drop] {
        let mut acquire = pin!(semaphore.acquire());
        assert!(poll_hooked(acquire.as_mut(), &hooks).is_pending());
        on(moment, || semaphore.add_permits(1));
        let Poll::Ready(permit) = poll_hooked(acquire.as_mut(), &hooks) else { panic!("missed") };
        permit.forget();
    }
}

#[test]
fn a_message_that_comes_while_a_waker_is_cloned_or_let_go_is_not_missed() {
    let hooks = Hooks::default();
    for (polled_before, moment) in [(0, &hooks.clone), (1, &hooks.clone), (1, &hooks.drop)] {
        let (sender, mut receiver) = oneshot();
        for _ in 0..polled_before {
            assert!(poll_hooked(pin!(&mut receiver), &hooks).is_pending());
        }
        on(moment, move || sender.send(7).expect("the receiver is there"));
        assert_eq!(poll_hooked(pin!(&mut receiver), &hooks), Poll::Ready(Ok(7)));
    }
}

#[test]
fn a_waker_that_comes_back_when_it_is_dropped_may() {
    let semaphore = Semaphore::new(0);
    let hooks = Hooks::default();
    let mut first = Box::pin(semaphore.acquire());
    assert!(poll_hooked(first.as_mut(), &hooks).is_pending());
    on(&hooks.drop, || semaphore.add_permits(1));
    drop(first);
    assert_eq!(semaphore.available(), 1);

    let (sender, receiver) = oneshot::<u8>();
    let mut receiver = Box::pin(receiver);
    assert!(poll_hooked(receiver.as_mut(), &hooks).is_pending());
    on(&hooks.drop, move || assert!(sender.is_closed()));
    drop(receiver);
    assert!(hooks.drop.borrow().is_none(), "it ran");
}

#[test]
fn a_waker_that_panics_keeps_no_other_from_being_woken() {
    let semaphore = Semaphore::new(0);
    let hooks = Hooks::default();
    let mut first = Box::pin(semaphore.acquire());
    assert!(poll_hooked(first.as_mut(), &hooks).is_pending());
    let second = Wait::new(semaphore.acquire());
    on(&hooks.wake, || std::panic::resume_unwind(Box::new(7)));
    let thrown = catch_unwind(AssertUnwindSafe(|| semaphore.add_permits(2)));
    assert_eq!(thrown.expect_err("it goes on").downcast_ref(), Some(&7));
    drop(second.done());
    assert!(poll_hooked(first.as_mut(), &hooks).is_ready());
    assert_eq!(semaphore.available(), 2);
}

#[test]
fn a_sender_whose_waker_panics_keeps_no_receiver_waiting_for_the_end() {
    let (sender, receiver) = channel::<u8>(1);
    let room = at_once(sender.reserve()).expect("open");
    let hooks = Hooks::default();
    let mut send = Box::pin(sender.send(1));
    assert!(poll_hooked(send.as_mut(), &hooks).is_pending());
    let waits = Wait::new(receiver.recv());
    on(&hooks.wake, || std::panic::resume_unwind(Box::new(())));
    assert!(catch_unwind(AssertUnwindSafe(|| receiver.close())).is_err());
    assert_eq!(waits.done(), None);
    assert_eq!(poll_hooked(send.as_mut(), &hooks), Poll::Ready(Err(SendError(1))));
    assert_eq!(room.send(2), Err(SendError(2)));
}

/// Uses both ends of its channel when it is dropped.
struct Nosy(Rc<RefCell<Option<Receiver<Nosy>>>>, Option<UnboundedSender<Nosy>>, Rc<Cell<u32>>);

impl Drop for Nosy {
    fn drop(&mut self) {
        self.2.set(self.2.get() + 1);
        if let Ok(place) = self.0.try_borrow()
            && let Some(receiver) = &*place
        {
            assert!(receiver.len() < 10);
            drop(receiver.try_recv());
        }
        if let Some(sender) = self.1.take() {
            assert!(sender.is_closed());
            let message = Self(Rc::clone(&self.0), None, Rc::clone(&self.2));
            assert!(sender.send(message).is_err());
        }
    }
}

#[test]
fn a_message_whose_destructor_uses_the_channel_may() {
    let (place, dropped) = (Rc::new(RefCell::new(None)), Rc::new(Cell::new(0)));
    let (sender, receiver) = unbounded();
    *place.borrow_mut() = Some(receiver);
    for _ in 0..3 {
        let own = Nosy(Rc::clone(&place), None, Rc::clone(&dropped));
        sender.send(own).expect("open");
    }
    // Each destructor receives, and drops, the next.
    let first = place.borrow().as_ref().expect("it is there").try_recv();
    drop(first);
    assert_eq!(dropped.get(), 3);

    let inner = Nosy(Rc::clone(&place), Some(sender.clone()), Rc::clone(&dropped));
    sender.send(inner).expect("open");
    let receiver = place.borrow_mut().take();
    drop(receiver);
    assert_eq!(dropped.get(), 5, "the last, and the one that it tried to send");
}

/// Panics when it is dropped, if it is to.
struct Bomb(Rc<Cell<u32>>, bool);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
        if self.1 {
            std::panic::resume_unwind(Box::new(()));
        }
    }
}

#[test]
fn g3_a_message_that_panics_when_it_is_dropped_leaves_the_channel_closed_and_empty() {
    let dropped = Rc::new(Cell::new(0));
    let (sender, receiver) = channel(3);
    for panics in [false, true, false] {
        sender.try_send(Bomb(Rc::clone(&dropped), panics)).expect("room");
    }
    let waits = Wait::new(sender.reserve());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(receiver))).is_err());
    assert_eq!(dropped.get(), 3);
    assert!(waits.done().is_err() && sender.is_closed());

    let (sender, receiver) = oneshot();
    sender.send(Bomb(Rc::clone(&dropped), true)).ok().expect("open");
    assert!(catch_unwind(AssertUnwindSafe(|| drop(receiver))).is_err());
    assert_eq!(dropped.get(), 4);
}

#[test]
fn g3_a_value_that_panics_when_it_is_replaced_leaves_the_mutex_unlocked() {
    let dropped = Rc::new(Cell::new(0));
    let mutex = Mutex::new(Bomb(Rc::clone(&dropped), true));
    let next = RefCell::new(None);
    let thrown = catch_unwind(AssertUnwindSafe(|| {
        let mut guard = at_once(mutex.lock());
        *next.borrow_mut() = Some(Wait::new(mutex.lock()));
        *guard = Bomb(Rc::clone(&dropped), false);
    }));
    assert!(thrown.is_err());
    let next = next.borrow_mut().take().expect("it waits");
    assert!(!next.done().1);
}
