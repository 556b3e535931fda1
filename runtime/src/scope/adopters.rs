//! The nurseries that take in children from outside their code, by their scope.

use crate::context;
use crate::table::{Trim, When};
use crate::tree::NodeId;
use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

/// What takes the children in. Not counted: a nursery whose future is gone takes none.
pub(super) type Table = RefCell<BTreeMap<NodeId, Weak<dyn Any>>>;

/// Works on the table of this thread.
fn with<R>(f: impl FnOnce(&mut BTreeMap<NodeId, Weak<dyn Any>>) -> R) -> R {
    context::with(|context| f(&mut context.scope.adopters.borrow_mut()))
}

/// A scope's nursery takes children in from now on.
pub(crate) fn open_to_all(scope: NodeId, adopter: Weak<dyn Any>) {
    with(|adopters| adopters.insert(scope, adopter));
}

/// The nursery of the scope takes no children in any more.
pub(crate) fn close_to_all(scope: NodeId) {
    with(|adopters| adopters.remove(&scope));
}

/// What takes in children of a scope on this thread, while it does.
pub(crate) fn adopter(scope: NodeId) -> Option<Rc<dyn Any>> {
    with(|adopters| adopters.get(&scope).and_then(Weak::upgrade))
}

/// Gives back what the table does not use. Tells if there is more to come.
pub(super) fn trim(when: When) -> bool {
    with(|adopters| adopters.trim(when))
}
