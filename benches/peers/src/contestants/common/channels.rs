//! Both ends of messages, by the channel that works with any runtime.

use super::{Spent, Start};
use async_channel::{Receiver, Sender};
use std::hint::black_box;

pub(in super::super) async fn send(
    messages: u64,
    there: Sender<u64>,
    ended: Receiver<()>,
) -> Spent {
    let start = Start::now();
    for number in 0..messages {
        there.send(number).await.expect("the receiver is there");
    }
    drop(there);
    ended.recv().await.expect("it is sent");
    start.elapsed()
}

pub(in super::super) async fn take(here: Receiver<u64>, done: Sender<()>) {
    while let Ok(message) = here.recv().await {
        black_box(message);
    }
    done.send(()).await.expect("the receiver is there");
}

pub(in super::super) async fn ask(
    messages: u64,
    there: Sender<u64>,
    answers: Receiver<u64>,
) -> Spent {
    let start = Start::now();
    for number in 0..messages {
        there.send(number).await.expect("the receiver is there");
        black_box(answers.recv().await.expect("an answer"));
    }
    start.elapsed()
}

pub(in super::super) async fn answer(here: Receiver<u64>, back: Sender<u64>) {
    while let Ok(message) = here.recv().await {
        back.send(message).await.expect("the receiver is there");
    }
}
