//! `Shield`: a scope that a cancellation from outside does not reach.

use crate::cancel::CancelScope;
use crate::scope;
use crate::tree::NodeId;

/// A part of the program that runs on when the scope around it is cancelled: that one is not cut
/// while the shield exists. What is opened and cancelled inside it is cancelled all the same.
#[derive(Debug)]
pub struct Shield {
    scope: CancelScope,
    around: Option<NodeId>,
}

impl Shield {
    /// Opens a shield below the current scope.
    pub fn new() -> Self {
        let around = scope::current();
        if let Some(around) = around {
            scope::hold(around);
        }
        Self { scope: CancelScope::of_node(scope::new_shield(around)), around }
    }

    /// Runs `f` inside the shield.
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        self.scope.run(f)
    }
}

impl Default for Shield {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Shield {
    fn drop(&mut self) {
        // When the code around the shield runs now, its poll ends with a look at what keeps it.
        let held = self.around.and_then(scope::release).filter(|held| !scope::is_running(*held));
        held.into_iter().for_each(scope::look_again);
    }
}
