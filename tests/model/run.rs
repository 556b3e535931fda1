//! `Run`: carries a plan out on the real runtime and logs what its tasks see.

use crate::again::Renumbered;
use crate::log::{E, Event, Log};
use crate::nest::{Enclosing, open};
use crate::plan::{Act, Id, Kind, OnError, Step, Until, Whom};
use crate::wait::wait;
use crate::world::{Place, World};
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, join};
use futures_util::stream::{FuturesUnordered, StreamExt};
use nestling::task::cancel_called;
use nestling::time::sleep;
use nestling::{Canceller, shield, timeout};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What all tasks of a run share.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) log: Log,
    pub(crate) world: World,
    /// Of every nursery that was ever opened.
    pub(crate) cancellers: RefCell<Vec<(Id, Canceller)>>,
    pub(crate) forgot: Cell<bool>,
    /// The first of the names for what is tried again.
    pub(crate) names: Cell<Id>,
    /// The tasks whose code runs, innermost last.
    pub(crate) polled: RefCell<Vec<Id>>,
    /// Threads that cancel something.
    pub(crate) threads: RefCell<Vec<JoinHandle<()>>>,
}

/// Where code of a task runs.
#[derive(Clone)]
pub(crate) struct Here<'a> {
    pub(crate) run: &'a Run,
    pub(crate) level: &'a dyn Enclosing,
    pub(crate) task: Id,
    pub(crate) scope: Id,
    pub(crate) place: Place,
}

/// A panic with a number, without the report that would fill the output.
pub(crate) fn throw(number: Id) -> ! {
    resume_unwind(Box::new(number))
}

/// The number of a panic of ours. One of somebody else goes on.
pub(crate) fn thrown(payload: Box<dyn Any + Send>) -> Id {
    *payload.downcast().unwrap_or_else(|foreign| resume_unwind(foreign))
}

/// Logs an event when it is dropped.
pub(crate) struct AtDrop<'a> {
    log: &'a Log,
    event: Option<Event>,
}

impl<'a> AtDrop<'a> {
    pub(crate) fn new(log: &'a Log, event: Event) -> Self {
        Self { log, event: Some(event) }
    }

    pub(crate) fn disarm(mut self) {
        self.event = None;
    }
}

impl Drop for AtDrop<'_> {
    fn drop(&mut self) {
        self.event.into_iter().for_each(|event| self.log.add(event));
    }
}

/// How often a task tries again that is not cancelled, or behind a shield: what it tries may have
/// cancelled itself.
const TRIES: u32 = 3;

/// More than a plan has names.
const NAMES: Id = 100_000;

/// A copy that lives as long as whatever its tasks spawn: the tests are few, and end.
fn leaked<T>(copy: T) -> &'static T {
    // What is known to a static is not lost, for a leak checker.
    static KEPT: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    let copy: &'static T = Box::leak(Box::new(copy));
    KEPT.lock().unwrap().push(std::ptr::from_ref(copy).addr());
    copy
}

impl OnError {
    /// Awaits something, perhaps behind a shield, and acts on the answer. A new try has names of
    /// its own.
    async fn act(
        self,
        here: &Here<'_>,
        shielded: bool,
        attempt: impl AsyncFn(Id) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut tries, mut by) = (0, 0);
        loop {
            let result = attempt(by).await;
            // Rule 6 ends all others.
            tries += u32::from(shielded || !cancel_called());
            if result != Err(E::Cancelled) || !matches!(self, Self::Retry) || tries >= TRIES {
                return self.apply(result);
            }
            by = here.run.names.get();
            here.run.names.set(by + NAMES);
        }
    }

    /// What a task makes of an answer.
    fn apply(self, result: Result<(), E>) -> Result<(), E> {
        match self {
            Self::Propagate => result,
            Self::Swallow | Self::Retry => Ok(()),
            Self::Replace(number) => result.map_err(|_| E::Boom(number)),
        }
    }
}

/// Carries out a list of steps. What it has of destructors runs when it is left.
pub(crate) fn steps<'a>(here: Here<'a>, list: &'a [Step]) -> LocalBoxFuture<'a, Result<(), E>> {
    Box::pin(async move {
        let mut destructors = Vec::new();
        for step in list {
            match step {
                Step::Destructor(acts) => {
                    destructors.push(Destructor { here: here.clone(), acts });
                }
                step => carry_out(&here, step).await?,
            }
        }
        Ok(())
    })
}

async fn carry_out(here: &Here<'_>, step: &Step) -> Result<(), E> {
    match step {
        Step::Wait { id, wait: what, on_error } => loop {
            match wait(here, *id, *what).await {
                Err(E::Cancelled) if matches!(on_error, OnError::Retry) => {}
                result => return on_error.apply(result),
            }
        },
        Step::Poke(pair) => here.run.world.poke(*pair),
        Step::Dial(listener) => here.run.world.dial(*listener),
        Step::Post(at) => {
            here.run.world.post(*at, |message| here.run.log.add(Event::Post { message }));
        }
        Step::Spawn { up, kind, task } => here.level.spawn(*up, *kind, task),
        Step::Cancel(whom) => cancel(here, *whom),
        Step::Destructor(_) => unreachable!("kept by the list of steps"),
        Step::Nest { nest, on_error } => {
            let again = async |by| match by {
                0 => open(here, nest).await.map(drop),
                _ => open(here, leaked(nest.renumbered(by))).await.map(drop),
            };
            return on_error.act(here, false, again).await;
        }
        Step::Timeout { id, limit, steps, on_error } => {
            let again = async |by| match by {
                0 => limited(here, *id, *limit, steps).await,
                _ => limited(here, id + by, *limit, leaked(steps.renumbered(by))).await,
            };
            return on_error.act(here, step.is_shielded(), again).await;
        }
        Step::Shield { id, bound, steps } => {
            return shielded(here, *id, *bound, steps).await;
        }
        Step::Part { id, steps, until, forget } => {
            return part(here, *id, steps, until, *forget).await;
        }
        Step::Aside { id, polls, steps, meanwhile } => {
            return aside(here, *id, *polls, steps, meanwhile).await;
        }
        Step::Both { foreign, lists: [one, two] } => {
            let (one, two) = (steps(here.clone(), one), steps(here.clone(), two));
            return both(*foreign, one, two).await;
        }
    }
    Ok(())
}

fn cancel(here: &Here<'_>, whom: Whom) {
    match whom {
        Whom::Up(up) => here.level.cancel(up),
        Whom::Any(pick) => {
            let cancellers = here.run.cancellers.borrow();
            let (nursery, canceller) = cancellers[pick % cancellers.len()].clone();
            drop(cancellers);
            here.run.log.add(Event::Cancel { nursery });
            canceller.cancel();
        }
        Whom::Remotely(pick) => {
            let cancellers = here.run.cancellers.borrow();
            let (nursery, canceller) = &cancellers[pick % cancellers.len()];
            let (nursery, remote) = (*nursery, canceller.remote());
            here.run.log.add(Event::Remote { nursery });
            here.run.threads.borrow_mut().push(std::thread::spawn(move || remote.cancel()));
        }
        Whom::Child { up, pick } => here.level.cancel_child(up, pick),
    }
}

async fn limited(here: &Here<'_>, id: Id, limit: Duration, list: &[Step]) -> Result<(), E> {
    let log = &here.run.log;
    log.add_in(here.scope, Event::Timeout { id, scope: here.scope, limit });
    let since = Instant::now();
    let inside = async {
        let _watch = log.watch_here(id, since);
        let result = steps(Here { scope: id, ..here.clone() }, list).await;
        log.add_in(id, Event::Done { id });
        result
    };
    let result = timeout(limit, inside).await;
    log.add(Event::Over { id, elapsed: result.is_err(), after: since.elapsed() });
    result.unwrap_or_else(|elapsed| Err(std::io::Error::from(elapsed).into()))
}

async fn shielded(
    here: &Here<'_>,
    id: Id,
    bound: Option<(Id, Duration)>,
    list: &[Step],
) -> Result<(), E> {
    let log = &here.run.log;
    log.add_in(here.scope, Event::Shield { id, scope: here.scope });
    let left = AtDrop::new(log, Event::Left { id });
    let inside = Here { scope: id, ..here.clone() };
    let result = match bound {
        None => shield(steps(inside, list)).await,
        // As `shield_for`, but seen from inside.
        Some((bound, limit)) => shield(limited(&inside, bound, limit, list)).await,
    };
    left.disarm();
    log.add_in(here.scope, Event::Unshield { id });
    result
}

/// Polls steps until they are done or it is enough, and drops or forgets them then.
async fn part(
    here: &Here<'_>,
    id: Id,
    list: &[Step],
    until: &Until,
    forget: bool,
) -> Result<(), E> {
    let log = &here.run.log;
    log.add_in(here.scope, Event::Part { id, scope: here.scope });
    let forgettable = here.place.forgettable || forget;
    let place = Place { forgettable, ..here.place.clone() };
    let mut inside = steps(Here { scope: id, place, ..here.clone() }, list);
    let mut enough = enough(here, until);
    let enough_first = matches!(until, Until::Steps { first: true, .. });
    let ended = poll_fn(|cx| {
        if enough_first && let Poll::Ready(result) = enough.as_mut().poll(cx) {
            return Poll::Ready(Err(result));
        }
        match inside.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(Ok(result)),
            Poll::Pending if enough_first => Poll::Pending,
            Poll::Pending => enough.as_mut().poll(cx).map(Err),
        }
    });
    match (ended.await, until) {
        (Ok(result), Until::Steps { id, .. }) => {
            drop_part(here, *id, enough);
            result
        }
        (Ok(result), _) => result,
        (Err(result), _) if forget => {
            log.add(Event::Forget { id });
            here.run.forgot.set(true);
            std::mem::forget(inside);
            result
        }
        (Err(result), _) => {
            drop_part(here, id, inside);
            result
        }
    }
}

/// Polls steps so often, and does others before it polls them on.
async fn aside(
    here: &Here<'_>,
    id: Id,
    polls: u32,
    list: &[Step],
    meanwhile: &[Step],
) -> Result<(), E> {
    let log = &here.run.log;
    log.add_in(here.scope, Event::Part { id, scope: here.scope });
    let mut inside = steps(Here { scope: id, ..here.clone() }, list);
    let until = Until::Polls(polls);
    let mut enough = enough(here, &until);
    let ended = poll_fn(|cx| match inside.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending => enough.as_mut().poll(cx).map(|_| None),
    });
    if let Some(result) = ended.await {
        return result;
    }
    log.add(Event::Aside { id });
    let result = steps(here.clone(), meanwhile).await;
    if result.is_err() {
        drop_part(here, id, inside);
        return result;
    }
    log.add(Event::Resume { id });
    inside.await
}

/// Resolves when a part has run for long enough.
fn enough<'a>(here: &Here<'a>, until: &'a Until) -> LocalBoxFuture<'a, Result<(), E>> {
    match until {
        Until::Polls(polls) => {
            let mut left = *polls;
            Box::pin(poll_fn(move |cx| {
                left -= 1;
                if left == 0 {
                    return Poll::Ready(Ok(()));
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            }))
        }
        Until::After(time) => Box::pin(sleep(*time).map(Ok)),
        Until::Steps { id, steps: list, .. } => {
            here.run.log.add_in(here.scope, Event::Part { id: *id, scope: here.scope });
            steps(Here { scope: *id, ..here.clone() }, list)
        }
    }
}

fn drop_part(here: &Here<'_>, id: Id, part: LocalBoxFuture<'_, Result<(), E>>) {
    let log = &here.run.log;
    log.add(Event::Drop { id });
    let panic = catch_unwind(AssertUnwindSafe(|| drop(part))).err().map(thrown);
    log.add(Event::Dropped { id, thrown: panic });
    if let Some(number) = panic {
        log.add(Event::Panic { task: here.task, number, cut: false });
        throw(number);
    }
}

/// Both futures at a time, with the task's waker or with foreign ones.
async fn both<F: Future<Output = Result<(), E>>>(foreign: bool, one: F, two: F) -> Result<(), E> {
    if !foreign {
        let (one, two) = join(one, two).await;
        return one.and(two);
    }
    let mut all = FuturesUnordered::from_iter([one, two]);
    let mut result = Ok(());
    while let Some(next) = all.next().await {
        result = result.and(next);
    }
    result
}

/// Does what it has to do when it is dropped.
struct Destructor<'a> {
    here: Here<'a>,
    acts: &'a [Act],
}

impl Drop for Destructor<'_> {
    fn drop(&mut self) {
        for act in self.acts {
            match act {
                Act::Spawn { up, task } => self.here.level.spawn(*up, Kind::Plain, task),
                Act::Cancel { up } => self.here.level.cancel(*up),
                Act::Panic(number) if !std::thread::panicking() => {
                    let (task, number) = (self.here.task, *number);
                    let cut = !self.here.run.polled.borrow().contains(&task);
                    self.here.run.log.add(Event::Panic { task, number, cut });
                    throw(number);
                }
                // Two at a time would end the process.
                Act::Panic(_) => {}
            }
        }
    }
}
