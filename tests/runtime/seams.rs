//! Hazards at the seams: between a nursery and the kernel, a waker and a child.

use crate::support::nurseries::pair;
use crate::support::{poll_once, watched};
use nestling::time::sleep;
use nestling::{Nursery, block_on, nursery};
use nestling_runtime::lowlevel::{self, nop};
use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::io::{self, Error};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// A waker that passes a wake on and then panics.
struct Panics(Waker);

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
        panic!("a foreign waker");
    }
}

/// Polls a future once, with such a waker.
async fn poll_with_panic<F: Future>(mut future: Pin<&mut F>) {
    poll_fn(|cx| {
        let waker = Waker::from(Arc::new(Panics(cx.waker().clone())));
        let _ = future.as_mut().poll(&mut Context::from_waker(&waker));
        Poll::Ready(())
    })
    .await;
}

fn message(panic: Box<dyn std::any::Any + Send>) -> &'static str {
    panic.downcast_ref::<&'static str>().copied().unwrap_or("another panic")
}

#[test]
fn r10_a_child_that_never_began_is_no_success() {
    let (ran, succeeded) = (Cell::new(false), Cell::new(None));
    let result: io::Result<()> = block_on(nursery(async |outer| {
        outer.spawn(async {
            outer.cancel();
            let inner: io::Result<u8> = nursery(async |n| {
                n.spawn(async { ran.set(true) });
                Ok(5)
            })
            .await;
            succeeded.set(Some(inner.is_ok()));
        });
        Ok(())
    }));
    assert!(result.is_ok(), "it was asked to stop");
    assert_eq!((ran.get(), succeeded.get()), (false, Some(false)));
}

/// A child fails while the kernel has not finished with something that it dropped, and in the same
/// turn the nursery around its own is cancelled.
fn fail_while_draining(fail: fn() -> io::Result<()>) -> io::Result<()> {
    block_on(async {
        let (stream, _silent) = pair().await;
        let stream = &stream;
        nursery(async |outer| {
            outer.spawn(async move {
                nursery(async |n| {
                    n.spawn(async {
                        let mut read = Box::pin(stream.read(vec![0; 8]));
                        assert!(poll_once(read.as_mut()).await.is_pending());
                        nop().await?; // by then the receive is in flight
                        drop(read);
                        outer.cancel();
                        fail()
                    });
                    Ok(())
                })
                .await
            });
            Ok(())
        })
        .await
    })
}

#[test]
fn r09_an_error_is_not_lost_while_the_kernel_finishes() {
    let result = fail_while_draining(|| Err(Error::other("real")));
    assert_eq!(result.unwrap_err().to_string(), "real");
}

#[test]
fn r13_a_panic_is_not_lost_while_the_kernel_finishes() {
    let result = catch_unwind(|| fail_while_draining(|| panic!("real")));
    assert_eq!(message(result.unwrap_err()), "real");
}

#[test]
fn g3_a_waker_that_panics_leaves_no_child_half_closed() {
    let kept = Rc::new(RefCell::new(None));
    let result = catch_unwind(AssertUnwindSafe(|| {
        block_on(nursery(async |n| {
            n.spawn(async { sleep(Duration::MAX).await });
            n.spawn(async {
                let mut operation = Box::pin(nop());
                poll_with_panic(operation.as_mut()).await;
                // Withdrawn when the child's scope closes, which wakes the waker.
                *kept.borrow_mut() = Some(operation);
            });
            sleep(MS).await;
            n.cancel();
            Ok::<_, Error>(())
        }))
    }));
    assert_eq!(message(result.unwrap_err()), "a foreign waker");
}

struct SpawnsOnDrop<'scope, 'env>(&'scope Nursery<'scope, 'env>);

impl Drop for SpawnsOnDrop<'_, '_> {
    fn drop(&mut self) {
        self.0.spawn(async {});
    }
}

#[test]
fn g3_a_waker_that_panics_in_a_spawn_leaves_no_child_without_a_number() {
    let result = catch_unwind(|| {
        block_on(async {
            let mut future = Box::pin(nursery(async |n| {
                let _spawns = SpawnsOnDrop(n);
                pending::<io::Result<()>>().await
            }));
            poll_with_panic(future.as_mut()).await;
            drop(future);
        });
    });
    assert_eq!(message(result.unwrap_err()), "a foreign waker");
}

#[test]
fn h12_a_body_may_outlive_its_children() {
    block_on(async {
        let children = lowlevel::Children::new(lowlevel::Label::here());
        let body = children.body();
        drop(children);
        // Takes the place of the first.
        let other = lowlevel::Children::new(lowlevel::Label::here());
        drop(body);
        assert!(other.is_empty());
    });
}

#[test]
fn h9_nurseries_nest_deeper_than_a_turn_has_polls() {
    fn deep(depth: u32) -> Pin<Box<dyn Future<Output = io::Result<()>>>> {
        Box::pin(async move {
            if depth == 0 {
                return nop().await;
            }
            nursery(async |n| n.spawn(deep(depth - 1)).await.map_err(Error::from)).await
        })
    }
    watched(|| block_on(deep(300)).unwrap());
}
