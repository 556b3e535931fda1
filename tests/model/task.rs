//! `Task`: what the log has told of one body or child.

use crate::log::E;
use crate::plan::{Id, Kind};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Task {
    pub(crate) nursery: Id,
    /// `None` for a body, which is polled once even if it is cancelled before.
    pub(crate) kind: Option<Kind>,
    /// Its nursery was cancelled before it was spawned.
    pub(crate) late: bool,
    pub(crate) started: bool,
    pub(crate) end: Option<Result<Id, E>>,
    pub(crate) panic: Option<Id>,
    pub(crate) gone: bool,
}

impl Task {
    pub(crate) fn new(nursery: Id, kind: Option<Kind>) -> Self {
        let (late, started, gone) = (false, false, false);
        Self { nursery, kind, late, started, end: None, panic: None, gone }
    }
}
