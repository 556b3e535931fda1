//! The table of submissions by itself, without a kernel: the test says what completes, and when.
//!
//! The driver's own files, compiled once more where tests can reach what the driver keeps to
//! itself.

#[path = "../../driver/completing.rs"]
#[allow(dead_code, clippy::duplicate_mod, reason = "compiled a second time, used in part")]
mod completing;
#[path = "../../driver/in_flight.rs"]
#[allow(dead_code, clippy::duplicate_mod, reason = "compiled a second time, used in part")]
mod in_flight;
#[path = "../../driver/lifecycle.rs"]
#[allow(dead_code, clippy::duplicate_mod, reason = "compiled a second time, used in part")]
mod lifecycle;
#[path = "../../driver/listed.rs"]
#[allow(dead_code, clippy::duplicate_mod, reason = "compiled a second time, used in part")]
mod listed;
#[path = "../../driver/many.rs"]
#[allow(dead_code, clippy::duplicate_mod, reason = "compiled a second time, used in part")]
mod many;
#[path = "../../driver/op_info.rs"]
#[allow(dead_code, clippy::duplicate_mod, reason = "compiled a second time, used in part")]
mod op_info;
#[path = "../../driver/outcome.rs"]
#[allow(dead_code, clippy::duplicate_mod, reason = "compiled a second time, used in part")]
mod outcome;
#[path = "../../driver/seen.rs"]
#[allow(dead_code, clippy::duplicate_mod, reason = "compiled a second time, used in part")]
mod seen;
#[path = "../../driver/unread.rs"]
#[allow(dead_code, clippy::duplicate_mod, reason = "compiled a second time, used in part")]
mod unread;

mod answers;
mod many_answers;
mod states;
mod walk;

use crate::config::UNREAD_ANSWERS;
use crate::key::Key;
use crate::ring::Completion;
use crate::wake::Waiter;
use in_flight::InFlight;
use lifecycle::{Orphan, Phase};
use std::cell::Cell;
use std::rc::Rc;

/// A final completion with this result, of no operation in particular.
fn completion(result: i32) -> Completion {
    Completion { user_data: 0, result, flags: 0 }
}

/// A completion with this result, which more follow.
fn one_of_many(result: i32) -> Completion {
    Completion { flags: 1 << 1, ..completion(result) }
}

/// What the future of an operation finds when it is polled.
fn take(table: &mut InFlight, key: Key) -> Option<outcome::Landed> {
    table.poll(key, &mut Waiter::Nobody)
}

/// No operation in particular.
fn info() -> op_info::OpInfo {
    op_info::OpInfo::new(&"made up", None)
}

/// An operation of a future, in no scope.
fn insert(table: &mut InFlight) -> Key {
    let inserted = table.insert(Phase::Queued, info(), Waiter::Nobody, None);
    inserted.expect("no scope refuses it")
}

/// An operation that is answered many times, in no scope.
fn insert_many(table: &mut InFlight) -> Key {
    let key = insert(table);
    table.expect_many(key, outcome::Many { most: UNREAD_ANSWERS, taken: None });
    key
}

/// What the driver keeps for the kernel; counts when it is disposed of, and when it is dropped.
#[derive(Default)]
struct Kept {
    disposed: Rc<Cell<u32>>,
    dropped: Rc<Cell<u32>>,
}

impl Orphan for Kept {
    fn dispose_one(&mut self, _: Completion) -> bool {
        self.disposed.set(self.disposed.get() + 1);
        false
    }

    fn dispose(self: Box<Self>, _: Completion) -> bool {
        self.disposed.set(self.disposed.get() + 1);
        false
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.dropped.set(self.dropped.get() + 1);
    }
}
