//! `wait`: awaits one thing, and logs how it was answered.

use crate::log::{E, Event, What};
use crate::plan::{Id, Ready, Wait};
use crate::run::{AtDrop, Here};
use crate::world::done;
use nestling::net::TcpStream;
use nestling::sync::{Notify, Semaphore, channel, oneshot};
use nestling::task::yield_now;
use nestling::time::{interval, sleep};
use nestling_runtime::lowlevel::nop;
use nestling_runtime::stats;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::time::{Duration, Instant};

pub(crate) async fn wait(here: &Here<'_>, id: Id, wait: Wait) -> Result<(), E> {
    let (world, place) = (&here.run.world, &here.place);
    match wait {
        Wait::Yield => plain(here, id, What::Yield, yield_now()).await,
        Wait::Yields(count) => {
            let yields = async {
                for _ in 0..count {
                    yield_now().await;
                }
            };
            plain(here, id, What::Yield, yields).await
        }
        Wait::Sleep(time) => {
            // Made inside, after the clock was read.
            plain(here, id, What::Sleep(time), async { sleep(time).await }).await
        }
        Wait::Ready(what, count) => {
            let ready = async {
                for _ in 0..count {
                    ready(what).await;
                }
            };
            plain(here, id, What::Yield, ready).await
        }
        Wait::Receive(at) => {
            let receive = async {
                let message = world.receive(at).await;
                here.run.log.add(Event::Got { id, message });
            };
            plain(here, id, What::Receive, receive).await
        }
        Wait::Turn => op(here, id, nop()).await,
        Wait::Read { ready } => {
            let stream = if ready { world.readable(place) } else { world.stream(place) };
            op(here, id, done(stream.read(world.buffer(place)))).await
        }
        Wait::Write { ready } => {
            let stream = if ready { world.stream(place) } else { world.full(place) };
            op(here, id, done(stream.write(world.buffer(place)))).await
        }
        Wait::ReadShared(pair) => {
            op(here, id, done(world.shared(pair).read(world.buffer(place)))).await
        }
        Wait::Accept(at) => {
            let listener = world.listener(at);
            op(here, id, async { listener.accept().await.map(drop) }).await
        }
        Wait::Connect(at) => {
            let connect = TcpStream::connect(world.address(at));
            op(here, id, submitting(here, id, async { connect.await.map(drop) })).await
        }
        Wait::Join { up, pick } => {
            let Some((child, handle)) = here.level.handle(up, pick) else { return Ok(()) };
            let answer = async { handle.await.map(Some) };
            answered(here, id, What::Join(child), answer).await
        }
    }
}

/// Awaits what is there.
async fn ready(what: Ready) {
    match what {
        Ready::Sleep => sleep(Duration::ZERO).await,
        Ready::Tick => drop(interval(Duration::from_nanos(1)).tick().await),
        Ready::Permit => Semaphore::new(1).acquire().await.forget(),
        Ready::Notified => {
            let told = Notify::new();
            told.notify_one();
            told.notified().await;
        }
        Ready::Message => {
            let (sender, receiver) = channel(1);
            sender.send(()).await.expect("the receiver is there");
            assert_eq!(receiver.recv().await, Some(()));
        }
        Ready::Answer => {
            let (sender, receiver) = oneshot();
            sender.send(()).expect("the receiver is there");
            assert_eq!(receiver.await, Ok(()));
        }
    }
}

async fn op(
    here: &Here<'_>,
    id: Id,
    operation: impl Future<Output = io::Result<()>>,
) -> Result<(), E> {
    let answer = async { operation.await.map(|()| None).map_err(E::from) };
    answered(here, id, What::Op, answer).await
}

/// An operation that suspends before it is submitted if the budget is spent. It keeps nothing then.
async fn submitting<T>(here: &Here<'_>, id: Id, operation: impl Future<Output = T>) -> T {
    let mut operation = pin!(operation);
    let (mut is_submitted, mut is_held) = (false, false);
    poll_fn(|cx| {
        let before = stats().submitted;
        let polled = operation.as_mut().poll(cx);
        is_submitted |= stats().submitted > before;
        if polled.is_pending() && is_held == is_submitted {
            is_held = !is_submitted;
            let event = if is_held { Event::Held { id } } else { Event::Submitted { id } };
            here.run.log.add(event);
        }
        polled
    })
    .await
}

async fn plain(
    here: &Here<'_>,
    id: Id,
    what: What,
    future: impl Future<Output = ()>,
) -> Result<(), E> {
    let answer = async {
        future.await;
        Ok(None)
    };
    answered(here, id, what, answer).await
}

/// Awaits an answer: perhaps the value of a child.
async fn answered(
    here: &Here<'_>,
    id: Id,
    what: What,
    answer: impl Future<Output = Result<Option<Id>, E>>,
) -> Result<(), E> {
    let log = &here.run.log;
    log.add_in(here.scope, Event::Begin { id, task: here.task, scope: here.scope, what });
    let unanswered = AtDrop::new(log, Event::Left { id });
    let since = Instant::now();
    let result = answer.await;
    let took = since.elapsed();
    unanswered.disarm();
    let (error, value) = (result.err(), result.unwrap_or(None));
    log.add_in(here.scope, Event::Answer { id, error, value, took });
    result.map(drop)
}
