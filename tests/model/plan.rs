//! `Plan`: a tree of nurseries as plain data, so that a seed that failed can show what it did.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// Names a task, a nursery, a timeout, a part or an await; unique within a plan.
pub(crate) type Id = u32;

/// One run: a nursery, the things that its tasks share, and what ends it if nothing else does.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// Socket pairs that all tasks may use.
    pub(crate) pairs: usize,
    /// Listeners that all tasks may use.
    pub(crate) listeners: usize,
    pub(crate) tasks: usize,
    pub(crate) root: Vec<Step>,
}

/// A nursery. Its body is a task like its children.
#[derive(Debug)]
pub(crate) struct Nest {
    pub(crate) id: Id,
    pub(crate) deadline: Option<Duration>,
    pub(crate) body: Rc<Task>,
}

impl Nest {
    /// Puts a step before those of the body.
    pub(crate) fn begin(&mut self, step: Step) {
        let body = Rc::get_mut(&mut self.body).expect("nobody runs it yet");
        body.steps.insert(0, step);
    }
}

/// What a child is to its nursery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    /// As that, but its handle is dropped: no task joins it or cancels it by itself.
    Unheld,
    Supervised,
    Daemon,
}

#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) id: Id,
    pub(crate) steps: Vec<Step>,
    pub(crate) end: End,
}

/// How a task ends whose steps have all gone well.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    Value,
    /// With an error or a panic of this number.
    Fail(Id),
    Panic(Id),
}

/// What a task does about an error that it is handed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OnError {
    Propagate,
    Swallow,
    /// Tries again, as a loop would that only wants the answer.
    Retry,
    /// Makes an error of its own of it.
    Replace(Id),
}

/// What is always there.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ready {
    Sleep,
    /// An interval that is late.
    Tick,
    Permit,
    Notified,
    Message,
    Answer,
}

/// What is awaited by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wait {
    Yield,
    /// So many yields, to use a turn's budget up.
    Yields(usize),
    Sleep(Duration),
    /// So many awaits that are ready each.
    Ready(Ready, usize),
    /// A message of a channel that all tasks may use.
    Receive(usize),
    /// A round trip through the kernel.
    Turn,
    /// A socket of the task's own, with or without data that are there already.
    Read {
        ready: bool,
    },
    /// A socket of the task's own, with or without room.
    Write {
        ready: bool,
    },
    /// A pair that all tasks share: somebody may poke it.
    ReadShared(usize),
    Accept(usize),
    Connect(usize),
    /// One of the handles of a nursery so many levels up.
    Join {
        up: usize,
        pick: usize,
    },
}

/// What ends a part before it is done.
#[derive(Debug)]
pub(crate) enum Until {
    Polls(u32),
    After(Duration),
    /// Other steps that are done first, as in a `select`: these are dropped if they are not.
    Steps {
        id: Id,
        steps: Vec<Step>,
        /// They are polled before those of the part.
        first: bool,
    },
}

/// What a destructor does.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Spawn { up: usize, task: Rc<Task> },
    Cancel { up: usize },
    Panic(Id),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Whom {
    /// The nursery so many levels up.
    Up(usize),
    /// Any that was ever opened, also one that has closed.
    Any(usize),
    /// As that, from another thread.
    Remotely(usize),
    /// One child of the nursery so many levels up.
    Child { up: usize, pick: usize },
}

#[derive(Debug)]
pub(crate) enum Step {
    Wait {
        id: Id,
        wait: Wait,
        on_error: OnError,
    },
    /// Sends a byte to a shared pair, on the spot.
    Poke(usize),
    /// Connects to a listener, on the spot.
    Dial(usize),
    /// Sends a message to a channel that all tasks may use, on the spot.
    Post(usize),
    Spawn {
        up: usize,
        kind: Kind,
        task: Rc<Task>,
    },
    Cancel(Whom),
    /// Lives until the list of steps that it is in is left.
    Destructor(Vec<Act>),
    Nest {
        nest: Nest,
        on_error: OnError,
    },
    Timeout {
        id: Id,
        limit: Duration,
        steps: Vec<Step>,
        on_error: OnError,
    },
    /// Steps that no cancel from outside reaches; with a bound that has a name of its own.
    Shield {
        id: Id,
        bound: Option<(Id, Duration)>,
        steps: Vec<Step>,
    },
    /// Steps whose future is dropped, or forgotten, half-way.
    Part {
        id: Id,
        steps: Vec<Step>,
        until: Until,
        forget: bool,
    },
    /// Steps whose future is polled so often and is then set aside, until others are done.
    Aside {
        id: Id,
        polls: u32,
        steps: Vec<Step>,
        meanwhile: Vec<Step>,
    },
    /// Two lists of steps at a time, with the task's waker or with foreign ones.
    Both {
        foreign: bool,
        lists: [Vec<Step>; 2],
    },
}

impl Step {
    /// Whether there is a shield in it, but for those in nurseries, of which a cancelled task opens
    /// only so many.
    pub(crate) fn is_shielded(&self) -> bool {
        let any = |steps: &[Self]| steps.iter().any(Self::is_shielded);
        match self {
            Self::Shield { .. } => true,
            Self::Timeout { steps, .. } => any(steps),
            Self::Part { steps, until: Until::Steps { steps: others, .. }, .. } => {
                any(steps) || any(others)
            }
            Self::Part { steps, .. } => any(steps),
            Self::Aside { steps, meanwhile, .. } => any(steps) || any(meanwhile),
            Self::Both { lists: [one, two], .. } => any(one) || any(two),
            Self::Wait { .. }
            | Self::Poke(_)
            | Self::Dial(_)
            | Self::Post(_)
            | Self::Spawn { .. }
            | Self::Cancel(_)
            | Self::Destructor(_)
            | Self::Nest { .. } => false,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, pairs, listeners, tasks, root } = self;
        writeln!(f, "seed {seed}: {tasks} tasks, {pairs} pairs, {listeners} listeners")?;
        list(f, root, 1)
    }
}

fn list(f: &mut fmt::Formatter<'_>, steps: &[Step], depth: usize) -> fmt::Result {
    steps.iter().try_for_each(|step| print(f, step, depth))
}

fn task(f: &mut fmt::Formatter<'_>, task: &Task, depth: usize) -> fmt::Result {
    list(f, &task.steps, depth)?;
    writeln!(f, "{:1$}end {2:?}", "", depth * 2, task.end)
}

fn print(f: &mut fmt::Formatter<'_>, step: &Step, depth: usize) -> fmt::Result {
    write!(f, "{:1$}", "", depth * 2)?;
    match step {
        Step::Wait { id, wait, on_error } => writeln!(f, "#{id} {wait:?}, {on_error:?}"),
        Step::Poke(pair) => writeln!(f, "poke {pair}"),
        Step::Dial(listener) => writeln!(f, "dial {listener}"),
        Step::Post(channel) => writeln!(f, "post {channel}"),
        Step::Spawn { up, kind, task: child } => {
            writeln!(f, "spawn {kind:?} task {} {up} up", child.id)?;
            task(f, child, depth + 1)
        }
        Step::Cancel(whom) => writeln!(f, "cancel {whom:?}"),
        Step::Destructor(acts) => {
            writeln!(f, "destructor")?;
            acts.iter().try_for_each(|act| match act {
                Act::Spawn { up, task: child } => {
                    writeln!(f, "{:2$}spawn task {} {up} up", "", child.id, depth * 2 + 2)?;
                    task(f, child, depth + 2)
                }
                other => writeln!(f, "{:1$}{other:?}", "", depth * 2 + 2),
            })
        }
        Step::Nest { nest, on_error } => {
            let Nest { id, deadline, body } = nest;
            writeln!(f, "nursery {id} with body {}, {deadline:?}, {on_error:?}", body.id)?;
            task(f, body, depth + 1)
        }
        Step::Shield { id, bound, steps } => {
            writeln!(f, "shield {id}, {bound:?}")?;
            list(f, steps, depth + 1)
        }
        Step::Timeout { id, limit, steps, on_error } => {
            writeln!(f, "timeout {id} of {limit:?}, {on_error:?}")?;
            list(f, steps, depth + 1)
        }
        Step::Part { id, steps, until, forget } => {
            let end = if *forget { "forgotten" } else { "dropped" };
            let Until::Steps { id: other, steps: others, first } = until else {
                writeln!(f, "part {id} {end} at {until:?}")?;
                return list(f, steps, depth + 1);
            };
            writeln!(f, "part {id} {end}")?;
            list(f, steps, depth + 1)?;
            writeln!(f, "{:1$}or part {other}, first {first}", "", depth * 2)?;
            list(f, others, depth + 1)
        }
        Step::Aside { id, polls, steps, meanwhile } => {
            writeln!(f, "part {id} set aside after {polls} polls")?;
            list(f, steps, depth + 1)?;
            writeln!(f, "{:1$}meanwhile", "", depth * 2)?;
            list(f, meanwhile, depth + 1)
        }
        Step::Both { foreign, lists: [one, two] } => {
            writeln!(f, "both, foreign {foreign}")?;
            list(f, one, depth + 1)?;
            writeln!(f, "{:1$}and", "", depth * 2)?;
            list(f, two, depth + 1)
        }
    }
}
