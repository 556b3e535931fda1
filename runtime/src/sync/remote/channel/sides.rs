//! The two sides of a channel: while no task or thread waits, senders and receivers share nothing.
//!
//! ```text
//!   senders ───▶ Sending: sent, room                Receiving: buffer, ready, freed ◀─── receivers
//!                    └──────── Whole: both locks, all of it in one State ────────┘
//! ```
//!
//! Each side has a lock of its own, and takes from what the other side has left to it: senders from
//! room, receivers from messages. Only when that is used up, or a waiter of either kind is in line,
//! both sides are locked: what was sent goes to the receivers, what was freed to the senders, and
//! lines are served. So a line of memory goes from one core to the other once for many messages.

use super::{SendError, State};
use crate::sys::shared::{Mutex, MutexGuard};
use crate::table;
use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;

/// What senders change, as long as there is room and no receiver waits.
#[derive(Debug)]
pub(super) struct Sending<T> {
    /// What was sent since both sides were locked.
    sent: VecDeque<T>,
    /// Room that is left.
    room: usize,
    /// The channel is not closed, and no receiver waits.
    is_open: bool,
}

/// What receivers change, as long as there are messages and no sender waits.
#[derive(Debug)]
pub(super) struct Receiving<T> {
    state: State<T>,
    /// Messages that are promised to no receiver.
    ready: usize,
    /// Messages that were received since both sides were locked.
    freed: usize,
}

/// A side behind its lock, in lines of memory that the other side has nothing in: processors fetch
/// them in pairs.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Side<S>(Mutex<S>);

/// Both sides, locked, as one.
#[derive(Debug)]
pub(super) struct Whole<'a, T> {
    receiving: MutexGuard<'a, Receiving<T>>,
    sending: MutexGuard<'a, Sending<T>>,
}

impl<S> Side<S> {
    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, S> {
        // Nothing that can panic is done under the lock, but to allocate.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sides of a new channel.
pub(super) fn sides<T>(state: State<T>) -> (Side<Sending<T>>, Side<Receiving<T>>) {
    let sending = Sending { sent: VecDeque::new(), room: 0, is_open: false };
    let receiving = Receiving { state, ready: 0, freed: 0 };
    (Side(Mutex::new(sending)), Side(Mutex::new(receiving)))
}

impl<T> Sending<T> {
    /// Takes room for a message, if that is left, and if `may_go_on` then says so.
    #[inline]
    pub(super) fn take_room(&mut self, may_go_on: impl FnOnce() -> bool) -> bool {
        let taken = self.room > 0 && may_go_on();
        self.room -= usize::from(taken);
        taken
    }

    /// Takes room and sends, under the same conditions.
    ///
    /// # Errors
    ///
    /// The message, which was not sent.
    #[inline]
    pub(super) fn send(&mut self, value: T, may_go_on: impl FnOnce() -> bool) -> Result<(), T> {
        if !self.take_room(may_go_on) {
            return Err(value);
        }
        self.sent.push_back(value);
        Ok(())
    }

    /// Adds a message, for which the caller has taken room.
    ///
    /// # Errors
    ///
    /// The message: both sides have to be looked at.
    #[inline]
    pub(super) fn push(&mut self, value: T) -> Result<(), SendError<T>> {
        if !self.is_open {
            return Err(SendError(value));
        }
        self.sent.push_back(value);
        Ok(())
    }
}

impl<T> Receiving<T> {
    /// Takes a message that is promised to no receiver, if there is one, and if `may_go_on` then
    /// says so.
    #[inline]
    pub(super) fn pop(&mut self, may_go_on: impl FnOnce() -> bool) -> Option<T> {
        if self.ready == 0 || !may_go_on() {
            return None;
        }
        self.ready -= 1;
        self.freed += 1;
        table::pop_front(&mut self.state.buffer)
    }
}

impl<'a, T> Whole<'a, T> {
    /// Locks both sides, always in this order, and gathers what they have.
    pub(super) fn lock(sending: &'a Side<Sending<T>>, receiving: &'a Side<Receiving<T>>) -> Self {
        let (mut receiving, mut sending) = (receiving.lock(), sending.lock());
        let Receiving { state, ready, freed } = &mut *receiving;
        let sent = sending.sent.len();
        state.messages.free += std::mem::take(ready) + sent;
        state.room.free += std::mem::take(freed) + std::mem::take(&mut sending.room);
        sending.is_open = false;
        if state.buffer.is_empty() {
            std::mem::swap(&mut state.buffer, &mut sending.sent);
        } else if sent > 0 {
            state.buffer.append(&mut std::mem::take(&mut sending.sent));
        }
        Self { receiving, sending }
    }
}

impl<T> Deref for Whole<'_, T> {
    type Target = State<T>;

    fn deref(&self) -> &State<T> {
        &self.receiving.state
    }
}

impl<T> DerefMut for Whole<'_, T> {
    fn deref_mut(&mut self) -> &mut State<T> {
        &mut self.receiving.state
    }
}

/// Leaves to each side what it can go on with alone. What is not left, the next to lock both finds.
impl<T> Drop for Whole<'_, T> {
    fn drop(&mut self) {
        let Receiving { state, ready, .. } = &mut *self.receiving;
        if state.closed {
            return;
        }
        // A line in which a task or thread waits has nothing free.
        if state.room.queue.is_clear() {
            *ready = std::mem::take(&mut state.messages.free);
        }
        if state.messages.queue.is_clear() {
            self.sending.room = std::mem::take(&mut state.room.free);
            self.sending.is_open = true;
        }
    }
}
