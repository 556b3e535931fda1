//! `renumbered`: a copy of a part of a plan under other names, for a task that tries it again: what
//! the first try has spawned further out may still be there.

use crate::plan::{Act, End, Id, Nest, OnError, Step, Task, Until};
use std::rc::Rc;

/// Something with names in it.
pub(crate) trait Renumbered {
    /// The same, each name `by` so much larger.
    fn renumbered(&self, by: Id) -> Self;
}

impl<T: Renumbered> Renumbered for Vec<T> {
    fn renumbered(&self, by: Id) -> Self {
        self.iter().map(|part| part.renumbered(by)).collect()
    }
}

impl<T: Renumbered> Renumbered for Rc<T> {
    fn renumbered(&self, by: Id) -> Self {
        Rc::new((**self).renumbered(by))
    }
}

impl Renumbered for Nest {
    fn renumbered(&self, by: Id) -> Self {
        let Self { id, deadline, body } = self;
        Self { id: id + by, deadline: *deadline, body: body.renumbered(by) }
    }
}

impl Renumbered for Task {
    fn renumbered(&self, by: Id) -> Self {
        let end = match self.end {
            End::Value => End::Value,
            End::Fail(number) => End::Fail(number + by),
            End::Panic(number) => End::Panic(number + by),
        };
        Self { id: self.id + by, steps: self.steps.renumbered(by), end }
    }
}

impl Renumbered for OnError {
    fn renumbered(&self, by: Id) -> Self {
        match self {
            Self::Replace(number) => Self::Replace(number + by),
            other => *other,
        }
    }
}

impl Renumbered for Act {
    fn renumbered(&self, by: Id) -> Self {
        match self {
            Self::Spawn { up, task } => Self::Spawn { up: *up, task: task.renumbered(by) },
            Self::Cancel { up } => Self::Cancel { up: *up },
            Self::Panic(number) => Self::Panic(number + by),
        }
    }
}

impl Renumbered for Until {
    fn renumbered(&self, by: Id) -> Self {
        match self {
            Self::Polls(polls) => Self::Polls(*polls),
            Self::After(time) => Self::After(*time),
            Self::Steps { id, steps, first } => {
                Self::Steps { id: id + by, steps: steps.renumbered(by), first: *first }
            }
        }
    }
}

impl Renumbered for Step {
    fn renumbered(&self, by: Id) -> Self {
        match self {
            Self::Wait { id, wait, on_error } => {
                Self::Wait { id: id + by, wait: *wait, on_error: on_error.renumbered(by) }
            }
            Self::Poke(pair) => Self::Poke(*pair),
            Self::Dial(listener) => Self::Dial(*listener),
            Self::Post(channel) => Self::Post(*channel),
            Self::Spawn { up, kind, task } => {
                Self::Spawn { up: *up, kind: *kind, task: task.renumbered(by) }
            }
            Self::Cancel(whom) => Self::Cancel(*whom),
            Self::Destructor(acts) => Self::Destructor(acts.renumbered(by)),
            Self::Nest { nest, on_error } => {
                Self::Nest { nest: nest.renumbered(by), on_error: on_error.renumbered(by) }
            }
            Self::Timeout { id, limit, steps, on_error } => Self::Timeout {
                id: id + by,
                limit: *limit,
                steps: steps.renumbered(by),
                on_error: on_error.renumbered(by),
            },
            Self::Shield { id, bound, steps } => Self::Shield {
                id: id + by,
                bound: bound.map(|(id, limit)| (id + by, limit)),
                steps: steps.renumbered(by),
            },
            Self::Part { id, steps, until, forget } => Self::Part {
                id: id + by,
                steps: steps.renumbered(by),
                until: until.renumbered(by),
                forget: *forget,
            },
            Self::Aside { id, polls, steps, meanwhile } => Self::Aside {
                id: id + by,
                polls: *polls,
                steps: steps.renumbered(by),
                meanwhile: meanwhile.renumbered(by),
            },
            Self::Both { foreign, lists: [one, two] } => {
                Self::Both { foreign: *foreign, lists: [one.renumbered(by), two.renumbered(by)] }
            }
        }
    }
}
