//! R5 after a circle of join handles was cut: those that come out of it are kept like any others.

use crate::support::nurseries::{E, ms, run, settle};
use nestling::time::sleep;
use nestling::{JoinHandle, nursery, shield};
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;

/// `b` awaits `a`, which awaits `b`, or nothing; then `b` is shielded, and another child awaits it.
/// What `b` has done, and what the other was told.
fn joined_after(circle: bool) -> (u32, Option<Result<u32, ()>>) {
    run(async move || {
        let (done, told) = (&Cell::new(0), &Cell::new(None));
        let result = nursery(async |n| {
            let a_handle: Rc<RefCell<Option<JoinHandle<'_, ()>>>> = Rc::default();
            let b_handle: Rc<RefCell<Option<JoinHandle<'_, u32>>>> = Rc::default();
            let its = Rc::clone(&b_handle);
            let a = n.spawn(async move {
                if !circle {
                    pending::<()>().await;
                }
                let _ =
                    poll_fn(|cx| Pin::new(its.borrow_mut().as_mut().expect("spawned")).poll(cx))
                        .await;
            });
            let its = Rc::clone(&a_handle);
            let b = n.spawn(async move {
                let a = its.take().expect("spawned");
                let _ = a.await;
                shield(sleep(ms(50))).await;
                done.set(7);
                Ok::<_, E>(7)
            });
            a_handle.replace(Some(a));
            b_handle.replace(Some(b));
            n.spawn(async move {
                shield(sleep(ms(20))).await;
                let b = b_handle.take().expect("spawned");
                told.set(Some(b.await.map_err(drop)));
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        (done.get(), told.get())
    })
}

#[test]
fn r05_a_handle_awaited_after_a_cut() {
    assert_eq!(joined_after(false), (7, Some(Ok(7))));
}

#[test]
fn r05_a_handle_awaited_after_a_circle_was_cut() {
    assert_eq!(joined_after(true), (7, Some(Ok(7))));
}
