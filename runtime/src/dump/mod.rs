//! `dump_tree`: what every nursery and task of this core is doing, and what it waits for.
//!
//! ```text
//!   tree/   parents, ready, cancelled           ──┐
//!   scope/  which task joins which               ─┤
//!   task/   names, lines, ages                   ─┼─▶ snapshot ─▶ Tree ─▶ Display, a log
//!   driver/ operations and timers                ─┘
//! ```
//!
//! A snapshot only copies numbers and references that live for ever, so nothing foreign runs while
//! the tables are borrowed, and it can be taken anywhere: in a child, in a destructor.

mod display;
mod node;
mod on_signal;
mod snapshot;

use crate::driver;

pub use node::{Kind, Node, State, Tree, Wait};
pub use on_signal::dump_tree_on_signal;

/// Takes a snapshot of the nurseries and tasks of this thread's core, with what each waits for:
/// operations with descriptor and age, timers, joins, inner nurseries.
///
/// Empty outside a runtime; other cores have trees of their own. Ages are as of the turn of the
/// loop in which something was spawned or submitted, to a tick of the kernel's clock (1 to 10 ms).
///
/// Costs a walk over the tree, nothing before that.
///
/// # Examples
///
/// ```
/// use nestling_runtime::{block_on, dump_tree, time::sleep};
/// block_on(async {
///     let tree = dump_tree();
///     assert!(tree.to_string().starts_with("root of thread"));
/// });
/// assert!(dump_tree().nodes().is_empty()); // no runtime here
/// ```
pub fn dump_tree() -> Tree {
    match driver::current() {
        Some(driver) => snapshot::take(&driver.borrow()),
        None => Tree::default(),
    }
}
