//! `Shield`: a scope that a cancellation from outside does not reach.

use crate::cancel::CancelScope;
use crate::scope;
use crate::tree::NodeId;
use std::cell::Cell;

/// A part of the program that runs on when the scope around it is cancelled: that one is not cut
/// while the shield exists. What is opened and cancelled inside it is cancelled all the same.
#[derive(Debug)]
pub struct Shield {
    scope: CancelScope,
    /// The scope that is held: where the shield was opened, or ran last.
    around: Cell<Option<NodeId>>,
}

impl Shield {
    /// Opens a shield below the current scope.
    pub fn new() -> Self {
        let around = scope::current();
        around.into_iter().for_each(scope::hold);
        Self { scope: CancelScope::of_node(scope::new_shield(around)), around: Cell::new(around) }
    }

    /// Runs `f` inside the shield. From now on it is the scope of the caller that is not cut.
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        let here = scope::current();
        if here != self.around.get() {
            here.into_iter().for_each(scope::hold);
            let_go(self.around.replace(here));
        }
        self.scope.run(f)
    }
}

/// A scope is not held any more.
fn let_go(around: Option<NodeId>) {
    // When code in it runs now, its poll ends with a look at what keeps it.
    let held = around.and_then(scope::release).filter(|held| !scope::is_running(*held));
    held.into_iter().for_each(scope::look_again);
}

impl Default for Shield {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Shield {
    fn drop(&mut self) {
        let_go(self.around.get());
    }
}
