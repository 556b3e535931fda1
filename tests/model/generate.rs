//! `plan`: makes a plan of a seed. Most are small; some have 200 tasks, six nurseries deep.

use crate::plan::{Act, End, Id, Kind, Nest, OnError, Plan, Ready, Step, Task, Until, Wait, Whom};
use crate::support::random::{Random, may_forget};
use crate::world::CHANNELS;
use std::rc::Rc;
use std::time::Duration;

const DEPTH: usize = 6;

/// What is forgotten in flight keeps its ring until the process ends: only seeds below this forget.
const FORGETFUL: u64 = 4000;

/// What a plan is like; so that trouble does not end each one early.
struct Mood {
    /// How many of a hundred tasks fail, and how many panic.
    failures: usize,
    panics: usize,
    /// How many of a hundred parts are forgotten.
    forgotten: usize,
    /// Another thread cancels. What it cancels when is less certain, so the rest is simpler then.
    remote: bool,
}

struct Generator {
    random: Random,
    mood: Mood,
    ids: Id,
    tasks: usize,
    most: usize,
    pairs: usize,
    listeners: usize,
}

/// Where steps are to be carried out.
#[derive(Clone, Copy)]
struct Spot {
    /// Nurseries around it: those of its own task.
    levels: usize,
    /// How deep steps may still nest.
    room: usize,
    /// Nothing may wait for ever there.
    sure: bool,
    /// Inside a shield: how many nurseries were opened in it. No task there waits for a child from
    /// outside, which may be waiting for the shield.
    shield: Option<usize>,
    /// It may be forgotten. No shields there: one that is never left holds for ever what is around.
    forgettable: bool,
}

impl Spot {
    /// In a nursery that is opened here.
    fn opened(self) -> Self {
        let shield = self.shield.map(|inside| inside + 1);
        Self { levels: self.levels + 1, shield, ..self }
    }
}

pub(crate) fn plan(seed: u64) -> Plan {
    let mut random = Random::new(seed);
    let most = match random.below(100) {
        0..75 => 2 + random.below(10),
        75..96 => 10 + random.below(40),
        _ => 50 + random.below(146),
    };
    let forgetful = seed < FORGETFUL && may_forget();
    let mood = Mood {
        failures: [0, 3, 10, 25][random.below(4)],
        panics: [0, 0, 3, 15][random.below(4)],
        forgotten: if random.percent(6) && forgetful { 60 } else { 0 },
        remote: random.percent(15),
    };
    let (pairs, listeners) = (1 + random.below(3), 1 + random.below(2));
    let mut generator = Generator { random, mood, ids: 0, tasks: 0, most, pairs, listeners };
    let root = generator.root();
    let tasks = generator.tasks;
    Plan { seed, pairs, listeners, tasks, root }
}

impl Generator {
    fn id(&mut self) -> Id {
        self.ids += 1;
        self.ids
    }

    /// The outermost nursery, and what ends it although somebody may wait for ever.
    fn root(&mut self) -> Vec<Step> {
        let sure = self.random.percent(10);
        let (shield, forgettable) = (None, false);
        let spot = Spot { levels: 1, room: 8, sure, shield, forgettable };
        let mut nest = self.nest(spot, true);
        let limit = Duration::from_micros(200 + self.random.below(1500) as u64);
        let on_error = OnError::Propagate;
        match self.random.below(10) {
            _ if sure => {}
            0..2 => {
                let (id, steps) = (self.id(), vec![Step::Nest { nest, on_error }]);
                return vec![Step::Timeout { id, limit, steps, on_error }];
            }
            2..6 if self.mood.remote => nest.begin(Step::Cancel(Whom::Remotely(0))),
            2..4 => nest.deadline = Some(limit),
            _ => {
                let task = self.finisher(limit);
                nest.begin(Step::Spawn { up: 0, kind: Kind::Unheld, task });
            }
        }
        vec![Step::Nest { nest, on_error }]
    }

    /// A child that ends its nursery, one way or the other.
    fn finisher(&mut self, limit: Duration) -> Rc<Task> {
        let (wait, on_error) = (Wait::Sleep(limit), OnError::Propagate);
        let mut steps = vec![Step::Wait { id: self.id(), wait, on_error }];
        let mut end = End::Value;
        match self.random.below(6) {
            0 => end = End::Fail(self.id()),
            1 => end = End::Panic(self.id()),
            _ => steps.push(Step::Cancel(Whom::Up(0))),
        }
        Rc::new(Task { id: self.id(), steps, end })
    }

    /// A nursery with some children to begin with.
    fn nest(&mut self, spot: Spot, wide: bool) -> Nest {
        let id = self.id();
        let children = match wide {
            true => 1 + self.random.below(self.most.div_ceil(2)),
            false => 1 + self.random.below(3),
        };
        let mut steps = Vec::new();
        for _ in 0..children {
            steps.extend(self.spawn(spot));
        }
        steps.extend(self.steps(spot));
        let body = self.task_of(steps);
        let timed = !self.mood.remote && self.random.percent(8);
        let deadline = timed.then(|| self.random.micros(600));
        Nest { id, deadline, body }
    }

    fn task_of(&mut self, steps: Vec<Step>) -> Rc<Task> {
        let end = match self.random.below(100) {
            dice if dice < self.mood.failures => End::Fail(self.id()),
            dice if dice < self.mood.failures + self.mood.panics => End::Panic(self.id()),
            _ => End::Value,
        };
        Rc::new(Task { id: self.id(), steps, end })
    }

    /// A child of the nursery so many levels up, if there may be more of them.
    fn child(&mut self, spot: Spot, up: usize, kind: Kind) -> Option<Rc<Task>> {
        if self.tasks >= self.most || spot.room == 0 {
            return None;
        }
        self.tasks += 1;
        let mut steps = self.steps(Spot {
            levels: spot.levels - up,
            room: spot.room - 1,
            shield: spot.shield.filter(|inside| *inside > up).map(|inside| inside - up),
            ..spot
        });
        // No dice for nothing: the seeds that are kept mean what they meant.
        let dice = kind != Kind::Supervised || self.mood.panics > 0;
        if dice && self.random.percent(self.mood.panics) {
            steps.insert(0, Step::Destructor(vec![Act::Panic(self.id())]));
        }
        Some(self.task_of(steps))
    }

    /// One of the nurseries around, mostly the next.
    fn up(&mut self, spot: Spot) -> usize {
        if self.random.percent(70) { 0 } else { self.random.below(spot.levels) }
    }

    fn spawn(&mut self, spot: Spot) -> Option<Step> {
        let up = self.up(spot);
        let kind = match self.random.below(10) {
            0 => Kind::Supervised,
            1 if !self.mood.remote => Kind::Daemon,
            2 => Kind::Unheld,
            _ => Kind::Plain,
        };
        self.child(spot, up, kind).map(|task| Step::Spawn { up, kind, task })
    }

    fn steps(&mut self, spot: Spot) -> Vec<Step> {
        let count = self.random.below(5);
        (0..count).filter_map(|_| self.step(spot)).collect()
    }

    fn on_error(&mut self) -> OnError {
        match self.random.below(10) {
            0 | 1 => OnError::Swallow,
            2 => OnError::Retry,
            3 => OnError::Replace(self.id()),
            _ => OnError::Propagate,
        }
    }

    fn step(&mut self, spot: Spot) -> Option<Step> {
        let inner = Spot { room: spot.room.checked_sub(1)?, ..spot };
        if self.random.percent(self.mood.forgotten / 6) {
            return Some(self.part(inner));
        }
        Some(match self.random.below(100) {
            0..52 => {
                let wait = self.wait(spot);
                self.plain(wait)
            }
            52..54 => Step::Poke(self.random.below(self.pairs)),
            54..55 => Step::Post(self.random.below(CHANNELS)),
            55..57 => Step::Dial(self.random.below(self.listeners)),
            57..70 => return self.spawn(spot),
            70..75 => Step::Cancel(self.whom(spot)),
            75..79 => Step::Destructor(self.acts(spot)),
            79..87 if spot.levels < DEPTH && self.tasks < self.most => {
                self.tasks += 1;
                let nest = self.nest(inner.opened(), false);
                Step::Nest { nest, on_error: self.on_error() }
            }
            87..92 => {
                let (id, limit) = (self.id(), self.random.micros(500));
                let steps = self.steps(inner);
                Step::Timeout { id, limit, steps, on_error: self.on_error() }
            }
            92..94 if !spot.forgettable => self.shield(inner),
            94..96 => self.part(inner),
            96..97 => self.aside(inner),
            97..100 => {
                let lists = [self.steps(inner), self.steps(inner)];
                // The foreign one leaks its wakers when a destructor inside it panics.
                let foreign = self.random.percent(50) && self.mood.panics == 0;
                Step::Both { foreign, lists }
            }
            _ => return None,
        })
    }

    fn whom(&mut self, spot: Spot) -> Whom {
        match self.random.below(10) {
            0..2 => Whom::Any(self.random.below(64)),
            2..4 => Whom::Child { up: self.up(spot), pick: self.random.below(8) },
            4..6 if self.mood.remote => Whom::Remotely(self.random.below(64)),
            _ => Whom::Up(self.up(spot)),
        }
    }

    /// With a bound, or with what surely ends.
    fn shield(&mut self, inner: Spot) -> Step {
        let id = self.id();
        let bound = self.random.percent(60).then(|| (self.id(), self.random.micros(400)));
        let sure = inner.sure || bound.is_none();
        Step::Shield { id, bound, steps: self.steps(Spot { sure, shield: Some(0), ..inner }) }
    }

    fn part(&mut self, inner: Spot) -> Step {
        let id = self.id();
        let until = match self.random.below(10) {
            0..5 => Until::Polls(1 + self.random.below(4) as u32),
            5..7 => Until::After(self.random.micros(300)),
            _ => return self.select(inner, id),
        };
        let forget = self.random.percent(self.mood.forgotten);
        let inner = Spot { forgettable: inner.forgettable || forget, ..inner };
        let steps = match self.random.percent(20) {
            true => vec![self.plain(Wait::Read { ready: false })],
            false => self.nested(inner),
        };
        Step::Part { id, steps, until, forget }
    }

    fn aside(&mut self, inner: Spot) -> Step {
        let (id, polls) = (self.id(), 1 + self.random.below(3) as u32);
        let (steps, meanwhile) = (self.nested(inner), self.steps(inner));
        Step::Aside { id, polls, steps, meanwhile }
    }

    /// Steps, perhaps those of a nursery alone.
    fn nested(&mut self, spot: Spot) -> Vec<Step> {
        if spot.levels == DEPTH || self.tasks >= self.most || self.random.percent(50) {
            return self.steps(spot);
        }
        self.tasks += 1;
        let nest = self.nest(spot.opened(), false);
        vec![Step::Nest { nest, on_error: self.on_error() }]
    }

    /// Two lists of steps of which the slower one is dropped: perhaps an accept, in the moment in
    /// which somebody connects.
    fn select(&mut self, inner: Spot, id: Id) -> Step {
        let other = self.id();
        let (steps, others) = match self.random.percent(50) {
            true => (self.nested(inner), self.steps(inner)),
            false => {
                let at = self.random.below(self.listeners);
                let (accept, turn) = (self.plain(Wait::Accept(at)), self.plain(Wait::Turn));
                (vec![accept], vec![turn, Step::Dial(at), self.plain(Wait::Turn)])
            }
        };
        let until = Until::Steps { id: other, steps: others, first: self.random.percent(50) };
        Step::Part { id, steps, until, forget: false }
    }

    fn plain(&mut self, wait: Wait) -> Step {
        Step::Wait { id: self.id(), wait, on_error: self.on_error() }
    }

    fn acts(&mut self, spot: Spot) -> Vec<Act> {
        let count = 1 + self.random.below(2);
        let acts = (0..count).filter_map(|_| match self.random.below(10) {
            0..5 => {
                let up = self.up(spot);
                self.child(spot, up, Kind::Plain).map(|task| Act::Spawn { up, task })
            }
            5..8 => Some(Act::Cancel { up: self.up(spot) }),
            _ if self.mood.panics > 0 => Some(Act::Panic(self.id())),
            _ => None,
        });
        acts.collect()
    }

    fn ready(&mut self) -> Ready {
        use Ready::{Answer, Message, Notified, Permit, Sleep, Tick};
        [Sleep, Tick, Permit, Notified, Message, Answer][self.random.below(6)]
    }

    fn wait(&mut self, spot: Spot) -> Wait {
        let most = match spot {
            Spot { sure: true, .. } => 28,
            Spot { shield: Some(0), .. } => 45,
            _ => 52,
        };
        match self.random.below(most) {
            0..1 => Wait::Yields(1 + self.random.below(200)),
            1..2 => Wait::Ready(self.ready(), 1 + self.random.below(300)),
            2..7 => Wait::Yield,
            7..15 => Wait::Turn,
            15..22 => Wait::Sleep(self.random.micros(400)),
            22..25 => Wait::Read { ready: true },
            25..27 => Wait::Write { ready: true },
            27..28 => Wait::Connect(self.random.below(self.listeners)),
            28..34 => Wait::Read { ready: false },
            34..37 => Wait::Write { ready: false },
            37..39 => Wait::ReadShared(self.random.below(self.pairs)),
            39..41 => Wait::Receive(self.random.below(CHANNELS)),
            41..45 => Wait::Accept(self.random.below(self.listeners)),
            _ => {
                let levels = spot.shield.unwrap_or(spot.levels);
                let up = self.up(Spot { levels, ..spot });
                Wait::Join { up, pick: self.random.below(8) }
            }
        }
    }
}
