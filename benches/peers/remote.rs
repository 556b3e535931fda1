//! Values between two cores: how long there and back, and how many one way.
//!
//! ```text
//! cargo bench --manifest-path benches/peers/Cargo.toml --bench remote
//! ```
//!
//! - `back to back`: a message and its answer, at once again. Whoever spins is found awake.
//! - `after a pause`: the same, but each time after the other side has had nothing to do for a
//!   while, so that it sleeps; the pause is not counted.
//! - `one way`: messages as fast as they go, through a bound of 1024.
//!
//! Each side is a thread on a processor of its own. `Tokio` is two current-thread runtimes with
//! their I/O driver, as servers have it; `crossbeam` is two threads that block. Nestling is
//! measured as it runs by default, and with cores that sleep as soon as they have nothing to do.

mod rounds;

use core_affinity::CoreId;
use nestling::sync::remote;
use nestling::{Builder, Cores, Runtime, nursery};
use rounds::{Contender, compare};
use std::hint::{black_box, spin_loop};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// Messages and answers in a round, back to back.
const TURNS: u64 = 5_000;
/// The same with a pause before each.
const PAUSES: u64 = 300;
/// Longer than a core spins by default.
const PAUSE: Duration = Duration::from_micros(300);
/// Messages in a round, one way.
const MESSAGES: u64 = 200_000;
/// Messages that may be on their way.
const BOUND: usize = 1024;

/// How often, and after which pause each time.
#[derive(Debug, Clone, Copy)]
struct Turns {
    count: u64,
    pause: Duration,
}

impl Turns {
    /// Waits without sleeping, and says when that was over.
    fn pause(self) -> Instant {
        let start = Instant::now();
        if self.pause.is_zero() {
            return start;
        }
        while start.elapsed() < self.pause {
            spin_loop();
        }
        Instant::now()
    }

    /// The time of all turns, without their pauses.
    async fn measure(self, mut turn: impl AsyncFnMut()) -> Duration {
        let mut sum = Duration::ZERO;
        for _ in 0..self.count {
            let start = self.pause();
            turn().await;
            sum += start.elapsed();
        }
        sum
    }
}

/// Runs a program on the first of two cores; the other receives its child.
fn on_nestling(
    builder: Builder,
    main: impl AsyncFn() -> io::Result<Duration> + Send + Sync + 'static,
) -> Duration {
    let times = builder.cores(Cores::Count(2)).run(async move |core| match core.index() {
        0 => main().await,
        _ => Ok(Duration::ZERO),
    });
    times.expect("nothing fails")[0]
}

fn nestling_turns(builder: Builder, turns: Turns) -> Duration {
    on_nestling(builder, async move || {
        let (there, here) = remote::channel(1);
        let (back, answers) = remote::channel(1);
        nursery(async |n| {
            n.spawn_on(1, async move || {
                while let Some(message) = here.recv().await {
                    back.send(message).await?;
                }
                Ok::<_, io::Error>(())
            });
            let turn = async || {
                there.send(1_u64).await.expect("the receiver is there");
                black_box(answers.recv().await);
            };
            let measured = turns.measure(turn).await;
            drop(there);
            Ok(measured)
        })
        .await
    })
}

fn nestling_one_way(builder: Builder) -> Duration {
    on_nestling(builder, async || {
        let (there, here) = remote::channel(BOUND);
        nursery(async |n| {
            let start = Instant::now();
            let ended = n.spawn_on(1, async move || {
                while let Some(message) = here.recv().await {
                    black_box(message);
                }
                Ok::<_, io::Error>(())
            });
            for number in 0..MESSAGES {
                there.send(number).await?;
            }
            drop(there);
            ended.await?;
            Ok(start.elapsed())
        })
        .await
    })
}

/// Runs both sides, each on a processor of its own; what the first returns counts.
fn on_threads<T: Send>(
    cores: [CoreId; 2],
    first: impl FnOnce() -> T + Send,
    second: impl FnOnce() + Send,
) -> T {
    thread::scope(|threads| {
        threads.spawn(move || {
            core_affinity::set_for_current(cores[1]);
            second();
        });
        let first = threads.spawn(move || {
            core_affinity::set_for_current(cores[0]);
            first()
        });
        first.join().expect("it does not panic")
    })
}

fn tokio_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime")
}

fn tokio_turns(cores: [CoreId; 2], turns: Turns) -> Duration {
    let (there, mut here) = tokio::sync::mpsc::channel(1);
    let (back, mut answers) = tokio::sync::mpsc::channel(1);
    let first = move || {
        tokio_runtime().block_on(turns.measure(async move || {
            there.send(1_u64).await.expect("the receiver is there");
            black_box(answers.recv().await);
        }))
    };
    on_threads(cores, first, move || {
        tokio_runtime().block_on(async {
            while let Some(message) = here.recv().await {
                back.send(message).await.expect("the receiver is there");
            }
        });
    })
}

fn tokio_one_way(cores: [CoreId; 2]) -> Duration {
    let (there, mut here) = tokio::sync::mpsc::channel(BOUND);
    let (done, ended) = tokio::sync::oneshot::channel();
    let first = move || {
        tokio_runtime().block_on(async {
            let start = Instant::now();
            for number in 0..MESSAGES {
                there.send(number).await.expect("the receiver is there");
            }
            drop(there);
            ended.await.expect("it is sent");
            start.elapsed()
        })
    };
    on_threads(cores, first, move || {
        tokio_runtime().block_on(async {
            while let Some(message) = here.recv().await {
                black_box(message);
            }
            done.send(()).expect("the receiver is there");
        });
    })
}

fn crossbeam_turns(cores: [CoreId; 2], turns: Turns) -> Duration {
    let (there, here) = crossbeam_channel::bounded(1);
    let (back, answers) = crossbeam_channel::bounded(1);
    let first = move || {
        let mut sum = Duration::ZERO;
        for _ in 0..turns.count {
            let start = turns.pause();
            there.send(1_u64).expect("the receiver is there");
            black_box(answers.recv().expect("the sender is there"));
            sum += start.elapsed();
        }
        sum
    };
    on_threads(cores, first, move || {
        here.iter().for_each(|message| back.send(message).expect("the receiver is there"));
    })
}

fn crossbeam_one_way(cores: [CoreId; 2]) -> Duration {
    let (there, here) = crossbeam_channel::bounded(BOUND);
    let (done, ended) = crossbeam_channel::bounded(1);
    let first = move || {
        let start = Instant::now();
        (0..MESSAGES).try_for_each(|number| there.send(number)).expect("the receiver is there");
        drop(there);
        ended.recv().expect("it is sent");
        start.elapsed()
    };
    on_threads(cores, first, move || {
        here.iter().for_each(|message| _ = black_box(message));
        done.send(()).expect("the receiver is there");
    })
}

fn main() {
    let Some(rounds) = rounds::rounds() else { return };
    let ids = core_affinity::get_core_ids().unwrap_or_default();
    let [first, second, ..] = ids[..] else {
        println!("two processors are needed");
        return;
    };
    let cores = [first, second];
    let (awake, asleep) = (Runtime::builder(), Runtime::builder().no_spin());

    for (title, count, pause) in
        [("back to back", TURNS, Duration::ZERO), ("after a pause", PAUSES, PAUSE)]
    {
        let turns = Turns { count, pause };
        let mut contenders: [Contender<'_>; 4] = [
            ("nestling", Box::new(|| nestling_turns(awake.clone(), turns))),
            ("nestling no_spin", Box::new(|| nestling_turns(asleep.clone(), turns))),
            ("Tokio", Box::new(|| tokio_turns(cores, turns))),
            ("crossbeam", Box::new(|| crossbeam_turns(cores, turns))),
        ];
        compare(&format!("there and back, {title}"), count, rounds, &mut contenders);
    }

    let mut contenders: [Contender<'_>; 4] = [
        ("nestling", Box::new(|| nestling_one_way(awake.clone()))),
        ("nestling no_spin", Box::new(|| nestling_one_way(asleep.clone()))),
        ("Tokio", Box::new(|| tokio_one_way(cores))),
        ("crossbeam", Box::new(|| crossbeam_one_way(cores))),
    ];
    compare("one way", MESSAGES, rounds, &mut contenders);
}
