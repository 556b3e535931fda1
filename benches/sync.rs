//! Local locks and channels: taken when they are free, and as a ping-pong between two children.
//!
//! ```text
//! cargo bench --bench sync
//! ```
//!
//! A round of the ping-pong is a message there and its answer, so two waits and two polls.

use criterion::Criterion;
use nestling::sync::{Mutex, Semaphore, channel, oneshot};
use nestling::{Cancelled, Runtime, nursery};
use std::future::Future;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Measures so many rounds of a loop, in the one task that there is.
async fn alone(rounds: u64, mut round: impl AsyncFnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..rounds {
        round().await;
    }
    start.elapsed()
}

/// Measures so many rounds of a loop in a nursery's body, beside a child that answers.
async fn beside(
    rounds: u64,
    answer: impl Future<Output = ()>,
    round: impl AsyncFnMut(),
) -> Duration {
    let measured: Result<Duration, Cancelled> = nursery(async |n| {
        n.spawn(answer);
        let measured = alone(rounds, round).await;
        n.cancel();
        Ok(measured)
    })
    .await;
    measured.expect("nothing fails")
}

async fn lock(rounds: u64) -> Duration {
    let mutex = Mutex::new(0_u64);
    alone(rounds, async || *black_box(&mutex).lock().await += 1).await
}

async fn acquire(rounds: u64) -> Duration {
    let semaphore = Semaphore::new(1);
    alone(rounds, async || drop(black_box(&semaphore).acquire().await)).await
}

async fn send_and_receive(rounds: u64) -> Duration {
    let (sender, receiver) = channel(1);
    let round = async || {
        sender.send(1_u64).await.expect("the receiver is there");
        black_box(receiver.recv().await);
    };
    alone(rounds, round).await
}

async fn channel_ping_pong(rounds: u64) -> Duration {
    let (there, here) = channel(1);
    let (back, answers) = channel(1);
    let answer = async move {
        while let Some(message) = here.recv().await {
            back.send(message).await.expect("the receiver is there");
        }
    };
    let round = async || {
        there.send(1_u64).await.expect("the receiver is there");
        black_box(answers.recv().await);
    };
    beside(rounds, answer, round).await
}

async fn oneshot_ping_pong(rounds: u64) -> Duration {
    let (there, here) = channel::<oneshot::Sender<u64>>(1);
    let answer = async move {
        while let Some(reply) = here.recv().await {
            reply.send(1).expect("the receiver is there");
        }
    };
    let round = async || {
        let (reply, answer) = oneshot();
        there.send(reply).await.expect("the receiver is there");
        black_box(answer.await.expect("it is answered"));
    };
    beside(rounds, answer, round).await
}

/// Adds a measurement to a group.
fn measure(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    runtime: &mut Runtime,
    name: &str,
    rounds: impl AsyncFn(u64) -> Duration,
) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|count| runtime.block_on(rounds(count)));
    });
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let mut runtime = Runtime::builder().build().expect("a runtime");
    let mut group = criterion.benchmark_group("sync");
    measure(&mut group, &mut runtime, "mutex, free", lock);
    measure(&mut group, &mut runtime, "semaphore, free", acquire);
    measure(&mut group, &mut runtime, "channel, one task", send_and_receive);
    measure(&mut group, &mut runtime, "channel, ping-pong", channel_ping_pong);
    measure(&mut group, &mut runtime, "oneshot, ping-pong", oneshot_ping_pong);
    group.finish();
    criterion.final_summary();
}
