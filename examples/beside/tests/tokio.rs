//! Tokio beside Nestling: what is joined, what is cancelled, and what goes on.

use async_compat::Compat;
use nestling::io::nursery;
use nestling::task::yield_now;
use nestling::{block_on, shield, timeout};
use nestling_beside::on_tokio;
use std::env;
use std::future::pending;
use std::io::Error;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

fn tokio() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// Says when it is dropped.
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// What an example prints; it has to end well.
#[track_caller]
fn printed(example: &str) -> String {
    // Cargo puts examples beside the folder of the tests.
    let tests = env::current_exe().unwrap();
    let folder = tests.parent().unwrap().parent().unwrap();
    let output = Command::new(folder.join("examples").join(example)).output().unwrap();
    let (out, err) = (output.stdout, String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{}: {err}", output.status);
    String::from_utf8(out).unwrap()
}

#[test]
fn the_example_with_a_thread_runs() {
    let line = |core| {
        let page = format!("hello from core {core}");
        format!("core {core}: {page}, {page}, {page}\n")
    };
    assert_eq!(printed("tokio_thread"), line(0) + &line(1));
}

#[test]
fn the_example_with_compat_runs() {
    assert_eq!(printed("async_compat"), "a socket of Tokio's in a child of Nestling's: hello\n");
}

#[test]
fn a_cancel_cuts_what_waits_for_tokio() {
    let tokio = tokio();
    let _entered = tokio.enter();
    block_on(nursery(async |n| {
        n.spawn(async { tokio::time::sleep(Duration::MAX).await });
        n.spawn(Compat::new(async { tokio::time::sleep(Duration::MAX).await }));
        yield_now().await;
        n.cancel();
        Ok::<_, Error>(())
    }))
    .unwrap();
}

#[test]
fn a_timeout_is_around_tokio_as_around_anything() {
    let tokio = tokio();
    let _entered = tokio.enter();
    let sleep = async { tokio::time::sleep(Duration::MAX).await };
    assert!(block_on(timeout(Duration::from_millis(1), sleep)).is_err());
}

/// It is no child of the nursery; this is what `on_tokio` is for.
#[test]
fn a_task_of_tokio_outlives_the_nursery_that_spawned_it() {
    let tokio = tokio();
    let (open, gate) = oneshot::channel::<()>();
    let (tell, told) = channel();
    let _entered = tokio.enter();
    block_on(nursery(async |_| {
        tokio::spawn(async move {
            gate.await.unwrap();
            tell.send("it has gone on").unwrap();
        });
        Ok::<_, Error>(())
    }))
    .unwrap();
    open.send(()).unwrap();
    assert_eq!(told.recv(), Ok("it has gone on"));
}

#[test]
fn on_tokio_ends_with_its_nursery() {
    let tokio = tokio();
    let gone = Arc::new(AtomicBool::new(false));
    let (begun, hear) = oneshot::channel();
    let held = Gone(Arc::clone(&gone));
    block_on(nursery(async |n| {
        n.spawn(async {
            let work = async move {
                let _held = held;
                begun.send(()).unwrap();
                pending::<()>().await;
            };
            on_tokio(tokio.handle(), work).await.map_err(Error::other)
        });
        hear.await.unwrap();
        n.cancel();
        Ok::<_, Error>(())
    }))
    .unwrap();
    assert!(gone.load(Ordering::SeqCst), "the task has ended when the nursery has");
}

#[test]
fn on_tokio_waits_for_a_task_that_does_not_await() {
    let tokio = tokio();
    let task_gone = Arc::new(AtomicBool::new(false));
    let child_gone = Arc::new(AtomicBool::new(false));
    let (begun, hear) = oneshot::channel();
    let (open, gate) = channel::<()>();
    let held = Gone(Arc::clone(&task_gone));
    block_on(nursery(async |n| {
        n.spawn(async {
            let _ended = Gone(Arc::clone(&child_gone));
            let work = async move {
                let _held = held;
                begun.send(()).unwrap();
                gate.recv().unwrap(); // no await
            };
            on_tokio(tokio.handle(), work).await.map_err(Error::other)
        });
        hear.await.unwrap();
        n.spawn(shield(async {
            for _ in 0..100 {
                yield_now().await; // the other child is told of the cancel, and could end
            }
            assert!(!child_gone.load(Ordering::SeqCst), "its task has not ended");
            open.send(()).map_err(Error::other)
        }));
        yield_now().await; // it begins, and a cancel does not reach it any more
        n.cancel();
        Ok::<_, Error>(())
    }))
    .unwrap();
    assert!(task_gone.load(Ordering::SeqCst));
}

#[test]
fn on_tokio_hands_on_values_and_panics() {
    let tokio = tokio();
    let value = block_on(on_tokio(tokio.handle(), async { 7 }));
    assert_eq!(value.unwrap(), 7);
    let panicked = block_on(on_tokio(tokio.handle(), async { panic!("on purpose") }));
    assert!(panicked.unwrap_err().is_panic());
}
