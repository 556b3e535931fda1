//! `Mark`: whether a scope is cancelled, for other threads, which cannot look into its thread's
//! tree.

use crate::context;
use crate::sys::shared::AtomicBool;
use crate::table::{Trim, When};
use crate::tree::{self, NodeId};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Shared by a scope and by the futures that wait in it. It is set in the moment in which the scope
/// is cancelled, and taken back when the scope closes.
#[derive(Debug, Clone)]
pub(crate) struct Mark(Arc<AtomicBool>);

/// The marks, by scope.
pub(super) type Table = RefCell<BTreeMap<NodeId, Mark>>;

/// Works on the table of this thread.
fn with<R>(f: impl FnOnce(&Table) -> R) -> R {
    context::with(|context| f(&context.scope.marks))
}

impl Mark {
    /// Whether the scope is cancelled, and has not closed.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    fn set(&self, cancelled: bool) {
        self.0.store(cancelled, Ordering::SeqCst);
    }
}

/// The mark of the current scope, made when it is first asked for.
pub(crate) fn mark() -> Option<Mark> {
    let here = super::current()?;
    let cancelled = tree::with(|tree| {
        let node = tree.get(here)?;
        node.mark();
        Some(node.is_cancelled())
    })?;
    with(|marks| {
        let mut marks = marks.borrow_mut();
        let mark = marks.entry(here);
        Some(mark.or_insert_with(|| Mark(Arc::new(AtomicBool::new(cancelled)))).clone())
    })
}

/// A scope that has a mark was cancelled.
pub(super) fn cancelled(scope: NodeId) {
    with(|marks| marks.borrow().get(&scope).into_iter().for_each(|mark| mark.set(true)));
}

/// A scope that has a mark is not cancelled any more.
pub(super) fn revived(scope: NodeId) {
    with(|marks| marks.borrow().get(&scope).into_iter().for_each(|mark| mark.set(false)));
}

/// A scope that has a mark closes.
pub(super) fn closed(scope: NodeId) {
    let mark = with(|marks| marks.borrow_mut().remove(&scope));
    mark.into_iter().for_each(|mark| mark.set(false));
}

/// Gives back what the table does not use. Tells if there is more to come.
pub(super) fn trim(when: When) -> bool {
    with(|marks| marks.borrow_mut().trim(when))
}
