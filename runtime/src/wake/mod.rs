//! Which tasks are ready, and how something wakes: the one place where the two columns meet.
//!
//! The way down (operations, driver) and the way up (tasks, nurseries) do not know each other.
//! Below, something waits for a [`Waiter`]; above, a task stands in a ready list.
//!
//! ```text
//!   a completion, a timer            a waker from a foreign future       another thread
//!          |  Waiter::wake                     |  wake_by_ref                  |
//!          v                                   v                               v
//!   +-------------- ready: wake(NodeId) --------------+   drain   +--- inbox: Injector --+
//!   |  put the task on its set's list, mark its owner, |<----------|  + unpark, once     |
//!   |  the owner's owner ... up to one already marked  |           +---------------------+
//!   +--------------------------------------------------+
//! ```

pub(crate) mod budget;

mod ready;
mod stay;
mod waiter;
mod waker;

use crate::table::When;
use std::cell::RefCell;
use std::collections::BTreeMap;

pub(crate) use ready::{
    enqueue, enqueue_in, insert_root, insert_task, is_queued, new_set, next, open_set, owner,
    payload, remove_set, rest_set, take_queued, wake, wake_set,
};
pub(crate) use stay::left_in;
pub use stay::stay;
pub(crate) use waiter::{Waiter, wake_all};
pub(crate) use waker::Local;

/// What a thread has for its wakes.
pub(crate) struct PerThread {
    budget: budget::Budget,
    staying: stay::Staying,
}

impl PerThread {
    pub(crate) const fn new() -> Self {
        Self { budget: budget::Budget::new(), staying: RefCell::new(BTreeMap::new()) }
    }
}

/// Gives back what the tables do not use. Tells if there is more to come.
pub(crate) fn trim(when: When) -> bool {
    stay::trim(when)
}
