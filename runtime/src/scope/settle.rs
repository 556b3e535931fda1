//! `settle`: which of a nursery's tasks are kept for the handles that they await.
//!
//! A task is kept for a handle as long as the child behind it is kept: by a counted reason, by a
//! shield, because it is still to be polled, or for the handle of another child that is kept. Tasks
//! that wait only for each other are not kept (a least fixpoint). A handle does not leave its
//! nursery, so one walk over the notes of the nursery's tasks decides it: the marking of a garbage
//! collector.

use super::notes::{Join, Notes, Why, with};
use crate::tree::{self, Node, NodeId, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// What the poll of a nursery has left.
#[derive(Debug)]
pub(crate) struct Settled {
    /// Why the task that polls the nursery is kept, if that task is cancelled.
    pub(crate) why: Option<Why>,
    /// Tasks that wait only for each other, or for tasks that are not kept. The nursery has to poll
    /// them once more.
    pub(crate) let_go: Vec<NodeId>,
}

/// The handles that the tasks of one nursery await.
#[derive(Default)]
struct Joins {
    /// Tasks and the handles that they, or tasks inside of them, await.
    whole: Vec<(NodeId, Join)>,
    /// Handles that are awaited in parts of tasks.
    parts: Vec<Join>,
}

impl Joins {
    fn of(tree: &mut Tree, notes: &Notes, nursery: NodeId) -> Self {
        let mut joins = Self::default();
        for (child, why, part) in notes.joins_in(tree, nursery) {
            match why {
                Why::Shield => {}
                Why::Join(target) => joins.add(child, Join { target, waiter: child, part }),
                Why::Nursery { joins: inner, .. } => {
                    inner.into_iter().for_each(|join| joins.add(child, join));
                }
            }
        }
        joins
    }

    fn add(&mut self, child: NodeId, join: Join) {
        match join.part {
            None => self.whole.push((child, join)),
            Some(_) => self.parts.push(join),
        }
    }
}

/// Every ready task of a nursery has been polled, unless the turn is over (`ready`). Finds out
/// which of the tasks that await handles are kept.
#[cold]
pub(crate) fn settle(nursery: NodeId, ready: bool) -> Settled {
    if ready {
        let why = Why::Nursery { grounded: true, joins: Vec::new() };
        return Settled { why: Some(why), let_go: Vec::new() };
    }
    tree::with(|tree| with(|notes| supported(tree, notes, nursery)))
}

/// Marks the tasks that are kept, from the tasks that are certain to be answered to the tasks that
/// wait for them; all others are let go.
fn supported(tree: &mut Tree, notes: &Notes, nursery: NodeId) -> Settled {
    let joins = Joins::of(tree, notes, nursery);
    let mut waiting: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    let (mut marked, mut outwards) = (BTreeSet::new(), Vec::new());
    let mut pending = Vec::new();
    for (child, join) in &joins.whole {
        tree.visit();
        let Some(node) = tree.get(join.target) else { continue };
        if node.parent() != nursery.index() {
            // A nursery further out decides, with the task that polls this one.
            outwards.push(*join);
            pending.push(*child);
        } else if is_sure(tree, notes, join.target) || notes.is_grounded(*child) {
            pending.push(*child);
        } else {
            waiting.entry(join.target).or_default().push(*child);
        }
    }
    while let Some(child) = pending.pop() {
        tree.visit();
        if marked.insert(child) {
            pending.extend(waiting.remove(&child).unwrap_or_default());
        }
    }
    let unmarked = joins.whole.iter().filter(|(child, _)| !marked.contains(child));
    let mut let_go: Vec<Join> = unmarked.map(|(_, join)| *join).collect();
    for join in &joins.parts {
        match tree.get(join.target).map(|node| node.parent() == nursery.index()) {
            Some(false) => outwards.push(*join),
            Some(true) if !is_part_kept(tree, notes, join, &joins) => let_go.push(*join),
            Some(true) | None => {}
        }
    }
    for join in &let_go {
        tree.get(join.target).into_iter().for_each(Node::let_go);
    }
    let grounded = !let_go.is_empty() || notes.is_any_grounded(tree, nursery);
    let stays = grounded || !marked.is_empty();
    let why = stays.then_some(Why::Nursery { grounded, joins: outwards });
    Settled { why, let_go: let_go.iter().map(|join| join.waiter).collect() }
}

/// Whether a child will answer: it has a counted reason, or a note that is a reason by itself, or
/// is to be polled.
fn is_sure(tree: &mut Tree, notes: &Notes, child: NodeId) -> bool {
    let Some(node) = tree.get(child) else { return true };
    node.is_live() || node.is_queued() || notes.is_grounded(child)
}

/// Whether the child that a part of a task waits for is kept, but by nothing around that part: the
/// shield around it ends after it.
fn is_part_kept(tree: &mut Tree, notes: &Notes, join: &Join, joins: &Joins) -> bool {
    let part = join.part.unwrap_or(join.waiter);
    let (mut pending, mut seen) = (vec![join.target], BTreeSet::new());
    while let Some(target) = pending.pop() {
        tree.visit();
        if tree.is_within(part, target.index()) || !seen.insert(target) {
            continue;
        }
        if is_sure(tree, notes, target) {
            return true;
        }
        let its = joins.whole.iter().filter(|(child, _)| *child == target);
        pending.extend(its.map(|(_, join)| join.target));
    }
    false
}
