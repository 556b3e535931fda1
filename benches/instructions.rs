//! Instructions for one spawn, one wake, one operation: figures that do not wobble.
//!
//! ```text
//! cargo bench --bench instructions
//! ```
//!
//! Needs `valgrind` (its callgrind counts; nothing is timed). Each program runs in it twice, with
//! so many operations and with twice as many, and the difference is divided by their number: what
//! starting and stopping costs drops out. The kernel's own instructions are not counted.

mod nested;

use nested::{Child, Level, Sixteen, Tree, descent};
use nestling::sync::{Mutex, channel, oneshot};
use nestling::time::sleep;
use nestling::{Runtime, nursery, task, timeout};
use nestling_runtime::lowlevel::nop;
use std::env;
use std::future::Future;
use std::hint::black_box;
use std::io;
use std::process::Command;
use std::time::Duration;

/// Operations of the shorter run. A multiple of what a nursery or a batch of nops has.
const OPERATIONS: u64 = 20_000;
/// Children of a nursery: few enough that every cell is a recycled one.
const CHILDREN: u64 = 200;
/// Operations in flight together.
const DEPTH: u64 = 100;

/// Says that this process is one that is counted.
const RUN: &str = "--run";

/// What is counted: name, and a function that does so many of it.
type Program = (&'static str, fn(u64));

/// Their difference is what 15 levels cost.
const WAKE_1: &str = "wake below 1 nursery";
const WAKE_16: &str = "wake below 16 nurseries";

const PROGRAMS: [Program; 13] = [
    ("spawn + join", |count| children(count, || async {})),
    ("spawn + join, one yield", |count| children(count, task::yield_now)),
    ("nop, one at a time", |count| nops(count, 1)),
    ("nop, 100 at a time", |count| nops(count, DEPTH)),
    ("nursery with one child", nurseries),
    (WAKE_1, wakes::<Level<Child>>),
    (WAKE_16, wakes::<Sixteen<Child>>),
    ("consume_budget", |count| ready(count, async || task::consume_budget().await)),
    ("mutex, free", |count| {
        let mutex = Mutex::new(0_u64);
        ready(count, async || *black_box(&mutex).lock().await += 1);
    }),
    ("channel, a message", |count| {
        let (sender, receiver) = channel(1);
        ready(count, async || {
            sender.send(1_u64).await.expect("it is open");
            black_box(receiver.recv().await);
        });
    }),
    ("oneshot, a message", |count| {
        ready(count, async || {
            let (reply, answer) = oneshot();
            reply.send(1_u64).expect("it listens");
            black_box(answer.await.expect("it was sent"));
        });
    }),
    ("sleep, expired", |count| ready(count, async || sleep(Duration::ZERO).await)),
    ("timeout around nothing", |count| {
        ready(count, async || timeout(Duration::MAX, async {}).await.expect("in time"));
    }),
];

fn block_on(future: impl Future<Output = io::Result<()>>) {
    let mut runtime = Runtime::builder().build().expect("a runtime");
    runtime.block_on(future).expect("nothing fails");
}

fn children<F: Future<Output = ()>>(count: u64, child: fn() -> F) {
    block_on(async {
        for _ in 0..count / CHILDREN {
            nursery(async |n| {
                for _ in 0..CHILDREN {
                    n.spawn(child());
                }
                Ok::<_, io::Error>(())
            })
            .await?;
        }
        Ok(())
    });
}

fn nops(count: u64, depth: u64) {
    block_on(nursery(async |n| {
        for _ in 0..depth {
            n.spawn(async {
                for _ in 0..count / depth {
                    nop().await?;
                }
                Ok::<_, io::Error>(())
            });
        }
        Ok(())
    }));
}

fn nurseries(count: u64) {
    block_on(async {
        for _ in 0..count {
            nursery(async |n| {
                n.spawn(async {});
                Ok::<_, io::Error>(())
            })
            .await?;
        }
        Ok(())
    });
}

/// Awaits that are always ready.
fn ready(count: u64, mut step: impl AsyncFnMut()) {
    block_on(async {
        for _ in 0..count {
            step().await;
        }
        Ok(())
    });
}

fn wakes<T: Tree>(count: u64) {
    let mut runtime = Runtime::builder().build().expect("a runtime");
    descent::<T>(&mut runtime, count);
}

/// Instructions of this program when it does `count` operations.
fn instructions(program: &str, count: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().expect("this program"))
        .args([RUN, program, &count.to_string()])
        .output()
        .expect("valgrind, which has to be installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected :"));
    collected.and_then(|(_, count)| count.trim().parse().ok()).expect("a count of instructions")
}

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if let [first, name, count] = arguments.as_slice()
        && first == RUN
    {
        let (_, run) = PROGRAMS.iter().find(|(other, _)| other == name).expect("a program");
        return run(count.parse().expect("a count"));
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        return println!("only `cargo bench` measures");
    }
    let figures = PROGRAMS.map(|(name, _)| {
        let once = instructions(name, OPERATIONS);
        let twice = instructions(name, 2 * OPERATIONS);
        let figure = (twice - once) as f64 / OPERATIONS as f64;
        println!("{name:26} {figure:8.1} instructions");
        (name, figure)
    });
    let of = |name| figures.iter().find(|(other, _)| *other == name).expect("a program").1;
    let level = (of(WAKE_16) - of(WAKE_1)) / 15.0;
    println!("{:26} {level:8.1} instructions", "one more nursery on a wake");
}
