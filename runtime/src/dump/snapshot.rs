//! Takes the snapshot: one walk over the tables of a core, without recursion.

use super::node::{Kind, Node, State, Tree, Wait};
use crate::context;
use crate::driver::{Driver, SeenOp};
use crate::scope;
use crate::stall;
use crate::task::TaskRef;
use crate::tree::{self, Cause, NONE, NodeId, Role, SetId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A snapshot in the making.
struct Walk<'a> {
    tree: &'a mut tree::Tree,
    driver: &'a Driver,
    root: Option<NodeId>,
    now: u64,
    /// The timers by the scope that waits for them.
    timers: BTreeMap<NodeId, Vec<u64>>,
    /// The places of the scope that is running and of those around it.
    running: BTreeSet<u32>,
    nodes: Vec<Node>,
}

pub(super) fn take(driver: &Driver) -> Tree {
    let mut timers: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (deadline, scope) in driver.armed() {
        timers.entry(scope).or_default().push(deadline);
    }
    let root = context::with_core(|core| core.root).flatten();
    let nodes = tree::with(|tree| {
        let running = around(tree, scope::current());
        let (now, nodes) = (driver.now(), Vec::new());
        let mut walk = Walk { tree, driver, root, now, timers, running, nodes };
        walk.all();
        walk.nodes
    });
    let thread = std::thread::current();
    let thread = thread.name().map_or_else(|| format!("{:?}", thread.id()), str::to_owned);
    Tree { thread, nodes }
}

/// The places of a scope and of those around it.
fn around(tree: &mut tree::Tree, scope: Option<NodeId>) -> BTreeSet<u32> {
    let mut places = BTreeSet::new();
    let mut at = scope.filter(|id| tree.get(*id).is_some()).map_or(NONE, NodeId::index);
    while at != NONE {
        places.insert(at);
        at = tree.at(at).parent();
    }
    places
}

impl Walk<'_> {
    fn all(&mut self) {
        for root in self.tree.roots() {
            self.below(root);
        }
        for at in (0..self.nodes.len()).rev() {
            let end = self.nodes[at].end;
            if let Some(parent) = self.nodes[at].parent {
                let parent = &mut self.nodes[parent];
                parent.end = parent.end.max(end);
            }
            let node = &mut self.nodes[at];
            if node.state == State::Waiting && node.waits.is_empty() {
                node.waits.push(Wait::Waker);
            }
        }
    }

    fn below(&mut self, root: NodeId) {
        let mut pending = vec![(root.index(), None)];
        while let Some((index, parent)) = pending.pop() {
            let at = self.visit(index, parent);
            // Newest first, so that the oldest is on top.
            pending.extend(self.tree.children(index).map(|child| (child, Some(at))));
        }
    }

    /// Adds a node, and what it waits for; a scope inside a task is not added, but counts as its
    /// task. Gives the place of the node, or of the task.
    fn visit(&mut self, index: u32, parent: Option<usize>) -> usize {
        let at = match (self.tree.at(index).role(), parent) {
            (Role::Scope | Role::Listener, Some(parent)) => parent,
            (Role::Shield, Some(parent)) => {
                self.nodes[parent].waits.push(Wait::Shield);
                parent
            }
            (Role::Scope | Role::Listener | Role::Shield, None) => {
                self.add(index, Kind::Scope, None)
            }
            (Role::Nursery, _) => self.add_nursery(index, parent),
            (Role::Task, _) => self.add_task(index, parent),
        };
        let mut waits = self.waits(index);
        self.nodes[at].waits.append(&mut waits);
        at
    }

    fn add(&mut self, index: u32, kind: Kind, parent: Option<usize>) -> usize {
        let id = self.tree.id(index).expect("it is linked");
        let at = self.nodes.len();
        let root = self.root;
        let node = self.tree.at(index);
        // The code in a nursery is that of its tasks.
        let is_in_a_task = match parent.map(|parent| self.nodes[parent].kind) {
            None => root == Some(id),
            Some(Kind::Nursery) => node.role() == Role::Task,
            Some(_) => true,
        };
        let state = match (is_in_a_task, kind) {
            (false, _) => State::Forgotten,
            (_, Kind::Nursery | Kind::Scope) => State::Open,
            _ if self.running.contains(&index) => State::Running,
            _ if node.is_queued() => State::Ready,
            _ => State::Waiting,
        };
        self.nodes.push(Node {
            id: id.outside(),
            kind,
            label: None,
            state,
            cancelled: node.cause().map(Cause::reason),
            age: None,
            waits: Vec::new(),
            held: stall::longest(id),
            parent,
            depth: parent.map_or(0, |parent| self.nodes[parent].depth + 1),
            children: 0,
            end: at + 1,
        });
        at
    }

    fn add_nursery(&mut self, index: u32, parent: Option<usize>) -> usize {
        let at = self.add(index, Kind::Nursery, parent);
        let set = SetId::new(self.tree.at(index).set());
        if let Some(set) = self.tree.get_set(set) {
            self.nodes[at].label = set.label();
            self.nodes[at].age = Some(since(self.now, set.born()));
            let poller = set.owner();
            let lives = poller.is_some_and(|task| self.tree.get(task).is_some());
            if lives && self.nodes[at].state == State::Forgotten {
                self.nodes[at].state = State::Moved;
            }
        }
        if let Some(parent) = parent {
            let id = self.nodes[at].id;
            self.nodes[parent].waits.push(Wait::Nursery(id));
        }
        at
    }

    fn add_task(&mut self, index: u32, parent: Option<usize>) -> usize {
        if self.tree.id(index) == self.root {
            return self.add(index, Kind::Root, parent);
        }
        let Some(cell) = TaskRef::from_payload(self.tree.at(index).payload()) else {
            let at = self.add(index, Kind::Body, parent);
            // A body is as old as its nursery.
            self.nodes[at].age = parent.and_then(|parent| self.nodes[parent].age);
            return at;
        };
        let at = self.add(index, Kind::Child, parent);
        self.nodes[at].label = Some(cell.label());
        self.nodes[at].age = Some(since(self.now, cell.born()));
        if let Some(parent) = parent {
            self.nodes[parent].children += 1;
        }
        at
    }

    /// What the code in one scope waits for, apart from nurseries.
    fn waits(&mut self, index: u32) -> Vec<Wait> {
        let mut waits = Vec::new();
        // Newest first.
        let flights = self.driver.flights(self.tree.at(index).ops());
        waits.extend(flights.iter().rev().map(|flight| operation(self.now, flight)));
        for child in scope::joins(self.tree, index) {
            let payload = self.tree.get(child).map(|node| node.payload());
            if let Some(cell) = payload.and_then(TaskRef::from_payload) {
                waits.push(Wait::Join { child: child.outside(), label: cell.label() });
            }
        }
        let timers = self.tree.id(index).and_then(|id| self.timers.remove(&id));
        for deadline in timers.unwrap_or_default() {
            waits.push(Wait::Timer { left: since(deadline, self.now) });
        }
        waits
    }
}

fn since(now: u64, then: u64) -> Duration {
    Duration::from_nanos(now.saturating_sub(then))
}

fn operation(now: u64, flight: &SeenOp) -> Wait {
    Wait::Operation {
        name: flight.info.name(),
        descriptor: flight.info.descriptor(),
        age: since(now, flight.info.since()),
        cancel_asked: flight.info.cancel_asked().map(|asked| since(now, asked)),
        detached: flight.detached,
    }
}
