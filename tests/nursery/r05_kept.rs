//! Rule 5: who is kept after a cancel, because something can still come; and who is not.

use crate::support::nurseries::{Count, E, Log, Parked, listener, never, run, settle, std_connect};
use crate::support::poll_once;
use nestling::net::TcpListener;
use nestling::task::yield_now;
use nestling::{Canceller, JoinHandle, Nursery, nursery, shield_for, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::mem::forget;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[test]
fn r05_kept_for_each_of_two_operations() {
    let heard = run(async || {
        let (one, two) = (listener().await, listener().await);
        let heard = Count::default();
        let result = nursery(async |n| {
            n.spawn(async {
                let (one, two) = futures_util::join!(never(&one), never(&two));
                heard.add_if(one == Err(E::Cancelled) && two == Err(E::Cancelled));
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        heard.get()
    });
    assert_eq!(heard, 1);
}

/// A place where children find the handles of others.
type Slot<'scope, T> = Rc<RefCell<Option<JoinHandle<'scope, T>>>>;

/// Takes the handle that is left in a slot, once it is there.
async fn handle_in<'s, T>(slot: Slot<'s, T>) -> JoinHandle<'s, T> {
    loop {
        if let Some(handle) = slot.take() {
            return handle;
        }
        yield_now().await;
    }
}

/// A task that awaits the handle of a child that is kept is kept as well, on either side of it in
/// the order of polls.
fn kept_for_a_handle(waiter_first: bool) {
    let got = run(async move || {
        let quiet = listener().await;
        let got = Cell::new(0);
        let result = nursery(async |n| {
            let slot: Slot<'_, u32> = Rc::default();
            let wait = async |slot| {
                got.set(handle_in(slot).await.await?);
                Ok(())
            };
            if waiter_first {
                n.spawn(wait(Rc::clone(&slot)));
            }
            slot.replace(Some(n.spawn(async {
                assert_eq!(never(&quiet).await, Err(E::Cancelled));
                Ok(5)
            })));
            if !waiter_first {
                n.spawn(wait(Rc::clone(&slot)));
            }
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        got.get()
    });
    assert_eq!(got, 5);
}

#[test]
fn r05_kept_for_the_handle_of_an_older_child() {
    kept_for_a_handle(false);
}

#[test]
fn r05_kept_for_the_handle_of_a_younger_child() {
    kept_for_a_handle(true);
}

/// The first of them waits for the kernel, the others each for the one before.
#[test]
fn r05_kept_along_a_chain_of_handles() {
    const LINKS: u64 = 20;
    let got = run(async || {
        let quiet = listener().await;
        let got = Count::default();
        let result = nursery(async |n| {
            let mut last = n.spawn(async { Ok(u64::from(never(&quiet).await.is_err())) });
            for _ in 0..LINKS {
                last = n.spawn(async {
                    let value = last.await?;
                    got.add_if(value == 1);
                    Ok(value)
                });
            }
            drop(last);
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        got.get()
    });
    assert_eq!(got, LINKS);
}

/// The one that is awaited waits itself, for nothing but a close in the kernel.
fn kept_for_one_whose_nursery_drains(waiter_first: bool) {
    let got = run(async move || {
        let (quiet, got) = (listener().await, Cell::new(0));
        let result = nursery(async |n| {
            let slot: Slot<'_, u32> = Rc::default();
            let drains = async {
                let inner = nursery(async |n| {
                    n.spawn(async {
                        let own = listener().await;
                        never(&own).await
                    });
                    Ok::<_, E>(())
                });
                assert_eq!(inner.await, Err(E::Cancelled));
                Ok(5)
            };
            let theirs = handle_in(Rc::clone(&slot));
            let waits = async {
                let handle = theirs.await;
                // The operation has the task polled when the other one has just begun to drain.
                let (value, _) = futures_util::join!(handle, never(&quiet));
                got.set(value?);
                Ok(())
            };
            if waiter_first {
                n.spawn(waits);
                slot.replace(Some(n.spawn(drains)));
            } else {
                slot.replace(Some(n.spawn(drains)));
                n.spawn(waits);
            }
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        got.get()
    });
    assert_eq!(got, 5);
}

#[test]
fn r05_kept_for_the_handle_of_a_child_whose_nursery_drains() {
    kept_for_one_whose_nursery_drains(false);
    kept_for_one_whose_nursery_drains(true);
}

#[test]
fn r05_kept_for_a_handle_that_a_timeout_has_let_go() {
    let got = run(async || {
        let quiet = listener().await;
        let got = Cell::new(0);
        let result = nursery(async |n| {
            let mut handle = n.spawn(async {
                assert_eq!(never(&quiet).await, Err(E::Cancelled));
                Ok(5)
            });
            n.spawn(async {
                timeout(MS, &mut handle).await.expect_err("the child runs on");
                let handle = async {
                    stop_soon(n);
                    handle.await
                };
                got.set(handle.await?);
                Ok(())
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        got.get()
    });
    assert_eq!(got, 5);
}

/// Cancels a nursery a few turns later.
fn stop_soon<'s>(n: &'s Nursery<'s, '_, E>) {
    n.spawn(async {
        settle().await;
        n.cancel();
    });
}

/// An inner nursery's result travels up even when the turn ends on the way: whatever number of
/// polls a neighbour has left for it.
#[test]
fn r05_kept_while_the_budget_interrupts_an_inner_nursery() {
    for polls in 100..130 {
        let got = run(async move || {
            let got = Cell::new(0);
            let stop: RefCell<Option<Canceller>> = RefCell::default();
            let result = nursery(async |top| {
                top.spawn(async {
                    nop().await?;
                    stop.take().expect("it was opened").cancel();
                    let spend = nursery(async |_| {
                        for _ in 0..polls {
                            yield_now().await;
                        }
                        Ok::<_, E>(())
                    });
                    spend.await
                });
                top.spawn(nursery(async |n| {
                    stop.replace(Some(n.canceller()));
                    n.spawn(async {
                        let inner = nursery(async |m| {
                            let handle = m.spawn(async { Ok(nop().await.map(|()| 7)?) });
                            Ok::<_, E>(handle.await?)
                        });
                        got.set(inner.await?);
                        Ok(())
                    });
                    Ok::<_, E>(())
                }));
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()));
            got.get()
        });
        assert_eq!(got, 7, "with {polls} polls");
    }
}

/// Nurseries inside each other around an operation on a socket that goes with it: its close is what
/// they wait for after the cancel. Counts who was answered.
fn around_a_close(
    nurseries: usize,
    answered: &Count,
) -> Pin<Box<dyn Future<Output = Result<(), E>> + '_>> {
    Box::pin(async move {
        let result = match nurseries {
            0 => never(&listener().await).await,
            _ => {
                let around = nursery(async |n| {
                    n.spawn(around_a_close(nurseries - 1, answered));
                    Ok(())
                });
                around.await
            }
        };
        answered.one();
        result
    })
}

#[test]
fn r05_kept_while_a_nursery_further_inside_waits_for_a_close() {
    for nurseries in 1..5 {
        let answered = run(async move || {
            let answered = Count::default();
            let result = nursery(async |n| {
                n.spawn(around_a_close(nurseries, &answered));
                settle().await;
                n.cancel();
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()));
            answered.get()
        });
        assert_eq!(answered, nurseries as u64 + 1, "with {nurseries} nurseries");
    }
}

#[test]
fn r05_not_kept_for_an_operation_that_it_does_not_poll() {
    let log = run(async || {
        let (quiet, log) = (listener().await, Log::default());
        let result = nursery(async |n| {
            n.spawn(async {
                let _gone = log.at_drop("cut");
                let mut loser = pin!(never(&quiet));
                assert!(poll_once(loser.as_mut()).await.is_pending());
                pending::<()>().await;
            });
            settle().await;
            Err::<(), _>(E::Boom(1))
        });
        assert_eq!(result.await, Err(E::Boom(1)));
        log.take()
    });
    assert_eq!(log, ["cut"]);
}

#[test]
fn r05_not_kept_for_a_forgotten_operation() {
    run(async || {
        let quiet = Rc::new(listener().await);
        let result = nursery(async |n| {
            n.spawn(async {
                let quiet = Rc::clone(&quiet);
                let mut accept = Box::pin(async move { never(&quiet).await });
                assert!(poll_once(accept.as_mut()).await.is_pending());
                forget(accept);
                pending::<()>().await;
            });
            settle().await;
            Err::<(), _>(E::Boom(1))
        });
        assert_eq!(result.await, Err(E::Boom(1)));
    });
}

#[test]
fn r05_not_kept_for_a_child_that_runs_on() {
    run(async || {
        let quiet = listener().await;
        let address = quiet.local_addr().expect("an address");
        let result = nursery(async |outer| {
            let handle = outer.spawn(async { never(&quiet).await });
            let inner = nursery(async |inner| {
                inner.spawn(async { Ok(handle.await?) });
                settle().await;
                inner.cancel();
                Ok::<_, E>(3)
            });
            assert_eq!(inner.await, Ok(3));
            assert!(!outer.is_cancelled());
            let _client = std_connect(address);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

/// A circle of children, each awaiting the handle of the next, after `before`.
fn circle<F: Future<Output = ()>>(
    size: usize,
    before: impl Fn(usize) -> F + Copy + Send + 'static,
) {
    run(async move || {
        let result = nursery(async |n| {
            let slots: Vec<Slot<'_, ()>> = (0..size).map(|_| Rc::default()).collect();
            for index in 0..size {
                let next = Rc::clone(&slots[(index + 1) % size]);
                let handle = n.spawn(async move {
                    let next = handle_in(next).await;
                    let _ = futures_util::join!(next, before(index));
                });
                slots[index].replace(Some(handle));
            }
            settle().await;
            Err::<(), _>(E::Boom(18))
        });
        assert_eq!(result.await, Err(E::Boom(18)));
    });
}

#[test]
fn r05_a_circle_of_handles_is_cut() {
    for size in [1, 2, 3, 10] {
        circle(size, |_| async {});
    }
}

#[test]
fn r05_a_circle_with_an_operation_is_cut_when_that_is_delivered() {
    for size in [1, 2, 3, 10] {
        circle(size, |index| async move {
            if index == 0 {
                let quiet = listener().await;
                assert_eq!(never(&quiet).await, Err(E::Cancelled));
            }
        });
    }
}

/// The bound of a shield holds although the child that is awaited in it waits for this one.
#[test]
fn r05_a_circle_through_a_shield_ends_at_its_bound() {
    for size in [1, 2, 3, 10] {
        run(async move || {
            let elapsed = Count::default();
            let result = nursery(async |n| {
                let slots: Vec<Slot<'_, ()>> = (0..size).map(|_| Rc::default()).collect();
                for index in 0..size {
                    let next = Rc::clone(&slots[(index + 1) % size]);
                    let elapsed = &elapsed;
                    let handle = n.spawn(async move {
                        let next = handle_in(next).await;
                        match index {
                            0 => elapsed.add_if(shield_for(MS, next).await.is_err()),
                            _ => _ = next.await,
                        }
                    });
                    slots[index].replace(Some(handle));
                }
                settle().await;
                Err::<(), _>(E::Boom(19))
            });
            assert_eq!(result.await, Err(E::Boom(19)));
            assert_eq!(elapsed.get(), 1);
        });
    }
}

type SharedAccept = Rc<Parked>;

fn shared_accept(quiet: TcpListener) -> SharedAccept {
    Rc::new(RefCell::new(Some(Box::pin(async move { never(&quiet).await }))))
}

/// Polls the operation in a slot once, if it is there.
async fn touch(shared: &SharedAccept) {
    let mut accept = shared.take().expect("nobody else polls it");
    assert!(poll_once(accept.as_mut()).await.is_pending());
    shared.replace(Some(accept));
}

/// Trap 5: the scope that polled it first is cancelled; another child awaits it.
#[test]
fn r05_a_shared_operation_hangs_neither_of_two_children() {
    let heard = run(async || {
        let (shared, heard) = (shared_accept(listener().await), Count::default());
        let result = nursery(async |n| {
            n.spawn(async {
                let first = async {
                    touch(&shared).await;
                    pending::<()>().await;
                };
                timeout(5 * MS, first).await.expect_err("it only waits");
            });
            n.spawn(async {
                yield_now().await;
                let accept = shared.take().expect("it was left there");
                heard.add_if(accept.await == Err(E::Cancelled));
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        heard.get()
    });
    assert_eq!(heard, 1, "the innocent one is told");
}

#[test]
fn r05_a_shared_operation_that_is_dropped_outside_hangs_nobody() {
    run(async || {
        let shared = shared_accept(listener().await);
        let inner = nursery(async |n| {
            n.spawn(async {
                touch(&shared).await;
                pending::<()>().await;
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(7)
        });
        let (result, ()) = futures_util::join!(inner, async {
            settle().await;
            drop(shared.take());
        });
        assert_eq!(result, Ok(7));
    });
}

#[test]
fn r05_a_shared_operation_whose_first_scope_has_closed_still_answers() {
    run(async || {
        let quiet = listener().await;
        let address = quiet.local_addr().expect("an address");
        let shared = shared_accept(quiet);
        let result = nursery(async |n| {
            // This child ends, and its scope closes: what it submitted is cancelled.
            n.spawn(async { touch(&shared).await });
            settle().await;
            let accept = shared.take().expect("it was left there");
            let _client = std_connect(address);
            Ok::<_, E>(accept.await)
        });
        let answer = result.await.expect("nothing failed");
        assert!(matches!(answer, Ok(()) | Err(E::Cancelled)), "{answer:?}");
    });
}
