//! `open`: opens the nurseries of a plan, one inside the other, and starts their tasks.

use crate::log::{E, Event};
use crate::plan::{End, Id, Kind, Nest, Task};
use crate::run::{AtDrop, Here, Run, steps, throw, thrown};
use crate::world::Place;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use nestling::{Canceller, JoinError, JoinHandle, Nursery, Options, Supervised, nursery_with};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::rc::Rc;
use std::time::Instant;

/// A child's value, and the child's name.
pub(crate) type Handle<'a> = (Id, LocalBoxFuture<'a, Result<Id, E>>);

/// The nurseries around a task, by how far up they are, whatever their lifetimes.
pub(crate) trait Enclosing {
    fn spawn(&self, up: usize, kind: Kind, task: &Rc<Task>);
    fn cancel(&self, up: usize);
    /// Cancels a child by one of the handles that are left.
    fn cancel_child(&self, up: usize, pick: usize);
    /// Takes one of the handles that are left.
    fn handle(&self, up: usize, pick: usize) -> Option<Handle<'_>>;
}

/// Around the outermost nursery there is none.
pub(crate) struct Outside;

impl Enclosing for Outside {
    fn spawn(&self, _: usize, _: Kind, task: &Rc<Task>) {
        unreachable!("a plan spawns task {} into a nursery", task.id)
    }

    fn cancel(&self, _: usize) {
        unreachable!("a plan cancels a nursery")
    }

    fn cancel_child(&self, _: usize, _: usize) {}

    fn handle(&self, _: usize, _: usize) -> Option<Handle<'_>> {
        None
    }
}

/// One nursery, as its body and its children know it.
#[derive(Clone)]
struct Level<'scope, 'env> {
    run: &'scope Run,
    id: Id,
    n: &'scope Nursery<'scope, 'env, E>,
    outer: &'scope dyn Enclosing,
    handles: Rc<RefCell<BTreeMap<Id, Child<'scope>>>>,
    place: Place,
}

/// The handle of a child.
enum Child<'scope> {
    Plain(JoinHandle<'scope, Id>),
    Supervised(Supervised<'scope, Result<Id, E>>),
}

impl Enclosing for Level<'_, '_> {
    fn spawn(&self, up: usize, kind: Kind, task: &Rc<Task>) {
        if up > 0 {
            return self.outer.spawn(up - 1, kind, task);
        }
        let log = &self.run.log;
        log.add(Event::Spawn { task: task.id, nursery: self.id, kind });
        let life = AtDrop::new(log, Event::Gone { task: task.id });
        let future = live(self.clone(), Rc::clone(task), life);
        let future = polled(self.run, task.id, future);
        let child = match kind {
            Kind::Plain => Child::Plain(self.n.spawn(future)),
            Kind::Unheld => {
                let refused = self.n.spawn(future).is_finished();
                return log.add(Event::Spawned { task: task.id, refused });
            }
            Kind::Supervised => Child::Supervised(self.n.supervise(future)),
            Kind::Daemon => {
                let (id, since) = (task.id, Instant::now());
                return self.n.spawn_daemon(async move {
                    let _watch = log.watch_here(id, since);
                    future.await
                });
            }
        };
        log.add(Event::Spawned { task: task.id, refused: child.is_finished() });
        self.handles.borrow_mut().insert(task.id, child);
    }

    fn cancel(&self, up: usize) {
        if up > 0 {
            return self.outer.cancel(up - 1);
        }
        self.run.log.add(Event::Cancel { nursery: self.id });
        self.n.cancel();
    }

    fn cancel_child(&self, up: usize, pick: usize) {
        if up > 0 {
            return self.outer.cancel_child(up - 1, pick);
        }
        let handles = self.handles.borrow();
        let Some((task, child)) = handles.iter().nth(pick % handles.len().max(1)) else { return };
        self.run.log.add(Event::CancelChild { task: *task });
        child.cancel();
    }

    fn handle(&self, up: usize, pick: usize) -> Option<Handle<'_>> {
        if up > 0 {
            return self.outer.handle(up - 1, pick);
        }
        let mut handles = self.handles.borrow_mut();
        let id = *handles.keys().nth(pick % handles.len().max(1))?;
        handles.remove(&id).map(|child| (id, child.join()))
    }
}

impl<'scope> Child<'scope> {
    fn is_finished(&self) -> bool {
        match self {
            Self::Plain(child) => child.is_finished(),
            Self::Supervised(child) => child.is_finished(),
        }
    }

    fn cancel(&self) {
        match self {
            Self::Plain(child) => child.cancel(),
            Self::Supervised(child) => child.cancel(),
        }
    }

    /// A panic of a supervised child comes out as the failure of that number.
    fn join(self) -> LocalBoxFuture<'scope, Result<Id, E>> {
        match self {
            Self::Plain(child) => child.map(|joined| joined.map_err(E::from)).boxed_local(),
            Self::Supervised(child) => child
                .map(|joined| match joined {
                    Ok(result) => result,
                    Err(JoinError::Cancelled | JoinError::TimedOut) => Err(E::Cancelled),
                    Err(JoinError::Panic(payload)) => Err(E::Boom(thrown(payload))),
                    Err(JoinError::Refused(_)) => unreachable!("it is no blocking call"),
                })
                .boxed_local(),
        }
    }
}

/// Notes while a task is polled that its code runs: what is dropped then, it drops itself.
async fn polled<F: Future>(run: &Run, task: Id, future: F) -> F::Output {
    struct Ends<'a>(&'a Run);
    impl Drop for Ends<'_> {
        fn drop(&mut self) {
            self.0.polled.borrow_mut().pop();
        }
    }
    let mut future = pin!(future);
    poll_fn(|cx| {
        run.polled.borrow_mut().push(task);
        let _ends = Ends(run);
        future.as_mut().poll(cx)
    })
    .await
}

/// The life of a body or of a child.
async fn live(level: Level<'_, '_>, task: Rc<Task>, life: AtDrop<'_>) -> Result<Id, E> {
    let (run, place) = (level.run, level.place.clone());
    let here = Here { run, level: &level, task: task.id, scope: task.id, place };
    run.log.add_in(task.id, Event::Start { task: task.id });
    let result = match (steps(here, &task.steps).await, task.end) {
        (Err(error), _) => Err(error),
        (Ok(()), End::Value) => Ok(task.id),
        (Ok(()), End::Fail(number)) => Err(E::Boom(number)),
        (Ok(()), End::Panic(number)) => {
            run.log.add_in(task.id, Event::Panic { task: task.id, number, cut: false });
            throw(number)
        }
    };
    run.log.add_in(task.id, Event::End { task: task.id, result });
    drop(life);
    result
}

/// Opens a nursery and waits for its end.
pub(crate) async fn open(here: &Here<'_>, nest: &Nest) -> Result<Id, E> {
    let (run, id, deadline) = (here.run, nest.id, nest.deadline);
    let log = &run.log;
    let (body, scope) = (nest.body.id, here.scope);
    log.add_in(scope, Event::Open { nursery: id, body, scope, deadline });
    let unanswered = AtDrop::new(log, Event::Left { id });
    let nurseries = here.place.nurseries.iter().copied().chain([id]).collect();
    let place = Place { nurseries, ..here.place };
    let since = Instant::now();
    let options = Options {
        deadline: deadline.map(|limit| nestling::time::Instant::now() + limit),
        ..Options::default()
    };
    let watch = Cell::new(None);
    let opened = nursery_with(options, async |n| {
        let canceller = n.canceller();
        run.cancellers.borrow_mut().push((id, canceller.clone()));
        watch.set(Some(log.watch(id, since, move || Canceller::is_cancelled(&canceller))));
        let level = Level { run, id, n, outer: here.level, handles: Rc::default(), place };
        let life = AtDrop::new(log, Event::Gone { task: body });
        polled(run, body, live(level, Rc::clone(&nest.body), life)).await
    });
    let result = AssertUnwindSafe(opened).catch_unwind().await;
    drop(watch.take());
    unanswered.disarm();
    if let Some(what) = run.world.leftover(id) {
        log.add(Event::Leftover { nursery: id, what });
    }
    let outcome = result.map_err(thrown);
    log.add_in(scope, Event::Return { nursery: id, outcome });
    outcome.unwrap_or_else(|number| {
        log.add(Event::Panic { task: here.task, number, cut: false });
        throw(number)
    })
}
