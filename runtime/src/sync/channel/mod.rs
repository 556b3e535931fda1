//! Channels for many messages: bounded, and without a bound.
//!
//! What flows is counted twice: `room` are the places in the buffer, each taken by a sender or by a
//! message; `messages` are those in the buffer that are not promised to a receiver that waits.
//!
//! ```text
//!            room   buffer   messages
//!   reserve   - 1
//!   send               + 1        + 1
//!   recv      + 1      - 1        - 1
//! ```
//!
//! A receiver that is served is promised *a* message, not a certain one: messages stay in the
//! buffer, in order, until they are received, so a receiver that is cut puts nothing out of order.

mod error;
mod receiver;
mod sender;

use super::permit_queue::Position;
use super::permits::Permits;
use crate::table;
use crate::wake::wake_all;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

pub use error::{SendError, TryRecvError, TrySendError};
pub use receiver::Receiver;
pub use sender::{Reserved, Sender, UnboundedSender};

/// Makes a channel for so many messages at a time between tasks of the core. A sender that finds it
/// full waits.
///
/// # Order
///
/// Messages are received in the order in which they were sent. Senders that wait get room in the
/// order in which they came, as receivers that wait get messages; none overtakes another.
///
/// # Closing
///
/// | event                          | sending              | receiving                          |
/// |--------------------------------|----------------------|------------------------------------|
/// | the last sender is dropped     |                      | what was sent, then `None`         |
/// | [`Receiver::close`]            | fails, waiting or not| what was sent, then `None`         |
/// | the receiver is dropped        | fails, waiting or not| what was sent is dropped           |
///
/// No send succeeds once the channel is closed, not even one with [room reserved](Sender::reserve).
/// `None` means that there was nothing more to receive.
///
/// # Cancellation
///
/// Sending and receiving are drop points: in a cancelled scope the first poll takes nothing and
/// does not return. A task that waited already still gets what it was handed before the cancel;
/// after it, it is passed over, unless it waits behind a shield. A receiver that is cut loses no
/// message; a sender that is cut drops its own, unless it [reserves](Sender::reserve) room first
/// and keeps the message elsewhere meanwhile. A future that was polled and is then neither polled
/// again nor dropped keeps its place, and what it is handed.
///
/// # Panics
///
/// If `bound` is zero.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::channel;
/// nestling_runtime::block_on(async {
///     let (sender, receiver) = channel(2);
///     sender.send("one").await?;
///     sender.send("two").await?;
///     drop(sender);
///     assert_eq!(receiver.recv().await, Some("one"));
///     assert_eq!(receiver.recv().await, Some("two"));
///     assert_eq!(receiver.recv().await, None);
///     # Ok::<_, nestling_runtime::sync::channel::SendError<&str>>(())
/// })
/// # .unwrap()
/// ```
///
/// Both ends stay on their core:
///
/// ```compile_fail,E0277
/// fn on_any_core<T: Send>(_: T) {}
/// on_any_core(nestling_runtime::sync::channel::<u8>(1));
/// ```
pub fn channel<T>(bound: usize) -> (Sender<T>, Receiver<T>) {
    assert!(bound > 0, "a channel needs room for a message: its bound is at least 1");
    let shared = Rc::new(Shared {
        buffer: RefCell::default(),
        room: Permits::new(bound),
        messages: Permits::new(0),
        senders: Cell::new(1),
        closed: Cell::new(false),
    });
    (Sender::new(Rc::clone(&shared)), Receiver::new(shared))
}

/// Makes a channel without a bound between tasks of the core: sending never waits. Nothing but the
/// program's logic bounds its memory, so prefer [`channel()`] for what comes from outside.
///
/// As for order, closing and cancellation it is like [`channel()`].
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::unbounded;
/// nestling_runtime::block_on(async {
///     let (sender, receiver) = unbounded();
///     (0..3).try_for_each(|number| sender.send(number)).expect("the receiver is there");
///     assert_eq!(receiver.len(), 3);
///     assert_eq!(receiver.recv().await, Some(0));
/// });
/// ```
pub fn unbounded<T>() -> (UnboundedSender<T>, Receiver<T>) {
    let (sender, receiver) = channel(usize::MAX);
    (UnboundedSender::new(sender), receiver)
}

/// What all ends know. Messages are dropped, and waiters woken, only while nothing is borrowed.
struct Shared<T> {
    buffer: RefCell<VecDeque<T>>,
    room: Permits,
    messages: Permits,
    senders: Cell<usize>,
    closed: Cell<bool>,
}

impl<T> Shared<T> {
    fn is_closed(&self) -> bool {
        self.closed.get()
    }

    fn len(&self) -> usize {
        self.buffer.borrow().len()
    }

    /// Adds a message, for which the caller has taken room.
    fn push(&self, value: T) {
        self.buffer.borrow_mut().push_back(value);
        self.messages.give(1);
    }

    /// Takes a message that was promised, or finds the end.
    fn pop(&self) -> Option<T> {
        let value = table::pop_front(&mut self.buffer.borrow_mut())?;
        self.room.add(1);
        self.end_if_over();
        self.wake();
        Some(value)
    }

    /// Refuses messages from now on.
    fn close(&self) {
        if !self.closed.replace(true) {
            // Room for all senders that wait: so they see that the channel is closed.
            self.room.add(usize::MAX);
            self.end_if_over();
            self.wake();
        }
    }

    /// Closed and empty: all receives find nothing.
    fn end_if_over(&self) {
        if self.is_closed() && self.len() == 0 {
            self.messages.add(usize::MAX);
        }
    }

    /// Wakes the waiters that were served on either side, when all is done.
    fn wake(&self) {
        wake_all(self.room.served().chain(self.messages.served()));
    }

    fn poll_recv(&self, place: &mut Position, cx: &Context<'_>) -> Poll<Option<T>> {
        ready!(self.messages.poll_take(place, 1, cx));
        Poll::Ready(self.pop())
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Channel");
        debug.field("len", &self.len()).field("closed", &self.is_closed());
        debug.field("senders", &self.senders.get()).finish_non_exhaustive()
    }
}
