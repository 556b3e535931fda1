//! `check`: whether the links of the tree are what they say, both ways, and cancels follow them.
//!
//! For tests, and for debug builds at the end of a nursery; see the module `check`.

use super::{NONE, Node, NodeId, Role, Tree};

impl Tree {
    /// All of the tree.
    ///
    /// # Panics
    ///
    /// Something is wrong.
    pub(crate) fn check(&self) {
        let taken = self.nodes.taken();
        let is_there = |index| taken.binary_search(&index).is_ok();
        let (mut linked, mut listed) = (0, 0);
        for &index in &taken {
            if self.nodes[index].is_dead() {
                continue;
            }
            linked += self.children(index).inspect(|child| assert!(is_there(*child))).count();
            self.check_node(index);
            self.check_cancel(index);
        }
        let below = |index: &&u32| self.is_linked(**index);
        assert_eq!(linked, taken.iter().filter(below).count(), "each is in its parent's list");
        for set in self.sets.taken() {
            listed += self.check_set(set);
        }
        let stands = |index: &&u32| self.stands_in_list(**index);
        assert_eq!(listed, taken.iter().filter(stands).count(), "each is in its set's list");
    }

    /// A node and those directly below it: their links.
    pub(crate) fn check_node(&self, index: u32) {
        let node = &self.nodes[index];
        assert!(!node.is_dead(), "{node:?} is gone");
        let mut before = NONE;
        for child in self.children(index) {
            let child_node = &self.nodes[child];
            assert!(!child_node.is_dead(), "{child_node:?} is gone, and linked");
            assert_eq!(child_node.parent, index, "the parent of {child_node:?}");
            assert_eq!(child_node.previous, before, "what is before {child_node:?}");
            before = child;
        }
        match (node.parent, node.previous) {
            (NONE, previous) => assert_eq!((previous, node.next), (NONE, NONE), "a root: {node:?}"),
            (parent, NONE) => assert_eq!(self.nodes[parent].first_child, index, "{node:?}"),
            (_, previous) => assert_eq!(self.nodes[previous].next, index, "{node:?}"),
        }
        if node.next != NONE {
            assert_eq!(self.nodes[node.next].previous, index, "what is behind {node:?}");
        }
    }

    /// A node is cancelled if the one above is, unless it is a shield; and has heard of a cancel
    /// only if it is cancelled.
    pub(crate) fn check_cancel(&self, index: u32) {
        let node = &self.nodes[index];
        let above = (node.parent != NONE).then(|| &self.nodes[node.parent]);
        let is_below = above.is_some_and(Node::is_cancelled) && node.role() != Role::Shield;
        assert!(!is_below || node.is_cancelled(), "{node:?} is below a cancelled scope");
        let knows = node.has_heard() || node.is_delivered();
        assert!(!knows || node.is_cancelled(), "{node:?} has heard of no cancel");
    }

    /// The ready list of a set has its queued tasks alone, or dead ones. Gives how many.
    pub(crate) fn check_set(&self, set: u32) -> usize {
        let (head, tail) = (self.sets[set].head, self.sets[set].tail);
        let (mut at, mut last, mut count) = (head, NONE, 0);
        while at != NONE {
            let node = &self.nodes[at];
            assert!(self.stands_in_list(at), "{node:?} stands in the list of set {set}");
            assert_eq!(node.set(), set, "the set of {node:?}");
            (last, at, count) = (at, node.next_ready, count + 1);
            assert!(count <= self.nodes.len(), "the list of set {set} is a circle");
        }
        assert!(head == NONE || last == tail, "the end of the list of set {set}");
        count
    }

    /// The reasons that a node counts: its own operations, and, if the node is cancelled, the
    /// cancelled nodes below it that count some.
    pub(crate) fn check_holds(&self, index: u32, own: usize) {
        let node = &self.nodes[index];
        let counts = |child: &u32| {
            let child = &self.nodes[*child];
            child.is_cancelled() && child.is_live() && child.role() != Role::Shield
        };
        let below =
            if node.is_cancelled() { self.children(index).filter(counts).count() } else { 0 };
        assert_eq!(node.holds() as usize, own + below, "what counts in {node:?}");
    }

    /// The places of a node and of all below it.
    pub(crate) fn within(&self, top: NodeId) -> Vec<u32> {
        let mut found = vec![top.index];
        while let Some(next) = self.after(top.index, found[found.len() - 1], false) {
            found.push(next);
        }
        found
    }

    /// Whether the tree is so small that to check all of it is nothing.
    pub(crate) fn is_small(&self) -> bool {
        self.nodes.len() <= SMALL && self.sets.len() <= SMALL
    }

    fn is_linked(&self, index: u32) -> bool {
        self.nodes[index].parent != NONE && !self.nodes[index].is_dead()
    }

    fn stands_in_list(&self, index: u32) -> bool {
        let node = &self.nodes[index];
        node.is_dead() || node.is_queued() && node.role() == Role::Task && node.set() != NONE
    }
}

/// Places of a small tree, taken or not.
const SMALL: usize = 16;
