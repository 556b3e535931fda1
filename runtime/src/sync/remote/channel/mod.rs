//! A bounded channel for many messages, between threads.
//!
//! The channel counts as the [local one](mod@crate::sync::channel) does, and shares its line. What
//! concerns a line is done with both sides locked, so that a close, a hand-over and a cut waiter
//! come one after the other; while nothing waits, each side has a lock of its own (`sides.rs`).

mod receiver;
mod sender;
mod sides;

use crate::scope::{self, poll_drop_point};
use crate::sync::permit_queue::{PermitQueue, Position};
use crate::sync::site::Site;
use crate::table;
use crate::wake::{Waiter, budget, wake_all};
use std::collections::VecDeque;
use std::fmt;
use std::iter;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

pub use crate::sync::channel::{SendError, TryRecvError, TrySendError};
pub use receiver::Receiver;
pub use sender::{Reserved, Sender};
use sides::{Receiving, Sending, Side, Whole};

/// Makes a channel for so many messages at a time, whose ends may be on any threads.
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
/// `None` means that there was nothing more to receive. When a runtime ends, the ends that its
/// tasks held are dropped, so threads that wait for one of them go on.
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
/// use nestling_runtime::sync::remote;
/// let (sender, receiver) = remote::channel(2);
/// let core = std::thread::spawn(|| {
///     nestling_runtime::block_on(async move {
///         sender.send("one").await?;
///         sender.send("two").await?;
///         sender.send("three").await
///     })
/// });
/// assert_eq!(receiver.recv_blocking(), Some("one"));
/// assert_eq!(receiver.recv_blocking(), Some("two"));
/// assert_eq!(receiver.recv_blocking(), Some("three"));
/// assert_eq!(receiver.recv_blocking(), None);
/// core.join().expect("it does not panic").expect("the receiver was there");
/// ```
pub fn channel<T>(bound: usize) -> (Sender<T>, Receiver<T>) {
    assert!(bound > 0, "a channel needs room for a message: its bound is at least 1");
    let (sending, receiving) = sides::sides(State {
        buffer: VecDeque::new(),
        room: PermitQueue::new(bound),
        messages: PermitQueue::new(0),
        senders: 1,
        closed: false,
    });
    let shared = Arc::new(Shared { sending, receiving });
    (Sender::new(Arc::clone(&shared)), Receiver::new(shared))
}

/// What all ends know. No foreign code runs while any of it is locked: no waker, and no destructor
/// of a message.
struct Shared<T> {
    sending: Side<Sending<T>>,
    receiving: Side<Receiving<T>>,
}

/// The channel as it is with both sides locked.
#[derive(Debug)]
struct State<T> {
    buffer: VecDeque<T>,
    room: PermitQueue,
    messages: PermitQueue,
    senders: usize,
    closed: bool,
}

/// What one can wait for.
#[derive(Debug, Clone, Copy)]
enum For {
    Room,
    Message,
}

impl<T> State<T> {
    fn line(&mut self, what: For) -> &mut PermitQueue {
        match what {
            For::Room => &mut self.room,
            For::Message => &mut self.messages,
        }
    }

    /// Adds a message, for which the caller has taken room, unless it is closed.
    fn push(&mut self, value: T) -> Result<(), SendError<T>> {
        if self.closed {
            return Err(SendError(value));
        }
        self.buffer.push_back(value);
        self.messages.give(1, usize::MAX);
        Ok(())
    }

    /// Takes a message that was promised, or finds the end.
    fn pop(&mut self) -> Option<T> {
        let value = table::pop_front(&mut self.buffer)?;
        self.room.give(1, usize::MAX);
        self.end_if_over();
        Some(value)
    }

    /// Refuses messages from now on.
    fn close(&mut self) {
        self.closed = true;
        // Room for all senders that wait: so they see that the channel is closed.
        self.room.give(usize::MAX, usize::MAX);
        self.end_if_over();
    }

    /// Closed and empty: all receives find nothing.
    fn end_if_over(&mut self) {
        if self.closed && self.buffer.is_empty() {
            self.messages.give(usize::MAX, usize::MAX);
        }
    }

    /// Leaves a line, and gives back what was handed over there. The waiter of the place comes
    /// back.
    fn leave(&mut self, what: For, place: &mut Position) -> Option<Waiter> {
        if let Some(count) = place.taken.take() {
            self.line(what).give(count, usize::MAX);
            return None;
        }
        let key = place.key.take()?;
        let line = self.line(what);
        let given = line.queue.given(key).unwrap_or(0);
        let waiter = line.queue.remove(key);
        // Even if that is nothing: the entry may have held up the waiters behind it.
        line.give(given, usize::MAX);
        Some(waiter)
    }

    fn next_to_wake(&mut self) -> Option<Waiter> {
        self.room.queue.next_to_wake().or_else(|| self.messages.queue.next_to_wake())
    }

    fn has_to_wake(&self) -> bool {
        self.room.queue.has_to_wake() || self.messages.queue.has_to_wake()
    }
}

/// Whether an await may return at its first poll, if what it waits for is there. If not, it goes
/// the long way, and is told the same there.
#[inline]
fn may_return_at_once() -> bool {
    !scope::is_here_cancelled() && budget::may_return()
}

impl<T> Shared<T> {
    fn lock(&self) -> Whole<'_, T> {
        Whole::lock(&self.sending, &self.receiving)
    }

    /// Runs `act`, and wakes the waiters that it served.
    fn change<R>(&self, act: impl FnOnce(&mut State<T>) -> R) -> R {
        let mut state = self.lock();
        let result = act(&mut state);
        self.wake(state);
        result
    }

    /// Unlocks, and wakes the waiters that were served.
    fn wake(&self, mut state: Whole<'_, T>) {
        if !state.has_to_wake() {
            return;
        }
        let first = state.next_to_wake();
        let more = state.has_to_wake();
        drop(state);
        if first.is_some() {
            // To wake a thread is a system call.
            budget::works();
        }
        let rest = iter::from_fn(|| more.then(|| self.lock().next_to_wake()).flatten());
        wake_all(first.into_iter().chain(rest));
    }

    /// Waits in a line, at a place which the caller has to [leave](Self::leave). When the place is
    /// served, `act` runs under the same lock, before any other task can.
    fn poll<R>(
        &self,
        what: For,
        place: &mut Position,
        cx: &Context<'_>,
        mut act: impl FnMut(&mut State<T>) -> R,
    ) -> Poll<R> {
        if place.is_none() {
            ready!(poll_drop_point(cx));
        }
        if let Some(result) = self.step(what, place, None, &mut act) {
            return Poll::Ready(result);
        }
        if place.taken.is_some() {
            // The turn is over.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        // The clone is foreign code, so outside the lock; it may have served this future. The
        // waiter is never a task's number, which means something on its own thread only.
        let waiter = Waiter::Foreign(cx.waker().clone());
        let waits = Some((waiter, Site::for_all()));
        if let Some(result) = self.step(what, place, waits, &mut act) {
            return Poll::Ready(result);
        }
        // A waiter that was passed over joins the line again when it is polled elsewhere.
        ready!(poll_drop_point(cx));
        Poll::Pending
    }

    /// Runs `act` if the place is served, or need not wait; before that takes a place, with
    /// `waits`.
    fn step<R>(
        &self,
        what: For,
        place: &mut Position,
        waits: Option<(Waiter, Site)>,
        act: &mut impl FnMut(&mut State<T>) -> R,
    ) -> Option<R> {
        let mut state = self.lock();
        let line = state.line(what);
        let before = waits.map(|(waiter, site)| line.wait(place, waiter, site));
        let claimed = line.claim(place);
        let result = claimed.is_some().then(|| act(&mut state));
        self.wake(state);
        drop((before, claimed));
        result
    }

    /// Leaves a line, and gives back what was handed over there.
    fn leave(&self, what: For, place: &mut Position) {
        if !place.is_none() {
            let waiter = self.change(|state| state.leave(what, place));
            drop(waiter);
        }
    }
}

/// A future's place in a line, which the future leaves when this is dropped.
struct ChannelWait<'a, T> {
    shared: &'a Shared<T>,
    what: For,
    place: Position,
}

impl<'a, T> ChannelWait<'a, T> {
    fn new(shared: &'a Shared<T>, what: For) -> Self {
        Self { shared, what, place: Position::default() }
    }

    /// Waits, and acts when it is served.
    async fn then<R>(mut self, mut act: impl FnMut(&mut State<T>) -> R) -> R {
        std::future::poll_fn(|cx| self.shared.poll(self.what, &mut self.place, cx, &mut act)).await
    }
}

impl<T> Drop for ChannelWait<'_, T> {
    fn drop(&mut self) {
        self.shared.leave(self.what, &mut self.place);
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (len, closed, senders) = {
            let state = self.lock();
            (state.buffer.len(), state.closed, state.senders)
        };
        let mut debug = f.debug_struct("Channel");
        debug.field("len", &len).field("closed", &closed);
        debug.field("senders", &senders).finish_non_exhaustive()
    }
}
