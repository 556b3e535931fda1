//! `stay`: how an await stays pending in a cancelled scope, where it does not return any more.
//!
//! Most futures are dropped with that scope. But a future in a foreign combinator may only have
//! been lent to the scope, as by `timeout(d, set.next())`, and live on: then it is polled again
//! when the scope has closed, in the code around. Its combinator polls it only if the future's
//! waker is woken.

use super::Waiter;
use crate::context;
use crate::table::{Trim, When};
use crate::tree::{self, NodeId};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ptr;
use std::task::{Context, Poll, Waker};

/// The wakers of one scope's futures, by what tells one waker from another.
pub(super) type Wakers = BTreeMap<(*const (), *const ()), Waker>;

/// The wakers by scope.
pub(super) type Staying = RefCell<BTreeMap<NodeId, Wakers>>;

/// Works on the wakers of this thread.
fn with<R>(f: impl FnOnce(&mut BTreeMap<NodeId, Wakers>) -> R) -> R {
    context::with(|context| f(&mut context.wake.staying.borrow_mut()))
}

/// A drop point: the await that is polled with `cx` does not return while the scope of its code,
/// which is cancelled, is open.
#[cold]
pub fn stay<T>(cx: &Context<'_>) -> Poll<T> {
    // A task polls its own futures in any case.
    let here = tree::current()
        .filter(|here| tree::with(|tree| tree.get(*here).is_some_and(|node| node.is_cancelled())));
    if let (Waiter::Foreign(waker), Some(here)) = (Waiter::of(cx), here) {
        let key = (waker.data(), ptr::from_ref(waker.vtable()).cast());
        let before = with(|staying| staying.entry(here).or_default().insert(key, waker));
        // Foreign code, outside the borrow.
        drop(before);
    }
    Poll::Pending
}

/// A cancelled scope closes: the caller has to wake the wakers that come back, once nothing is
/// borrowed.
pub(crate) fn left_in(scope: NodeId) -> Vec<Waiter> {
    let left = with(|staying| staying.remove(&scope));
    left.unwrap_or_default().into_values().map(Waiter::Foreign).collect()
}

/// Gives back what the table does not use. Tells if there is more to come.
pub(crate) fn trim(when: When) -> bool {
    with(|staying| staying.trim(when))
}
