//! Local channels and locks against those that are built of atomics.
//!
//! ```text
//! cargo bench --manifest-path benches/peers/Cargo.toml --bench sync
//! ```
//!
//! `tokio::sync` is measured on its own runtime, and on ours, as is `async-channel`: the difference
//! to the first line is what a foreign primitive costs here. A turn of the ping-pong is a message
//! there and its answer, so two waits and two polls.

mod rounds;

use nestling::{Cancelled, Runtime, nursery, sync};
use rounds::{Contender, compare};
use std::cell::RefCell;
use std::future::Future;
use std::hint::black_box;
use std::time::{Duration, Instant};
use tokio::task::LocalSet;

/// Turns of a loop in a round.
const TURNS: u64 = 100_000;

/// Measures the turns of a loop.
async fn measure(mut turn: impl AsyncFnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..TURNS {
        turn().await;
    }
    start.elapsed()
}

/// Measures turns in a nursery's body, beside a child that answers.
async fn on_nestling(answer: impl Future<Output = ()>, turn: impl AsyncFnMut()) -> Duration {
    let measured: Result<Duration, Cancelled> = nursery(async |n| {
        n.spawn(answer);
        let measured = measure(turn).await;
        n.cancel();
        Ok(measured)
    })
    .await;
    measured.expect("nothing fails")
}

/// Measures turns beside a local task that answers.
async fn on_tokio(answer: impl Future<Output = ()> + 'static, turn: impl AsyncFnMut()) -> Duration {
    let task = tokio::task::spawn_local(answer);
    let measured = measure(turn).await;
    task.abort();
    measured
}

async fn our_mutex() -> Duration {
    let mutex = sync::Mutex::new(0_u64);
    measure(async || *black_box(&mutex).lock().await += 1).await
}

async fn tokio_mutex() -> Duration {
    let mutex = tokio::sync::Mutex::new(0_u64);
    measure(async || *black_box(&mutex).lock().await += 1).await
}

async fn our_channel() -> Duration {
    let (there, here) = sync::channel(1);
    let (back, answers) = sync::channel(1);
    let answer = async move {
        while let Some(message) = here.recv().await {
            back.send(message).await.expect("the receiver is there");
        }
    };
    let turn = async || {
        there.send(1_u64).await.expect("the receiver is there");
        black_box(answers.recv().await);
    };
    on_nestling(answer, turn).await
}

/// Both ends of Tokio's ping-pong.
fn tokio_ends() -> (impl Future<Output = ()>, impl AsyncFnMut()) {
    let (there, mut here) = tokio::sync::mpsc::channel(1);
    let (back, mut answers) = tokio::sync::mpsc::channel(1);
    let answer = async move {
        while let Some(message) = here.recv().await {
            back.send(message).await.expect("the receiver is there");
        }
    };
    let turn = async move || {
        there.send(1_u64).await.expect("the receiver is there");
        black_box(answers.recv().await);
    };
    (answer, turn)
}

async fn tokio_channel_on_nestling() -> Duration {
    let (answer, turn) = tokio_ends();
    on_nestling(answer, turn).await
}

async fn tokio_channel_on_tokio() -> Duration {
    let (answer, turn) = tokio_ends();
    on_tokio(answer, turn).await
}

async fn async_channel_here() -> Duration {
    let (there, here) = async_channel::bounded(1);
    let (back, answers) = async_channel::bounded(1);
    let answer = async move {
        while let Ok(message) = here.recv().await {
            back.send(message).await.expect("the receiver is there");
        }
    };
    let turn = async || {
        there.send(1_u64).await.expect("the receiver is there");
        black_box(answers.recv().await.expect("the sender is there"));
    };
    on_nestling(answer, turn).await
}

async fn our_oneshot() -> Duration {
    let (there, here) = sync::channel::<sync::oneshot::Sender<u64>>(1);
    let answer = async move {
        while let Some(reply) = here.recv().await {
            reply.send(1).expect("the receiver is there");
        }
    };
    let turn = async || {
        let (reply, answer) = sync::oneshot();
        there.send(reply).await.expect("the receiver is there");
        black_box(answer.await.expect("it is answered"));
    };
    on_nestling(answer, turn).await
}

async fn tokio_oneshot_on_tokio() -> Duration {
    let (there, mut here) = tokio::sync::mpsc::channel::<tokio::sync::oneshot::Sender<u64>>(1);
    let answer = async move {
        while let Some(reply) = here.recv().await {
            reply.send(1).expect("the receiver is there");
        }
    };
    let turn = async || {
        let (reply, answer) = tokio::sync::oneshot::channel();
        there.send(reply).await.expect("the receiver is there");
        black_box(answer.await.expect("it is answered"));
    };
    on_tokio(answer, turn).await
}

fn main() {
    let Some(rounds) = rounds::rounds() else { return };
    let ours = RefCell::new(Runtime::builder().build().expect("a runtime"));
    let theirs = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let local = LocalSet::new();

    let mut contenders: [Contender<'_>; 3] = [
        ("nestling", Box::new(|| ours.borrow_mut().block_on(our_mutex()))),
        ("Tokio", Box::new(|| theirs.block_on(tokio_mutex()))),
        ("Tokio's here", Box::new(|| ours.borrow_mut().block_on(tokio_mutex()))),
    ];
    compare("mutex that is free", TURNS, rounds, &mut contenders);

    let mut contenders: [Contender<'_>; 4] = [
        ("nestling", Box::new(|| ours.borrow_mut().block_on(our_channel()))),
        ("Tokio", Box::new(|| local.block_on(&theirs, tokio_channel_on_tokio()))),
        ("Tokio's here", Box::new(|| ours.borrow_mut().block_on(tokio_channel_on_nestling()))),
        ("async-channel here", Box::new(|| ours.borrow_mut().block_on(async_channel_here()))),
    ];
    compare("channel, ping-pong", TURNS, rounds, &mut contenders);

    let mut contenders: [Contender<'_>; 2] = [
        ("nestling", Box::new(|| ours.borrow_mut().block_on(our_oneshot()))),
        ("Tokio", Box::new(|| local.block_on(&theirs, tokio_oneshot_on_tokio()))),
    ];
    compare("oneshot, ping-pong", TURNS, rounds, &mut contenders);
}
