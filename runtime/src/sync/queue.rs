//! `Queue`: who waits, in the order in which they came, and who was served and is to be woken.
//!
//! ```text
//!         enter              serve            next_served             remove
//!   (new) ─────▶ Waiting ─────────▶ Served ──────────────▶ Woken ─────────────▶ (gone)
//!                   │                  │                                          ▲
//!                   └──────────────────┴───────── remove: it was cut ─────────────┘
//! ```
//!
//! To wake runs foreign code, which may come back here. So everything that follows from one event
//! is served first, and only then anybody is woken, one by one: foreign code finds the whole event
//! done. Both lists run through one table, so that a wait allocates nothing once that has its size.

use crate::wake::Waiter;
use slab::Slab;

/// The end of a list.
const NONE: u32 = u32::MAX;

/// The waiters of one thing.
#[derive(Debug)]
pub(super) struct Queue {
    entries: Slab<Entry>,
    waiting: List,
    served: List,
}

#[derive(Debug)]
struct Entry {
    waiter: Waiter,
    stage: Stage,
    previous: u32,
    next: u32,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// It wants so much.
    Waiting(usize),
    /// It was given so much, and nobody has told it.
    Served(usize),
    /// It was given so much, and is on no list.
    Woken(usize),
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
        Self { entries: Slab::new(), waiting: List::new(), served: List::new() }
    }

    /// Those who have not been served.
    pub(super) fn len(&self) -> usize {
        self.waiting.len
    }

    /// What the first in line wants.
    pub(super) fn first(&self) -> Option<usize> {
        let entry = self.entries.get(self.waiting.head as usize)?;
        let Stage::Waiting(wants) = entry.stage else { return None };
        Some(wants)
    }

    /// Goes to the end of the line. The number is good until it is removed.
    pub(super) fn enter(&mut self, wants: usize, waiter: Waiter) -> u32 {
        let entry = Entry { waiter, stage: Stage::Waiting(wants), previous: NONE, next: NONE };
        let key = self.entries.insert(entry) as u32;
        self.waiting.push(&mut self.entries, key);
        key
    }

    /// Gives the first in line so much, and takes it out of the line.
    pub(super) fn serve(&mut self, given: usize) {
        let key = self.waiting.head;
        self.waiting.unlink(&mut self.entries, key);
        self.entries[key as usize].stage = Stage::Served(given);
        self.served.push(&mut self.entries, key);
    }

    /// Whether somebody was served and is to be woken.
    pub(super) fn has_served(&self) -> bool {
        self.served.len > 0
    }

    /// The next who was served and is to be woken.
    pub(super) fn next_served(&mut self) -> Option<Waiter> {
        let key = self.served.head;
        let Stage::Served(given) = self.entries.get(key as usize)?.stage else { return None };
        self.served.unlink(&mut self.entries, key);
        let entry = &mut self.entries[key as usize];
        entry.stage = Stage::Woken(given);
        Some(entry.waiter.take())
    }

    /// What it was given, if it was served.
    pub(super) fn given(&self, key: u32) -> Option<usize> {
        match self.entries[key as usize].stage {
            Stage::Waiting(_) => None,
            Stage::Served(given) | Stage::Woken(given) => Some(given),
        }
    }

    /// Says who is to be woken for it. The one before comes back: a foreign waker's destructor is
    /// foreign code.
    #[must_use = "its destructor must not run inside a borrow"]
    pub(super) fn register(&mut self, key: u32, waiter: Waiter) -> Waiter {
        std::mem::replace(&mut self.entries[key as usize].waiter, waiter)
    }

    /// Takes it out, wherever it stands. Who would have been woken for it comes back, as when it
    /// is registered.
    #[must_use = "its destructor must not run inside a borrow"]
    pub(super) fn remove(&mut self, key: u32) -> Waiter {
        match self.entries[key as usize].stage {
            Stage::Waiting(_) => self.waiting.unlink(&mut self.entries, key),
            Stage::Served(_) => self.served.unlink(&mut self.entries, key),
            Stage::Woken(_) => {}
        }
        self.entries.remove(key as usize).waiter
    }
}

impl List {
    const fn new() -> Self {
        Self { head: NONE, tail: NONE, len: 0 }
    }

    fn push(&mut self, entries: &mut Slab<Entry>, key: u32) {
        let entry = &mut entries[key as usize];
        (entry.previous, entry.next) = (self.tail, NONE);
        match self.tail {
            NONE => self.head = key,
            tail => entries[tail as usize].next = key,
        }
        self.tail = key;
        self.len += 1;
    }

    fn unlink(&mut self, entries: &mut Slab<Entry>, key: u32) {
        let Entry { previous, next, .. } = entries[key as usize];
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
