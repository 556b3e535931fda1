//! Messages by Tokio's channels: between two current-thread runtimes, each on a core, or between
//! two tasks of a runtime that has both.

use super::super::common::{BOUND, Spent, Start, on_two_cores};
use std::hint::black_box;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

pub(super) fn one_way(messages: u64) -> Spent {
    let (there, here) = channel(BOUND);
    let (done, ended) = oneshot::channel();
    on_two_cores(
        || super::current().block_on(send(messages, there, ended)),
        || super::current().block_on(take(here, done)),
    )
}

pub(super) fn one_way_within(messages: u64) -> Spent {
    let (there, here) = channel(BOUND);
    let (done, ended) = oneshot::channel();
    let runtime = super::several();
    runtime.spawn(take(here, done));
    let sending = runtime.spawn(send(messages, there, ended));
    runtime.block_on(sending).expect("no panic")
}

pub(super) fn round_trip(messages: u64) -> Spent {
    let (there, here) = channel(1);
    let (back, answers) = channel(1);
    on_two_cores(
        || super::current().block_on(ask(messages, there, answers)),
        || super::current().block_on(answer(here, back)),
    )
}

pub(super) fn round_trip_within(messages: u64) -> Spent {
    let (there, here) = channel(1);
    let (back, answers) = channel(1);
    let runtime = super::several();
    runtime.spawn(answer(here, back));
    let asking = runtime.spawn(ask(messages, there, answers));
    runtime.block_on(asking).expect("no panic")
}

async fn send(messages: u64, there: Sender<u64>, ended: oneshot::Receiver<()>) -> Spent {
    let start = Start::now();
    for number in 0..messages {
        there.send(number).await.expect("the receiver is there");
    }
    drop(there);
    ended.await.expect("it is sent");
    start.elapsed()
}

async fn take(mut here: Receiver<u64>, done: oneshot::Sender<()>) {
    while let Some(message) = here.recv().await {
        black_box(message);
    }
    done.send(()).expect("the receiver is there");
}

async fn ask(messages: u64, there: Sender<u64>, mut answers: Receiver<u64>) -> Spent {
    let start = Start::now();
    for number in 0..messages {
        there.send(number).await.expect("the receiver is there");
        black_box(answers.recv().await);
    }
    start.elapsed()
}

async fn answer(mut here: Receiver<u64>, back: Sender<u64>) {
    while let Some(message) = here.recv().await {
        back.send(message).await.expect("the receiver is there");
    }
}
