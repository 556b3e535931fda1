//! Waking one child, among many that are idle and below nested nurseries, against peers.
//!
//! ```text
//! cargo bench --manifest-path benches/peers/Cargo.toml --bench wake
//! ```
//!
//! Times are per wake.
//!
//! - `one of N`: a child wakes another, which answers, always the same one; N are idle.
//! - `each of N`: the same with one after the other, far apart. What it costs more than the first
//!   is the processor's, which fetches memory that it has not seen for N wakes; the way is as long.
//! - `below N levels`: the root wakes a child inside N nurseries and polls them. In the end, what
//!   one more level costs. Tokio has none: its tasks are all next to each other, and nothing ties
//!   a task's end to the one that has spawned it.
//!
//! All use the same futures, and wake through `std::task::Waker`.

mod busy;
mod rounds;

use busy::busy;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rounds::{Contender, compare};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};
use tokio::task::{JoinSet, LocalSet};

/// Wakes of a child, and answers, in a round.
const EXCHANGES: u64 = 20_000;
/// From one child to the next; prime, so that every child gets its turn.
const STRIDE: usize = 37;
/// Wakes in one poll of the root: few, so that no turn ends in between.
const BURST: u64 = 4;
/// Wakes of a round at one depth. A multiple of the burst.
const DESCENTS: u64 = 20_000;

type Boxed<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Something that one task waits for.
#[derive(Default)]
struct Bell {
    rung: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Bell {
    async fn wait(&self) {
        poll_fn(|cx| {
            if self.rung.take() {
                return Poll::Ready(());
            }
            // It is always the same task: cloning wakers is not what is measured.
            self.waker.borrow_mut().get_or_insert_with(|| cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn ring(&self) {
        self.rung.set(true);
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

/// Idle children, and one that wakes them.
struct Idle {
    bells: Vec<Bell>,
    answer: Bell,
    over: Cell<bool>,
    stride: usize,
    elapsed: Cell<Duration>,
}

impl Idle {
    fn new(children: usize, stride: usize) -> Rc<Self> {
        Rc::new(Self {
            bells: (0..children).map(|_| Bell::default()).collect(),
            answer: Bell::default(),
            over: Cell::new(false),
            stride,
            elapsed: Cell::default(),
        })
    }

    /// The futures of all children.
    fn children(self: &Rc<Self>) -> impl Iterator<Item = impl Future<Output = ()> + 'static> {
        (0..self.bells.len()).map(|number| {
            let this = Rc::clone(self);
            async move {
                loop {
                    this.bells[number].wait().await;
                    if this.over.get() {
                        return;
                    }
                    this.answer.ring();
                }
            }
        })
    }

    /// The one that wakes them.
    async fn waker(self: Rc<Self>) {
        let count = self.bells.len();
        // Everybody has waited once before anything is measured.
        for bell in &self.bells {
            self.exchange(bell).await;
        }
        let start = Instant::now();
        let mut number = 0;
        for _ in 0..EXCHANGES {
            self.exchange(&self.bells[number]).await;
            number = (number + self.stride) % count;
        }
        self.elapsed.set(start.elapsed());
        self.over.set(true);
        self.bells.iter().for_each(Bell::ring);
    }

    async fn exchange(&self, bell: &Bell) {
        bell.ring();
        self.answer.wait().await;
    }
}

fn idle_nestling(runtime: &mut nestling::Runtime, idle: Rc<Idle>) -> Duration {
    let result: io::Result<()> = runtime.block_on(nestling::nursery(async |n| {
        for child in idle.children() {
            n.spawn(child);
        }
        n.spawn(Rc::clone(&idle).waker());
        Ok(())
    }));
    result.expect("nothing fails");
    idle.elapsed.get()
}

fn idle_tokio(runtime: &tokio::runtime::Runtime, idle: Rc<Idle>) -> Duration {
    LocalSet::new().block_on(runtime, async {
        let mut set = JoinSet::new();
        for child in idle.children() {
            set.spawn_local(child);
        }
        set.spawn_local(Rc::clone(&idle).waker());
        while let Some(joined) = set.join_next().await {
            joined.expect("no child panics");
        }
    });
    idle.elapsed.get()
}

fn idle_unordered(idle: Rc<Idle>) -> Duration {
    busy(async {
        let mut set: FuturesUnordered<Boxed<'_>> = FuturesUnordered::new();
        for child in idle.children() {
            set.push(Box::pin(child));
        }
        set.push(Box::pin(Rc::clone(&idle).waker()));
        while let Some(()) = set.next().await {}
    });
    idle.elapsed.get()
}

fn idle_moro(idle: Rc<Idle>) -> Duration {
    busy(moro_local::async_scope!(|scope| {
        for child in idle.children() {
            scope.spawn(child);
        }
        scope.spawn(Rc::clone(&idle).waker());
    }));
    idle.elapsed.get()
}

/// A child inside nested nurseries, woken again and again by the root that polls them.
async fn descend(nest: impl FnOnce(u32, Boxed<'_>) -> Boxed<'_>, depth: u32) -> Duration {
    let bell = Bell::default();
    let over = Cell::new(false);
    let mut tree = pin!(nest(
        depth,
        Box::pin(async {
            while !over.get() {
                bell.wait().await;
            }
        })
    ));
    let mut left = DESCENTS / BURST;
    let start = Instant::now();
    poll_fn(|cx| {
        over.set(left == 0);
        for _ in 0..BURST {
            bell.ring();
            if tree.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            assert!(!bell.rung.get(), "the child has been polled");
        }
        left = left.saturating_sub(1);
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    start.elapsed()
}

fn nest_nestling(depth: u32, child: Boxed<'_>) -> Boxed<'_> {
    if depth == 0 {
        return child;
    }
    Box::pin(async move {
        let result: io::Result<()> = nestling::nursery(async |n| {
            n.spawn(nest_nestling(depth - 1, child));
            Ok(())
        })
        .await;
        result.expect("nothing fails");
    })
}

fn nest_unordered(depth: u32, child: Boxed<'_>) -> Boxed<'_> {
    if depth == 0 {
        return child;
    }
    Box::pin(async move {
        let mut set = FuturesUnordered::from_iter([nest_unordered(depth - 1, child)]);
        while let Some(()) = set.next().await {}
    })
}

fn nest_moro(depth: u32, child: Boxed<'_>) -> Boxed<'_> {
    if depth == 0 {
        return child;
    }
    Box::pin(async move {
        moro_local::async_scope!(|scope| {
            scope.spawn(nest_moro(depth - 1, child));
        })
        .await;
    })
}

/// Prints what the last costs more than the first, for each contender.
fn independence(medians: &[Vec<f64>], names: &[&str]) {
    let (first, last) = (&medians[0], medians.last().expect("a comparison"));
    for (name, (first, last)) in names.iter().zip(first.iter().zip(last)) {
        println!("{name:18} the last of these is {:.2} of the first", last / first);
    }
}

const NAMES: [&str; 4] = ["nestling", "FuturesUnordered", "moro-local", "Tokio JoinSet"];

fn main() {
    let Some(rounds) = rounds::rounds() else { return };
    let mut ours = nestling::Runtime::builder().build().expect("a runtime");
    let theirs = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for (which, stride) in [("one", 0), ("each", STRIDE)] {
        let medians = [100, 1_000, 10_000].map(|count| {
            let idle = || Idle::new(count, stride);
            let mut contenders: [Contender<'_>; 4] = [
                (NAMES[0], Box::new(|| idle_nestling(&mut ours, idle()))),
                (NAMES[1], Box::new(|| idle_unordered(idle()))),
                (NAMES[2], Box::new(|| idle_moro(idle()))),
                (NAMES[3], Box::new(|| idle_tokio(&theirs, idle()))),
            ];
            compare(&format!("{which} of {count} idle"), 2 * EXCHANGES, rounds, &mut contenders)
        });
        println!();
        independence(&medians, &NAMES);
    }
    let medians = [1, 4, 16].map(|depth| {
        let mut contenders: [Contender<'_>; 3] = [
            (NAMES[0], Box::new(|| ours.block_on(descend(nest_nestling, depth)))),
            (NAMES[1], Box::new(|| busy(descend(nest_unordered, depth)))),
            (NAMES[2], Box::new(|| busy(descend(nest_moro, depth)))),
        ];
        compare(&format!("below {depth} levels"), DESCENTS, rounds, &mut contenders)
    });
    println!();
    for (name, (first, last)) in NAMES.iter().zip(medians[0].iter().zip(&medians[2])) {
        println!("{name:18} one more level: {:.1} ns", (last - first) / 15.0);
    }
}
