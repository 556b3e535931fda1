//! `Site`: where a future waits, to see later whether that was cancelled meanwhile.

use crate::scope::{self, Mark};
use crate::tree::NodeId;

/// The scope in which a future was polled last. A future is not told when its scope is cancelled,
/// but what is handed to it then would be lost with it. A scope that has closed does not count: the
/// future is not in it any more.
#[derive(Debug)]
pub(super) enum Site {
    /// A scope of this thread, if any. Its number means something here only.
    Here(Option<NodeId>),
    /// A scope of whichever thread, if any.
    Anywhere(Option<Mark>),
}

impl Site {
    /// Where the code runs, for a thing that stays on its thread.
    pub(super) fn here() -> Self {
        Self::Here(scope::current())
    }

    /// Where the code runs, for a thing that other threads use.
    pub(super) fn for_all() -> Self {
        Self::Anywhere(scope::mark())
    }

    /// Whether it was cancelled.
    pub(super) fn is_cancelled(&self) -> bool {
        match self {
            Self::Here(scope) => scope.is_some_and(scope::is_in_cancelled),
            Self::Anywhere(mark) => mark.as_ref().is_some_and(Mark::is_cancelled),
        }
    }
}
