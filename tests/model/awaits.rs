//! `Awaits`: what is awaited at one moment of a log.

use crate::log::What;
use crate::plan::Id;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    What(What),
    /// An operation that is not submitted yet.
    Held,
    /// The await has the nursery's own name.
    Nursery,
    /// And this the shield's.
    Shield,
}

/// A scope, what is awaited in it, and whether it was not cancelled when that began.
pub(crate) type Await = (Id, For, bool);

#[derive(Debug, Default)]
pub(crate) struct Awaits(BTreeMap<Id, Await>);

impl Awaits {
    pub(crate) fn begin(&mut self, id: Id, scope: Id, what: For, admitted: bool) {
        self.0.insert(id, (scope, what, admitted));
    }

    pub(crate) fn turn_into(&mut self, id: Id, what: For) {
        self.0.get_mut(&id).expect("the log begins an await before it turns").1 = what;
    }

    pub(crate) fn end(&mut self, id: Id) -> Await {
        self.0.remove(&id).expect("the log begins an await before it ends it")
    }

    pub(crate) fn get(&self, id: Id) -> Await {
        self.0[&id]
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = Await> + '_ {
        self.0.values().copied()
    }

    /// The first in whose scope this holds.
    pub(crate) fn find(&self, holds: impl Fn(Id) -> bool) -> Option<(Id, Await)> {
        let mut found = self.0.iter().filter(|(_, (scope, ..))| holds(*scope));
        found.next().map(|(id, waits)| (*id, *waits))
    }
}
