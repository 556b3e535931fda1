//! `Log`: what happened in a run, in order, as far as its tasks can tell.

use crate::plan::{Id, Kind};
use nestling::{Cancelled, is_cancelled};
use nestling_runtime::lowlevel::{CancelScope, check};
use std::cell::RefCell;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::thread::panicking;
use std::time::{Duration, Instant};

/// How the nurseries of a run fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum E {
    /// On purpose, with a number.
    Boom(Id),
    /// An operation failed by itself.
    Io(io::ErrorKind),
    Cancelled,
}

impl From<Cancelled> for E {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl From<io::Error> for E {
    fn from(error: io::Error) -> Self {
        if is_cancelled(&error) { Self::Cancelled } else { Self::Io(error.kind()) }
    }
}

/// What a task waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// An operation of the kernel.
    Op,
    Yield,
    Sleep(Duration),
    Join(Id),
    Receive,
}

/// How a nursery ended for who awaited it: a result, or the number of a panic.
pub(crate) type Outcome = Result<Result<Id, E>, Id>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A nursery is about to be opened in a scope.
    Open {
        nursery: Id,
        body: Id,
        scope: Id,
        deadline: Option<Duration>,
    },
    Return {
        nursery: Id,
        outcome: Outcome,
    },
    /// A child is about to be spawned, and was: `refused` if it has ended on the spot.
    Spawn {
        task: Id,
        nursery: Id,
        kind: Kind,
    },
    Spawned {
        task: Id,
        refused: bool,
    },
    /// A task is polled for the first time.
    Start {
        task: Id,
    },
    /// It is about to resolve.
    End {
        task: Id,
        result: Result<Id, E>,
    },
    /// It is about to panic, in its code or in a destructor; or while it is `cut`: its future is
    /// dropped, and not by its own code.
    Panic {
        task: Id,
        number: Id,
        cut: bool,
    },
    /// Its last local is dropped.
    Gone {
        task: Id,
    },
    /// A nursery's `cancel` is about to be called.
    Cancel {
        nursery: Id,
    },
    /// The same, but on another thread: it comes some time from now.
    Remote {
        nursery: Id,
    },
    /// A child's handle is about to be told to cancel it.
    CancelChild {
        task: Id,
    },
    /// An await begins, is answered, is dropped without an answer.
    Begin {
        id: Id,
        task: Id,
        scope: Id,
        what: What,
    },
    Answer {
        id: Id,
        error: Option<E>,
        value: Option<Id>,
        took: Duration,
    },
    Left {
        id: Id,
    },
    /// An operation is not submitted yet, since the budget is spent; and is, at last.
    Held {
        id: Id,
    },
    Submitted {
        id: Id,
    },
    /// A message of this number was sent, and was received by an await.
    Post {
        message: usize,
    },
    Got {
        id: Id,
        message: usize,
    },
    /// A timeout, a nursery or a daemon was found to be cancelled, by whatever.
    Found {
        id: Id,
        after: Duration,
    },
    /// A timeout begins; its steps have ended; it is over.
    Timeout {
        id: Id,
        scope: Id,
        limit: Duration,
    },
    Done {
        id: Id,
    },
    Over {
        id: Id,
        elapsed: bool,
        after: Duration,
    },
    /// A shield begins, and ends.
    Shield {
        id: Id,
        scope: Id,
    },
    Unshield {
        id: Id,
    },
    /// A part begins; is about to be dropped, and was, with a panic or not; or is forgotten.
    Part {
        id: Id,
        scope: Id,
    },
    Drop {
        id: Id,
    },
    Dropped {
        id: Id,
        thrown: Option<Id>,
    },
    Forget {
        id: Id,
    },
    /// It is set aside, and taken up again.
    Aside {
        id: Id,
    },
    Resume {
        id: Id,
    },
    /// What the runtime says of the code that runs now: whether its scope is cancelled.
    Seen {
        scope: Id,
        cancelled: bool,
    },
    /// Something of a nursery is still there although it has returned.
    Leftover {
        nursery: Id,
        what: &'static str,
    },
}

/// Events, kept where a watchdog can read them when the run hangs.
pub(crate) type Events = Arc<Mutex<Vec<Event>>>;

#[derive(Debug, Default)]
pub(crate) struct Log {
    events: Events,
    watched: RefCell<Vec<Watched>>,
}

/// Something that may be cancelled without anybody here being told.
struct Watched {
    id: Id,
    is_cancelled: Box<dyn Fn() -> bool>,
    since: Instant,
    found: bool,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("id", &self.id).field("found", &self.found).finish()
    }
}

impl Log {
    pub(crate) fn new(events: &Events) -> Self {
        Self { events: Arc::clone(events), watched: RefCell::default() }
    }

    /// Adds an event, after those that only the runtime knew of until now. All that the runtime has
    /// on this thread holds together then.
    pub(crate) fn add(&self, event: Event) {
        if !panicking() {
            check();
        }
        for watched in self.watched.borrow_mut().iter_mut() {
            if !watched.found && (watched.is_cancelled)() {
                watched.found = true;
                self.push(Event::Found { id: watched.id, after: watched.since.elapsed() });
            }
        }
        self.push(event);
    }

    /// Adds what the runtime says of the scope in which the caller runs, and then an event.
    pub(crate) fn add_in(&self, scope: Id, event: Event) {
        let cancelled = CancelScope::new().reason().is_some();
        self.add(Event::Seen { scope, cancelled });
        self.push(event);
    }

    fn push(&self, event: Event) {
        self.events.lock().expect("nobody panics here").push(event);
    }

    /// Looks from now on whether something is cancelled, until the guard goes.
    pub(crate) fn watch(
        &self,
        id: Id,
        since: Instant,
        is_cancelled: impl Fn() -> bool + 'static,
    ) -> Watch<'_> {
        let is_cancelled = Box::new(is_cancelled);
        self.watched.borrow_mut().push(Watched { id, is_cancelled, since, found: false });
        Watch { log: self, id, _scope: None }
    }

    /// Watches the scope in which the caller runs.
    pub(crate) fn watch_here(&self, id: Id, since: Instant) -> Watch<'_> {
        let scope = CancelScope::new();
        let handle = scope.handle();
        let mut watch = self.watch(id, since, move || handle.is_cancelled());
        watch._scope = Some(scope);
        watch
    }
}

/// Ends a watch before what is watched has closed, which would look like a cancel.
pub(crate) struct Watch<'a> {
    log: &'a Log,
    id: Id,
    /// Below the one that is watched.
    _scope: Option<CancelScope>,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.log.watched.borrow_mut().retain(|watched| watched.id != self.id);
    }
}
