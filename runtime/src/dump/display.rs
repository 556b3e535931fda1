//! How a `Tree` is printed: one line a node, so that it can be read in a log.

use super::node::{Kind, Node, State, Tree, Wait};
use crate::tree::Reason;
use std::collections::BTreeMap;
use std::fmt::{self, Formatter};
use std::time::Duration;

/// Children of one nursery that are printed, the oldest ones; the others are summed up. Enough to
/// see a pattern, and few enough that ten thousand connections do not drown a log.
const CHILDREN_SHOWN: usize = 16;

/// Lines that are printed at all: wide nurseries may be nested.
const LINES_SHOWN: usize = 400;

/// Levels that are set in. What is deeper says how deep it is.
const LEVELS_SHOWN: usize = 24;

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.nodes.is_empty() {
            return f.write_str("no nestling runtime runs on this thread");
        }
        let (children, lines) = match f.alternate() {
            true => (usize::MAX, usize::MAX),
            false => (CHILDREN_SHOWN, LINES_SHOWN),
        };
        Printer { tree: self, children, shown: Vec::new(), last: Vec::new() }.print(f, lines)
    }
}

struct Printer<'a> {
    tree: &'a Tree,
    /// How many children of one nursery to print.
    children: usize,
    /// On each level: children of the nursery there that were printed.
    shown: Vec<usize>,
    /// On each level: whether nothing comes after what is printed there.
    last: Vec<bool>,
}

impl Printer<'_> {
    fn print(&mut self, f: &mut Formatter<'_>, lines: usize) -> fmt::Result {
        let nodes = &self.tree.nodes;
        let mut at = 0;
        for line in 0.. {
            let Some(node) = nodes.get(at) else { return Ok(()) };
            if line > 0 {
                f.write_str("\n")?;
            }
            if line == lines {
                return write!(f, "… and {} more nodes; `{{:#}}` prints all", nodes.len() - at);
            }
            self.shown.resize(node.depth + 1, 0);
            self.last.resize(node.depth + 1, false);
            let end = node.parent.map_or(nodes.len(), |parent| nodes[parent].end);
            if node.kind == Kind::Child && node.depth > 0 {
                let above = &mut self.shown[node.depth - 1];
                // A single one that is left out would not save a line.
                if *above >= self.children && node.end < end {
                    self.last[node.depth] = true;
                    self.indent(f, node.depth)?;
                    summary(f, &rest(nodes, at, end))?;
                    at = end;
                    continue;
                }
                *above += 1;
            }
            self.last[node.depth] = node.end == end;
            self.shown[node.depth] = 0;
            self.indent(f, node.depth)?;
            self.node(f, node)?;
            at += 1;
        }
        Ok(())
    }

    fn indent(&self, f: &mut Formatter<'_>, depth: usize) -> fmt::Result {
        if depth > LEVELS_SHOWN {
            return write!(f, "[level {depth}] ");
        }
        for level in 1..=depth {
            f.write_str(match (level == depth, self.last[level]) {
                (true, false) => "├─ ",
                (true, true) => "└─ ",
                (false, false) => "│  ",
                (false, true) => "   ",
            })?;
        }
        Ok(())
    }

    fn node(&self, f: &mut Formatter<'_>, node: &Node) -> fmt::Result {
        match node.kind {
            Kind::Root => write!(f, "root of thread {:?}", self.tree.thread)?,
            Kind::Nursery => f.write_str("nursery")?,
            Kind::Body => f.write_str("body")?,
            Kind::Child => f.write_str("child")?,
            Kind::Scope => f.write_str("scope")?,
        }
        if let Some(label) = node.label {
            write!(f, " {label}")?;
        }
        if node.kind == Kind::Nursery {
            let plural = if node.children == 1 { "child" } else { "children" };
            write!(f, "  {} {plural}", node.children)?;
        }
        if let Some(age) = node.age {
            write!(f, "  {}", Short(age))?;
        }
        f.write_str("  ")?;
        doing(f, node)?;
        for (at, wait) in node.waits.iter().enumerate() {
            f.write_str(if at == 0 { ": " } else { ", " })?;
            waiting(f, wait)?;
        }
        match node.held {
            Some(held) => write!(f, "; held the core for {}", Short(held)),
            None => Ok(()),
        }
    }
}

/// What a node is doing, in words.
fn doing(f: &mut Formatter<'_>, node: &Node) -> fmt::Result {
    if let Some(reason) = node.cancelled {
        f.write_str(match reason {
            Reason::Asked => "cancelled (asked), ",
            Reason::Failure => "cancelled (failure), ",
            Reason::Deadline => "cancelled (deadline), ",
            Reason::Ancestor => "cancelled (from above), ",
        })?;
    }
    f.write_str(match node.state {
        State::Running => "running",
        State::Ready if node.cancelled.is_some() => "ready for its last poll",
        State::Ready => "ready",
        State::Waiting if node.cancelled.is_some() => "kept",
        State::Waiting => "waiting",
        State::Open if node.waits.is_empty() => "open",
        State::Open => "waiting for the kernel",
        State::Moved => "moved to another task",
        State::Forgotten => "forgotten or set aside",
    })
}

fn waiting(f: &mut Formatter<'_>, wait: &Wait) -> fmt::Result {
    match wait {
        Wait::Operation { name, descriptor, age, cancel_asked, detached } => {
            f.write_str(name)?;
            if let Some(descriptor) = descriptor {
                write!(f, " on fd {descriptor}")?;
            }
            write!(f, " ({}", Short(*age))?;
            if *detached {
                f.write_str(", detached")?;
            }
            if let Some(asked) = cancel_asked {
                write!(f, ", cancel asked {} ago", Short(*asked))?;
            }
            f.write_str(")")
        }
        Wait::Timer { left } if *left >= Duration::from_secs(100 * 365 * 86_400) => {
            f.write_str("a timer that is never due")
        }
        Wait::Timer { left } => write!(f, "a timer due in {}", Short(*left)),
        Wait::Join { label, .. } => write!(f, "the join of child {label}"),
        Wait::Nursery(_) => f.write_str("its nursery"),
        Wait::Shield => f.write_str("its shield"),
        Wait::Waker => f.write_str("a waker"),
    }
}

/// What the children from `at` to `end` are doing: so many of each kind.
fn rest(nodes: &[Node], mut at: usize, end: usize) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    while at < end {
        let node = &nodes[at];
        let first = node.waits.first();
        let kind = match (node.state, first) {
            (State::Waiting, Some(Wait::Operation { name, .. })) => (*name).to_owned(),
            (State::Waiting, Some(Wait::Timer { .. })) => "timer".to_owned(),
            (State::Waiting, Some(Wait::Join { .. })) => "join".to_owned(),
            (State::Waiting, Some(Wait::Nursery(_))) => "nursery".to_owned(),
            (State::Waiting, Some(Wait::Shield)) => "shield".to_owned(),
            (State::Waiting, Some(Wait::Waker) | None) => "waker".to_owned(),
            (State::Ready, _) => "ready".to_owned(),
            (State::Running, _) => "running".to_owned(),
            (State::Open | State::Moved | State::Forgotten, _) => "other".to_owned(),
        };
        let cancelled = if node.cancelled.is_some() { "cancelled, " } else { "" };
        *kinds.entry(format!("{cancelled}{kind}")).or_default() += 1;
        at = node.end;
    }
    kinds
}

fn summary(f: &mut Formatter<'_>, kinds: &BTreeMap<String, usize>) -> fmt::Result {
    write!(f, "… and {} more", kinds.values().sum::<usize>())?;
    for (at, (kind, count)) in kinds.iter().enumerate() {
        write!(f, "{} {count} {kind}", if at == 0 { ":" } else { ";" })?;
    }
    Ok(())
}

/// A duration in one unit, with a digit after the point.
struct Short(Duration);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            0 => write!(f, "{} ms", self.0.as_millis()),
            1..600 => write!(f, "{:.1} s", self.0.as_secs_f64()),
            600..36_000 => write!(f, "{} min", self.0.as_secs() / 60),
            36_000.. => write!(f, "{} h", self.0.as_secs() / 3600),
        }
    }
}
