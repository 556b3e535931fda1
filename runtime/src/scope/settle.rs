//! `settle`: which of a nursery's tasks are kept for the handles that they await.
//!
//! A task is kept for a handle as long as the child behind it is kept: by a counted reason, by a
//! shield, because it is still to be polled, or for the handle of another child that is. Tasks that
//! wait only for each other are not (a least fixpoint). A handle does not leave its nursery, so one
//! walk over the notes of the nursery's tasks decides it: the marking of a garbage collector.

use super::notes::{Join, Why, noted_in};
use crate::tree::{self, NodeId, State, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// What the poll of a nursery has left.
#[derive(Debug)]
pub(crate) struct Settled {
    /// Why the task is kept that polls the nursery, if it is cancelled.
    pub(crate) why: Option<Why>,
    /// Tasks that wait only for each other, or for what is not kept: to be polled once more.
    pub(crate) let_go: Vec<NodeId>,
}

/// What the tasks of one nursery are kept by.
#[derive(Default)]
struct Reasons {
    /// Tasks that are kept by a shield, or by a nursery with such tasks.
    grounded: BTreeSet<NodeId>,
    /// Tasks and the handles that they, or tasks inside of them, await.
    joins: Vec<(NodeId, Join)>,
    /// Handles that are awaited in parts of tasks.
    parts: Vec<Join>,
}

impl Reasons {
    fn of(tree: &mut Tree, nursery: NodeId) -> Self {
        let mut reasons = Self::default();
        for (child, why, part) in noted_in(tree, nursery) {
            match why {
                Why::Shield => _ = reasons.grounded.insert(child),
                Why::Join(target) => reasons.add(child, Join { target, waiter: child, part }),
                Why::Nursery { grounded, joins } => {
                    if grounded {
                        reasons.grounded.insert(child);
                    }
                    joins.into_iter().for_each(|join| reasons.add(child, join));
                }
            }
        }
        reasons
    }

    fn add(&mut self, child: NodeId, join: Join) {
        match join.part {
            None => self.joins.push((child, join)),
            Some(_) => self.parts.push(join),
        }
    }
}

/// Every task of a nursery that was ready has been polled, unless the turn is over (`ready`). Finds
/// out which of those that await handles are kept.
#[cold]
pub(crate) fn settle(nursery: NodeId, ready: bool) -> Settled {
    if ready {
        let why = Why::Nursery { grounded: true, joins: Vec::new() };
        return Settled { why: Some(why), let_go: Vec::new() };
    }
    tree::with(|tree| {
        let reasons = Reasons::of(tree, nursery);
        supported(tree, nursery, &reasons)
    })
}

/// Marks the tasks that are kept, from those that are certain to be answered to those that wait for
/// them; all others are let go.
fn supported(tree: &mut Tree, nursery: NodeId, reasons: &Reasons) -> Settled {
    let mut waiting: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    let (mut marked, mut outwards) = (BTreeSet::new(), Vec::new());
    let mut pending: Vec<NodeId> = reasons.grounded.iter().copied().collect();
    for (child, join) in &reasons.joins {
        tree.visits += 1;
        let Some(node) = tree.get(join.target) else { continue };
        if node.parent != nursery.index() {
            // A nursery further out decides, with the task that polls this one.
            outwards.push(*join);
            pending.push(*child);
        } else if is_sure(tree, join.target) {
            pending.push(*child);
        } else {
            waiting.entry(join.target).or_default().push(*child);
        }
    }
    while let Some(child) = pending.pop() {
        tree.visits += 1;
        if marked.insert(child) {
            pending.extend(waiting.remove(&child).unwrap_or_default());
        }
    }
    let unmarked = reasons.joins.iter().filter(|(child, _)| !marked.contains(child));
    let mut let_go: Vec<Join> = unmarked.map(|(_, join)| *join).collect();
    for join in &reasons.parts {
        match tree.get(join.target).map(|node| node.parent == nursery.index()) {
            Some(false) => outwards.push(*join),
            Some(true) if !is_part_kept(tree, join, reasons) => let_go.push(*join),
            Some(true) | None => {}
        }
    }
    for join in &let_go {
        tree.get(join.target).into_iter().for_each(|node| node.unkept = true);
    }
    let grounded = !reasons.grounded.is_empty() || !let_go.is_empty();
    let stays = grounded || !marked.is_empty();
    let why = stays.then_some(Why::Nursery { grounded, joins: outwards });
    Settled { why, let_go: let_go.iter().map(|join| join.waiter).collect() }
}

/// Whether a child will answer: it has a counted reason, or is to be polled.
fn is_sure(tree: &mut Tree, child: NodeId) -> bool {
    tree.get(child).is_none_or(|node| node.is_live() || node.state == State::Queued)
}

/// Whether the child that a part of a task waits for is kept, but by nothing around that part: the
/// shield around it ends after it.
fn is_part_kept(tree: &mut Tree, join: &Join, reasons: &Reasons) -> bool {
    let part = join.part.unwrap_or(join.waiter);
    let (mut pending, mut seen) = (vec![join.target], BTreeSet::new());
    while let Some(target) = pending.pop() {
        tree.visits += 1;
        if tree.is_within(part, target.index()) || !seen.insert(target) {
            continue;
        }
        if is_sure(tree, target) || reasons.grounded.contains(&target) {
            return true;
        }
        let its = reasons.joins.iter().filter(|(child, _)| *child == target);
        pending.extend(its.map(|(_, join)| join.target));
    }
    false
}
