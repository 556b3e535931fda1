//! `Queue`: waiters in the order in which they came, and those served that are to be woken.
//!
//! ```text
//!           1              2             3            4
//!   (new) ─────▶ Waiting ─────▶ Served ─────▶ Woken ─────▶ (gone)
//!                │  ▲ │            │                          ▲
//!              5 │  │ └─────── 4 ──┴──────────── 4 ───────────┤
//!                ▼  │ 6                                       │
//!                Passed ───────────────── 4 ──────────────────┘
//! ```
//!
//! | arrow | taken by | when |
//! |---|---|---|
//! | 1 | `join_line` | there is nothing to be had |
//! | 2 | `serve` | its turn has come |
//! | 3 | `next_to_wake` | the event that has served it is over |
//! | 4 | `remove` | its future has what it waited for, or was dropped |
//! | 5 | `pass_over` | its turn has come, and its scope is cancelled |
//! | 6 | `register` | its future is polled where it is not cancelled |
//!
//! A waiter that stands at the head when it could be served, while its scope is cancelled, is
//! passed over: it leaves the line, once, and is woken without being served. Its future may be in
//! other hands by now, or be moved out of the scope: then the next poll of the future brings the
//! waiter back, before all waiters that were never passed over.
//!
//! To wake runs foreign code, which may come back here. So all waiters that one event concerns are
//! served first, and only then woken, one by one: foreign code finds the whole event
//! done. Both lists run through one table, so that a wait allocates nothing once that has its size.

use super::site::Site;
use crate::table::{Slots, Trim};
use crate::wake::Waiter;

/// The end of a list.
const NONE: u32 = u32::MAX;

/// The waiters of one thing.
#[derive(Debug)]
pub(super) struct Queue {
    entries: Slots<QueueEntry>,
    waiting: List,
    /// The last of the waiters at the head of the line that were passed over and came back.
    returned: u32,
    /// The waiters that are to be woken.
    to_wake: List,
}

#[derive(Debug)]
struct QueueEntry {
    waiter: Waiter,
    site: Site,
    state: WaiterState,
    previous: u32,
    next: u32,
}

#[derive(Debug, Clone, Copy)]
enum WaiterState {
    /// The waiter wants so much.
    Waiting(usize),
    /// The waiter was given so much, and is yet to be woken.
    Served(usize),
    /// The waiter was given so much, was woken, and is on no list.
    Woken(usize),
    /// The waiter wants so much, was passed over, and is yet to be woken.
    Passed(usize),
    /// The waiter wants so much, was passed over and woken, and is on no list.
    Aside(usize),
}

/// Both ends of a list through the table.
#[derive(Debug)]
struct List {
    head: u32,
    tail: u32,
    len: usize,
}

impl Queue {
    pub(super) const fn new() -> Self {
        let (waiting, to_wake) = (List::new(), List::new());
        Self { entries: Slots::new(), waiting, returned: NONE, to_wake }
    }

    /// What the first in line wants. Those before it whose scopes are cancelled are passed over.
    #[inline]
    pub(super) fn first(&mut self) -> Option<usize> {
        if self.waiting.len == 0 { None } else { self.first_waiting() }
    }

    #[inline(never)]
    fn first_waiting(&mut self) -> Option<usize> {
        loop {
            let (key, wants) = self.head()?;
            if !self.entries[key as usize].site.is_cancelled() {
                return Some(wants);
            }
            self.pass_over(key, wants);
        }
    }

    /// What the first in line wants, if `free` suffices for that. While `free` is zero, all waiters
    /// keep their places, the cancelled as well.
    #[inline]
    pub(super) fn first_for(&mut self, free: usize) -> Option<usize> {
        if self.waiting.len == 0 || free == 0 && self.head()?.1 > 0 {
            return None;
        }
        self.first().filter(|wants| *wants <= free)
    }

    /// The first in line, and what it wants.
    fn head(&self) -> Option<(u32, usize)> {
        let key = self.waiting.head;
        let WaiterState::Waiting(wants) = self.entries.get(key as usize)?.state else {
            return None;
        };
        Some((key, wants))
    }

    /// Whether no waiter is in line, not even one that is cancelled.
    pub(super) fn is_clear(&self) -> bool {
        self.waiting.len == 0
    }

    /// Whether at least so many are in line, after cancelled waiters were passed over.
    pub(super) fn has(&mut self, count: usize) -> bool {
        let mut key = self.waiting.head;
        while self.waiting.len >= count
            && let Some(entry) = self.entries.get(key as usize)
        {
            let (next, cancelled) = (entry.next, entry.site.is_cancelled());
            if cancelled && let WaiterState::Waiting(wants) = entry.state {
                self.pass_over(key, wants);
            }
            key = next;
        }
        self.waiting.len >= count
    }

    /// Goes to the end of the line. The number is good until it is removed.
    pub(super) fn join_line(&mut self, wants: usize, waiter: Waiter, site: Site) -> u32 {
        let state = WaiterState::Waiting(wants);
        let entry = QueueEntry { waiter, site, state, previous: NONE, next: NONE };
        let key = self.entries.insert(entry) as u32;
        self.waiting.push(&mut self.entries, key);
        key
    }

    /// Gives the first in line so much, and takes it out of the line.
    pub(super) fn serve(&mut self, given: usize) {
        self.leave_line(self.waiting.head, WaiterState::Served(given));
    }

    fn pass_over(&mut self, key: u32, wants: usize) {
        self.leave_line(key, WaiterState::Passed(wants));
    }

    fn leave_line(&mut self, key: u32, state: WaiterState) {
        self.unlink(key);
        self.entries[key as usize].state = state;
        self.to_wake.push(&mut self.entries, key);
    }

    /// Whether a waiter is to be woken.
    pub(super) fn has_to_wake(&self) -> bool {
        self.to_wake.len > 0
    }

    /// The next waiter that is to be woken.
    pub(super) fn next_to_wake(&mut self) -> Option<Waiter> {
        let key = self.to_wake.head;
        let state = match self.entries.get(key as usize)?.state {
            WaiterState::Served(given) => WaiterState::Woken(given),
            WaiterState::Passed(wants) => WaiterState::Aside(wants),
            _ => return None,
        };
        self.unlink(key);
        let entry = &mut self.entries[key as usize];
        entry.state = state;
        Some(entry.waiter.take())
    }

    /// What it was given, if it was served.
    pub(super) fn given(&self, key: u32) -> Option<usize> {
        match self.entries[key as usize].state {
            WaiterState::Served(given) | WaiterState::Woken(given) => Some(given),
            WaiterState::Waiting(_) | WaiterState::Passed(_) | WaiterState::Aside(_) => None,
        }
    }

    /// Sets the waiter of an entry, and where it waits now. The waiter before comes back: a foreign
    /// waker's destructor is foreign code. An entry that was passed over joins the line again,
    /// unless the new site is cancelled.
    #[must_use = "its destructor must not run inside a borrow"]
    pub(super) fn register(&mut self, key: u32, waiter: Waiter, site: Site) -> Waiter {
        let entry = &mut self.entries[key as usize];
        entry.site = site;
        let before = std::mem::replace(&mut entry.waiter, waiter);
        if let WaiterState::Passed(wants) | WaiterState::Aside(wants) = entry.state
            && !entry.site.is_cancelled()
        {
            self.unlink(key);
            self.entries[key as usize].state = WaiterState::Waiting(wants);
            self.waiting.insert(&mut self.entries, key, self.returned);
            self.returned = key;
        }
        before
    }

    /// Takes the waiter of an entry.
    #[must_use = "its destructor must not run inside a borrow"]
    pub(super) fn take_waiter(&mut self, key: u32) -> Waiter {
        self.entries[key as usize].waiter.take()
    }

    /// Takes an entry out, wherever it stands. Its waiter comes back, as from
    /// [`register`](Self::register).
    #[must_use = "its destructor must not run inside a borrow"]
    pub(super) fn remove(&mut self, key: u32) -> Waiter {
        self.unlink(key);
        let waiter = self.entries.remove(key as usize).waiter;
        if self.entries.is_sparse() {
            self.entries.shrink();
        }
        waiter
    }

    /// Takes an entry out of the list on which it is, if it is on one.
    fn unlink(&mut self, key: u32) {
        let entry = &self.entries[key as usize];
        match entry.state {
            WaiterState::Waiting(_) => {
                if self.returned == key {
                    // The entries before this one have come back as well.
                    self.returned = entry.previous;
                }
                self.waiting.unlink(&mut self.entries, key);
            }
            WaiterState::Served(_) | WaiterState::Passed(_) => {
                self.to_wake.unlink(&mut self.entries, key)
            }
            WaiterState::Woken(_) | WaiterState::Aside(_) => {}
        }
    }
}

impl List {
    const fn new() -> Self {
        Self { head: NONE, tail: NONE, len: 0 }
    }

    fn push(&mut self, entries: &mut Slots<QueueEntry>, key: u32) {
        self.insert(entries, key, self.tail);
    }

    /// Puts an entry behind another one, or at the head.
    fn insert(&mut self, entries: &mut Slots<QueueEntry>, key: u32, previous: u32) {
        let next = match previous {
            NONE => std::mem::replace(&mut self.head, key),
            previous => std::mem::replace(&mut entries[previous as usize].next, key),
        };
        match next {
            NONE => self.tail = key,
            next => entries[next as usize].previous = key,
        }
        let entry = &mut entries[key as usize];
        (entry.previous, entry.next) = (previous, next);
        self.len += 1;
    }

    fn unlink(&mut self, entries: &mut Slots<QueueEntry>, key: u32) {
        let QueueEntry { previous, next, .. } = entries[key as usize];
        match previous {
            NONE => self.head = next,
            previous => entries[previous as usize].next = next,
        }
        match next {
            NONE => self.tail = previous,
            next => entries[next as usize].previous = previous,
        }
        self.len -= 1;
    }
}
