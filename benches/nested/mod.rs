//! A child inside nested nurseries that is woken again and again. Compiled into each program that
//! measures what a level costs.

use nestling::{Runtime, nursery};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::marker::PhantomData;
use std::pin::pin;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

/// Wakes in one poll of the root. Four times 16 levels fit well into a turn's budget of polls; a
/// child that the budget does not reach would be measured as if it had been polled.
const BURST: u64 = 4;

/// How the child waits, and how often it still has to be polled.
pub(crate) struct Bell {
    left: Cell<u64>,
    waker: RefCell<Option<Waker>>,
}

impl Bell {
    fn new(polls: u64) -> Self {
        Self { left: Cell::new(polls), waker: RefCell::new(None) }
    }

    /// Resolves with the last of the polls.
    async fn wait(&self) -> io::Result<()> {
        poll_fn(|cx| {
            self.left.set(self.left.get() - 1);
            if self.left.get() == 0 {
                return Poll::Ready(Ok(()));
            }
            self.waker.borrow_mut().get_or_insert_with(|| cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    fn ring(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

/// Nurseries inside each other. A type for each depth, so that no box adds a call of its own.
pub(crate) trait Tree {
    /// Runs what is at the bottom.
    async fn run<F: Future<Output = io::Result<()>>>(leaf: F) -> io::Result<()>;
}

/// No nursery: the child itself.
pub(crate) struct Child;
/// One nursery around `T`.
pub(crate) struct Level<T>(PhantomData<T>);

impl Tree for Child {
    async fn run<F: Future<Output = io::Result<()>>>(leaf: F) -> io::Result<()> {
        leaf.await
    }
}

impl<T: Tree> Tree for Level<T> {
    async fn run<F: Future<Output = io::Result<()>>>(leaf: F) -> io::Result<()> {
        nursery(async |n| {
            n.spawn(T::run(leaf));
            Ok(())
        })
        .await
    }
}

pub(crate) type Four<T> = Level<Level<Level<Level<T>>>>;
pub(crate) type Sixteen<T> = Four<Four<Four<Four<T>>>>;

pub(crate) fn descent<T: Tree>(runtime: &mut Runtime, wakes: u64) -> Duration {
    let bell = Bell::new(wakes + 1);
    runtime.block_on(async {
        let mut tree = pin!(T::run(bell.wait()));
        let start = Instant::now();
        let result = poll_fn(|cx| {
            for _ in 0..BURST {
                bell.ring();
                if let Poll::Ready(result) = tree.as_mut().poll(cx) {
                    return Poll::Ready(result);
                }
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        result.expect("nothing fails");
        start.elapsed()
    })
}
