//! openraft's own tests of a runtime; and what a nursery adds to them.

use futures_channel::oneshot;
use nestling_openraft::{JoinError, NestlingRuntime, adopt};
use openraft_rt::AsyncRuntime;
use openraft_rt::testing::Suite;
use std::cell::Cell;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

#[test]
fn the_suite_of_openraft_passes() {
    Suite::<NestlingRuntime>::test_all();
}

/// Says when it is dropped.
struct Gone(Rc<Cell<bool>>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[test]
fn no_task_outlives_its_nursery() {
    nestling::block_on(async {
        let gone = Rc::new(Cell::new(false));
        let (handle,) = adopt(async || {
            let (held, (begun, hear)) = (Gone(Rc::clone(&gone)), oneshot::channel());
            let handle = NestlingRuntime::spawn(async move {
                let _held = held;
                begun.send(()).unwrap();
                pending::<()>().await
            });
            hear.await.unwrap();
            assert!(!gone.get());
            (handle,)
        })
        .await;
        assert!(gone.get());
        assert_eq!(handle.await, Err(JoinError::Cancelled));
    });
}

#[test]
fn a_panic_is_for_the_handle() {
    nestling::block_on(adopt(async || {
        let handle = NestlingRuntime::spawn(async { panic!("on purpose") });
        assert_eq!(handle.await, Err::<(), _>(JoinError::Panicked("on purpose".to_owned())));
        assert_eq!(NestlingRuntime::spawn(async { 7 }).await, Ok(7), "others go on");
    }));
}

#[test]
fn what_a_task_spawns_is_adopted_too() {
    nestling::block_on(adopt(async || {
        let outer =
            NestlingRuntime::spawn(async { NestlingRuntime::spawn(async { 7 }).await.unwrap() });
        assert_eq!(outer.await, Ok(7));
    }));
}

#[test]
fn blocking_calls_run_elsewhere() {
    nestling::block_on(adopt(async || {
        let there = NestlingRuntime::spawn_blocking(|| std::thread::current().id()).await.unwrap();
        assert_ne!(there, std::thread::current().id());
    }));
}

#[test]
fn a_spawn_without_a_nursery_says_what_to_do() {
    let spawn = || nestling::block_on(async { drop(NestlingRuntime::spawn(async {})) });
    let payload = catch_unwind(AssertUnwindSafe(spawn)).unwrap_err();
    let text = payload.downcast_ref::<&str>().unwrap();
    assert!(text.contains("nestling_openraft::adopt"), "{text}");
}
