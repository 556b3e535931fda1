//! What one more nursery level costs on the way of a wake, up to the root and down to the child.
//!
//! ```text
//! cargo bench --bench wake
//! ```
//!
//! A child inside 1, 4 or 16 nested nurseries is woken again and again; times are per wake. The
//! price of a level is `(time at 16 - time at 1) / 15`.
//!
//! - `descent`: the root wakes the child through its waker and polls the tree, so that nothing
//!   but the way up and the way down is measured (and a turn of the loop for every four wakes,
//!   the same for all levels).
//! - `nop`: the child awaits a no-operation, so each wake is a completion's: a whole turn.

use criterion::{BenchmarkId, Criterion};
use nestling::{Runtime, nursery};
use nestling_runtime::lowlevel::nop;
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::marker::PhantomData;
use std::pin::pin;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

/// Wakes in one poll of the root. Four times 16 levels fit well into a turn's budget of polls; a
/// child that the budget does not reach would be measured as if it had been polled.
const BURST: u64 = 4;

/// How the child waits, and how often it still has to be polled.
struct Bell {
    left: Cell<u64>,
    waker: RefCell<Option<Waker>>,
}

impl Bell {
    fn new(polls: u64) -> Self {
        Self { left: Cell::new(polls), waker: RefCell::new(None) }
    }

    /// Resolves with the last of the polls.
    async fn wait(&self) {
        poll_fn(|cx| {
            self.left.set(self.left.get() - 1);
            if self.left.get() == 0 {
                return Poll::Ready(());
            }
            self.waker.borrow_mut().get_or_insert_with(|| cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn ring(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

/// What is at the bottom of the tree.
#[derive(Clone, Copy)]
enum Leaf<'a> {
    Bell(&'a Bell),
    Nops(u64),
}

/// Nurseries inside each other. A type for each depth, so that no box adds a call of its own.
trait Tree {
    async fn run(leaf: Leaf<'_>) -> io::Result<()>;
}

/// No nursery: the child itself.
struct Child;
/// One nursery around `T`.
struct Level<T>(PhantomData<T>);

impl Tree for Child {
    async fn run(leaf: Leaf<'_>) -> io::Result<()> {
        match leaf {
            Leaf::Bell(bell) => bell.wait().await,
            Leaf::Nops(count) => {
                for _ in 0..count {
                    nop().await?;
                }
            }
        }
        Ok(())
    }
}

impl<T: Tree> Tree for Level<T> {
    async fn run(leaf: Leaf<'_>) -> io::Result<()> {
        nursery(async |n| {
            n.spawn(T::run(leaf));
            Ok(())
        })
        .await
    }
}

type Four<T> = Level<Level<Level<Level<T>>>>;
type Sixteen<T> = Four<Four<Four<Four<T>>>>;

fn descent<T: Tree>(runtime: &mut Runtime, wakes: u64) -> Duration {
    let bell = Bell::new(wakes + 1);
    runtime.block_on(async {
        let mut tree = pin!(T::run(Leaf::Bell(&bell)));
        let start = Instant::now();
        let result = poll_fn(|cx| {
            for _ in 0..BURST {
                bell.ring();
                if let Poll::Ready(result) = tree.as_mut().poll(cx) {
                    return Poll::Ready(result);
                }
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        result.expect("nothing fails");
        start.elapsed()
    })
}

fn nops<T: Tree>(runtime: &mut Runtime, wakes: u64) -> Duration {
    runtime.block_on(async {
        let start = Instant::now();
        T::run(Leaf::Nops(wakes)).await.expect("nops do not fail");
        start.elapsed()
    })
}

/// Runs so many wakes and says how long they took.
type Run = fn(&mut Runtime, u64) -> Duration;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let mut runtime = Runtime::builder().build().expect("a runtime");
    let ways: [(&str, [(u32, Run); 3]); 2] = [
        (
            "descent",
            [
                (1, descent::<Level<Child>>),
                (4, descent::<Four<Child>>),
                (16, descent::<Sixteen<Child>>),
            ],
        ),
        (
            "nop",
            [(1, nops::<Level<Child>>), (4, nops::<Four<Child>>), (16, nops::<Sixteen<Child>>)],
        ),
    ];
    let mut group = criterion.benchmark_group("wake");
    for (way, depths) in ways {
        for (depth, run) in depths {
            group.bench_function(BenchmarkId::new(way, depth), |bencher| {
                bencher.iter_custom(|wakes| run(&mut runtime, wakes));
            });
        }
    }
    group.finish();
    criterion.final_summary();
}
