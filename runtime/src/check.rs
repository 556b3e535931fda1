//! `check`: whether the tree of scopes and the table of operations are what they say, and agree.
//!
//! Nothing depends on it: tests ask, after each step of theirs, and debug builds, at the end of
//! each nursery.
//!
//! | of | what holds |
//! |---|---|
//! | links | each leads to a node that is there, and back; every node is in its parent's list |
//! | ready lists | each set's has its queued tasks, and those that were removed meanwhile |
//! | cancels | what is below a cancelled scope is cancelled, unless behind a shield |
//! | operations | each that is in flight is in the list of its scope, and no other one |
//! | reasons | a scope counts the operations that it waits for, and what counts some below it |

use crate::context;
use crate::driver::{self, Driver};
use crate::tree::{self, NONE, NodeId};

/// Checks all that this thread has.
///
/// # Panics
///
/// Something is wrong.
pub fn check() {
    tree::with(|tree| tree.check());
    if let Some(driver) = driver::current() {
        lists_and_reasons(&driver.borrow());
    }
}

/// A nursery has ended: checks what is left of it, and all the rest as well if that is little: to
/// go through a large tree at the end of each of its nurseries takes the square of its size. Always
/// `true`, to be asserted in debug builds.
///
/// # Panics
///
/// Something is wrong.
pub(crate) fn nursery(scope: NodeId) -> bool {
    // A second panic would end the process, and hide the first.
    if std::thread::panicking() {
        return true;
    }
    let is_small = tree::with(|tree| {
        let is_small = tree.is_small();
        match is_small {
            true => tree.check(),
            false => tree.check_node(scope.index()),
        }
        is_small
    });
    let Some(driver) = driver::current() else { return true };
    let driver = driver.borrow();
    match is_small && driver.is_small() {
        true => lists_and_reasons(&driver),
        false if is_of_core(scope) => {
            let held = driver.check_list(scope);
            tree::with(|tree| tree.check_holds(scope.index(), held));
        }
        false => {}
    }
    true
}

/// The table, and what the nodes of this core count. What other cores of this thread have in
/// flight, their own tables know.
fn lists_and_reasons(driver: &Driver) {
    let held = driver.check();
    let Some(root) = context::with_core(|core| core.root).flatten() else { return };
    tree::with(|tree| {
        if tree.get(root).is_none() {
            return;
        }
        for index in tree.within(root) {
            let own = tree.id(index).and_then(|id| held.get(&id));
            tree.check_holds(index, own.copied().unwrap_or(0));
        }
    });
}

/// Whether a scope is below the root of the core that this thread runs.
fn is_of_core(scope: NodeId) -> bool {
    let root = context::with_core(|core| core.root).flatten().map_or(NONE, NodeId::index);
    root != NONE && tree::with(|tree| tree.is_within(scope, root))
}
