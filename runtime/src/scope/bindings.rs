//! Values bound to scopes: what task-locals find on the way up from the code that asks.

use crate::context;
use crate::table::{Trim, When};
use crate::tree::{self, NONE, NodeId};
use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A value, and for which task-local it is.
#[derive(Debug)]
pub(super) struct Binding {
    key: usize,
    value: Rc<dyn Any>,
}

/// The values, by scope.
pub(super) type Table = RefCell<BTreeMap<NodeId, Binding>>;

/// Works on the table of this thread.
fn with<R>(f: impl FnOnce(&Table) -> R) -> R {
    context::with(|context| f(&context.scope.bindings))
}

/// Opens a scope below the current one in which `key` has a value.
pub(crate) fn bind(key: usize, value: Rc<dyn Any>) -> NodeId {
    let scope = super::new(super::current());
    with(|bindings| bindings.borrow_mut().insert(scope, Binding { key, value }));
    scope
}

/// Takes the value of a scope out. Dropped by the caller: its destructor is foreign code.
#[must_use = "its destructor must not run inside a borrow"]
pub(crate) fn unbind(scope: NodeId) -> Option<Rc<dyn Any>> {
    let removed = with(|bindings| bindings.borrow_mut().remove(&scope));
    removed.map(|binding| binding.value)
}

/// The innermost value of `key` for the code that runs now.
pub(crate) fn bound(key: usize) -> Option<Rc<dyn Any>> {
    let mut at = super::current()?;
    with(|bindings| {
        let bindings = bindings.borrow();
        if bindings.is_empty() {
            return None;
        }
        tree::with(|tree| {
            loop {
                if let Some(binding) = bindings.get(&at)
                    && binding.key == key
                {
                    return Some(Rc::clone(&binding.value));
                }
                let parent = tree.get(at).map_or(NONE, |node| node.parent());
                at = tree.id(parent)?;
            }
        })
    })
}

/// Gives back what the table does not use. Tells if there is more to come.
pub(super) fn trim(when: When) -> bool {
    with(|bindings| bindings.borrow_mut().trim(when))
}
