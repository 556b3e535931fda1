//! `Claims`: receives that were dropped, and may still leave what they receive.

use super::waiting::{Seat, Waiting};
use crate::driver::{self, Driver, DriverRef};
use crate::op::Hold;
use crate::scope;
use crate::yield_now::consume_budget;
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::ops::Deref;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::task::Poll;

/// The receives on one socket that were dropped, and that the kernel has not answered yet.
#[derive(Debug, Default)]
pub(super) struct Claims {
    count: Cell<usize>,
    /// The driver that has those receives. It answers all of them before its runtime returns,
    /// unless that breaks down, or the process was forked: then a receive in another driver does
    /// not wait for them.
    driver: RefCell<Weak<RefCell<Driver>>>,
    /// Receives that have to wait for the claims.
    waiting: Waiting,
}

impl Claims {
    /// How many there are, in any driver.
    pub(super) fn count(&self) -> usize {
        self.count.get()
    }

    /// Whether dropped receives may still leave something here.
    pub(super) fn are_made(&self) -> bool {
        let is_here = |driver: DriverRef| Rc::as_ptr(&driver) == self.driver.borrow().as_ptr();
        self.count.get() > 0 && driver::current().is_some_and(is_here)
    }

    /// Waits until dropped receives can leave nothing more. The kernel was asked to cancel them, so
    /// that is soon. In a cancelled scope this is a drop point, unless there is nothing to wait for
    /// and nothing was left, which `is_empty` tells.
    ///
    /// # Errors
    ///
    /// Cancellation, and the limit of operations in flight.
    pub(super) async fn settled(&self, is_empty: impl Fn() -> bool) -> io::Result<()> {
        if !self.are_made() && !is_empty() && !scope::is_here_cancelled() {
            // The await returns at once; unless the scope is cancelled meanwhile, or there are new
            // claims.
            consume_budget().await;
        }
        if !self.are_made() && !is_empty() {
            scope::drop_point().await;
        }
        if self.are_made() { self.end().await } else { Ok(()) }
    }

    async fn end(&self) -> io::Result<()> {
        let mut hold = pin!(Hold::new());
        let mut seat = None;
        poll_fn(|cx| {
            if let Poll::Ready(error) = hold.as_mut().poll(cx) {
                return Poll::Ready(Err(error));
            }
            let Some(flight) = hold.flight() else { return Poll::Pending };
            if !self.are_made() {
                return Poll::Ready(Ok(()));
            }
            seat = Some(Seat::new(&self.waiting, flight));
            Poll::Pending
        })
        .await
    }

    fn add(&self) {
        self.count.set(self.count.get() + 1);
        if let Some(driver) = driver::current() {
            self.driver.replace(Rc::downgrade(&driver));
        }
    }

    fn remove(&self) {
        let left = self.count.get() - 1;
        self.count.set(left);
        if left == 0 {
            self.waiting.wake();
        }
    }
}

/// A receive that was dropped and may still take something. Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Claim<T> {
    on: Rc<T>,
    claims: fn(&T) -> &Claims,
}

impl<T> Claim<T> {
    pub(super) fn new(on: &Rc<T>, claims: fn(&T) -> &Claims) -> Self {
        claims(on).add();
        Self { on: Rc::clone(on), claims }
    }
}

impl<T> Deref for Claim<T> {
    type Target = Rc<T>;

    fn deref(&self) -> &Rc<T> {
        &self.on
    }
}

impl<T> Drop for Claim<T> {
    fn drop(&mut self) {
        (self.claims)(&self.on).remove();
    }
}
