//! A long random walk through a tree of scopes that close in any order: what is counted in it is
//! always what there is.

use crate::scope::{self, Attached, Poller, Why};
use crate::table::When;
use crate::tests::random::Random;
use crate::tree::{self, NONE, NodeId, Reason, Role};
use crate::wake;
use std::task::{Context, Waker};

/// An open scope, and its operations that were not answered.
struct Open {
    id: NodeId,
    is_shield: bool,
    operations: u32,
}

/// A scope is cancelled if the one above is, unless it is a shield. A cancelled scope counts its
/// operations and those of its children that count something; another one, its operations.
fn check(open: &[Open]) {
    let at = |id: NodeId| {
        tree::with(|tree| {
            let node = tree.get(id).expect("it is open");
            (node.parent(), node.holds(), node.is_cancelled(), node.role() == Role::Shield)
        })
    };
    for scope in open {
        let (parent, holds, cancelled, _) = at(scope.id);
        let below =
            open.iter().map(|other| at(other.id)).filter(|(above, ..)| *above == scope.id.index());
        let live =
            below.filter(|(_, holds, cancelled, shield)| *holds > 0 && *cancelled && !shield);
        let expected = scope.operations + if cancelled { live.count() as u32 } else { 0 };
        assert_eq!(holds, expected, "what {:?} counts", scope.id);
        if parent != NONE {
            let above = tree::with(|tree| tree.at(parent).is_cancelled());
            let (.., shield) = at(scope.id);
            assert!(!above || cancelled || shield, "{:?} is below a cancelled scope", scope.id);
        }
    }
}

/// Closes a scope, and cancels what stands below a cancelled one now.
fn close(id: NodeId) {
    let closed = scope::try_close(id).expect("nothing was submitted");
    for overtaken in closed.overtaken {
        _ = scope::cancel(overtaken, Reason::Ancestor);
    }
}

#[test]
fn r05_counts_hold_when_scopes_close_in_any_order() {
    for seed in 1..=64u64 {
        let mut random = Random::new(seed);
        let root = Open { id: scope::new(None), is_shield: false, operations: 0 };
        let mut open = Vec::from([root]);
        for _ in 0..600 {
            let at = random.below(open.len());
            match random.below(12) {
                0..=2 if open.len() < 40 => {
                    let id = scope::new(Some(open[at].id));
                    open.push(Open { id, is_shield: false, operations: 0 });
                }
                3 if open.len() < 40 => {
                    let id = scope::new_shield(Some(open[at].id));
                    open.push(Open { id, is_shield: true, operations: 0 });
                }
                4..=6 => {
                    let begun = scope::begin_op(open[at].id, NONE);
                    open[at].operations += u32::from(begun.is_some());
                }
                7 if open[at].operations > 0 => {
                    _ = scope::release(open[at].id);
                    open[at].operations -= 1;
                }
                8 if open[at].operations > 0 => {
                    _ = scope::end_op(open[at].id, true, Some(NONE));
                    open[at].operations -= 1;
                }
                9 if at > 0 && !open[at].is_shield => {
                    _ = scope::cancel(open[at].id, Reason::Asked);
                }
                10 | 11 if at > 0 && open[at].operations == 0 => {
                    let closed = open.swap_remove(at);
                    close(closed.id);
                }
                _ => {}
            }
            check(&open);
        }
        for scope in open.into_iter().rev() {
            (0..scope.operations).for_each(|_| _ = scope::release(scope.id));
            close(scope.id);
        }
    }
}

/// A nursery that was forgotten is never polled again: that it is spared is of no use.
#[test]
fn r05_what_is_not_to_be_polled_is_spared_no_more() {
    let forgotten = scope::new(None);
    _ = scope::cancel(forgotten, Reason::Asked);
    scope::spare(forgotten);
    assert!(scope::has_notes());
    scope::trim(When::Running);
    assert!(!scope::has_notes());

    let ready = wake::insert_root();
    _ = scope::cancel(ready, Reason::Asked);
    scope::spare(ready);
    scope::trim(When::Running);
    assert!(scope::has_notes());
    [forgotten, ready].into_iter().for_each(close);
    assert!(!scope::has_notes());
}

/// A part of one task was polled by another one, and is dropped by neither: nothing is left of it.
#[test]
fn r05_what_was_polled_elsewhere_is_forgotten_with_it() {
    let (owner, poller) = (wake::insert_root(), wake::insert_root());
    let part = scope::new(Some(owner));
    let shield = Attached::default();
    _ = scope::cancel(part, Reason::Asked);
    for _ in 0..3 {
        scope::begin(poller, Poller::TASK);
        let _poller = scope::enter(poller);
        scope::begin(part, Poller::TASK);
        let inside = scope::enter(part);
        shield.note(|| Why::Shield, Poller::TASK);
        drop(inside);
        assert!(scope::is_part_kept(part, &Context::from_waker(Waker::noop())));
        scope::end(poller);
    }
    drop(shield);
    [part, poller].into_iter().for_each(|scope| {
        if !scope::close_simply(scope) {
            close(scope);
        }
    });
    assert!(!scope::has_notes());
    close(owner);
}

/// A part of a task was cancelled when its poll began, and is not any more when that ends.
#[test]
fn r05_a_part_that_is_revived_in_its_own_poll_is_not_cut() {
    let (task, cancelled) = (wake::insert_root(), scope::new(None));
    let part = scope::new(Some(task));
    _ = scope::cancel(cancelled, Reason::Asked);
    scope::spare(cancelled);
    assert!(scope::has_notes());
    assert!(scope::is_part_kept(part, &Context::from_waker(Waker::noop())));
    [cancelled, part, task].into_iter().for_each(close);
    assert!(!scope::has_notes());
}
