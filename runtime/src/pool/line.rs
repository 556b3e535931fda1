//! `Line`: receives that have found no buffer in their pool, in the order in which they came.
//!
//! A buffer that comes back goes to the first of them, and not to the kernel, where another receive
//! might take it.

use super::Buffer;
use crate::wake::Waiter;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem;
use std::rc::{Rc, Weak};
use std::task::Context;

/// The places of the receives that wait. A place that was given up stays until it would be served.
#[derive(Debug, Default)]
pub(super) struct Line(VecDeque<Weak<Standing>>);

/// A place in the line. When it is dropped, a buffer that was meant for it goes on.
#[derive(Debug)]
pub(crate) struct LinePlace(Rc<Standing>);

#[derive(Debug, Default)]
struct Standing {
    granted: RefCell<Option<Buffer>>,
    waiter: RefCell<Waiter>,
}

impl Line {
    /// Adds a place at the end.
    pub(super) fn join(&mut self) -> LinePlace {
        // Places that were given up must not pile up.
        while self.0.front().is_some_and(|first| first.strong_count() == 0) {
            self.0.pop_front();
        }
        let standing = Rc::new(Standing::default());
        self.0.push_back(Rc::downgrade(&standing));
        LinePlace(standing)
    }

    /// Whether no receive waits.
    pub(super) fn is_empty(&mut self) -> bool {
        while let Some(first) = self.0.front() {
            if first.strong_count() > 0 {
                return false;
            }
            self.0.pop_front();
        }
        true
    }

    /// Gives a buffer to the first, which is to be woken; or gives it back if no receive waits.
    pub(super) fn serve(&mut self, buffer: Buffer) -> Result<Waiter, Buffer> {
        while let Some(first) = self.0.pop_front() {
            if let Some(standing) = first.upgrade() {
                standing.granted.replace(Some(buffer));
                return Ok(standing.waiter.take());
            }
        }
        Err(buffer)
    }
}

impl LinePlace {
    /// A place in no line, with its buffer.
    pub(super) fn served(buffer: Buffer) -> Self {
        let granted = RefCell::new(Some(buffer));
        Self(Rc::new(Standing { granted, ..Standing::default() }))
    }

    /// The buffer, if it has come.
    pub(crate) fn take(&self) -> Option<Buffer> {
        self.0.granted.borrow_mut().take()
    }

    /// The task that is polled with this context is woken when the buffer has come.
    pub(crate) fn wait(&self, cx: &Context<'_>) {
        let waiter = Waiter::of(cx);
        // Dropped outside the borrow: foreign wakers run foreign code.
        let before = mem::replace(&mut *self.0.waiter.borrow_mut(), waiter);
        drop(before);
    }
}
