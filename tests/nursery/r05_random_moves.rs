//! Rule 5 for random programs, whose futures are polled for a while in one place and then another:
//! by other tasks, in timeouts that expire, in shields, in sets, in clean-ups. Each program ends by
//! itself but for what is cancelled, so a cancelled task that is kept for nothing shows as a hang.
//!
//! Where a timeout strikes depends on the clock, so a seed does not name one run.

use crate::support::nurseries::{E, listener, ms, never, run, settle, throw};
use crate::support::poll_once;
use crate::support::random::{may_forget, seeds};
use futures_util::future::{FutureExt, LocalBoxFuture, join, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use nestling::net::TcpListener;
use nestling::task::yield_now;
use nestling::{cancelled, finally, nursery, shield, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::{Cell, RefCell};
use std::mem::{forget, take};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);

/// What a program may do besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Also {
    Nothing,
    Forget,
    Panic,
}

type Moved = LocalBoxFuture<'static, ()>;

/// What the parts of one program share.
struct World {
    random: Cell<u64>,
    /// Futures that can be polled on by any part.
    pool: RefCell<Vec<Moved>>,
    quiet: TcpListener,
    steps_left: Cell<u32>,
    also: Also,
}

impl World {
    async fn new(seed: u64, also: Also) -> Rc<Self> {
        Rc::new(Self {
            random: Cell::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            pool: RefCell::default(),
            quiet: listener().await,
            steps_left: Cell::new(400),
            also,
        })
    }

    /// A number below `end` (xorshift).
    fn below(&self, end: u64) -> u64 {
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random.set(x);
        (x >> 11) % end
    }

    fn take(&self) -> Option<Moved> {
        let len = self.pool.borrow().len();
        if len == 0 {
            return None;
        }
        let index = self.below(len as u64) as usize;
        Some(self.pool.borrow_mut().swap_remove(index))
    }

    fn put(&self, future: Moved) {
        self.pool.borrow_mut().push(future);
    }

    async fn poll_and_put(&self, mut future: Moved) {
        if poll_once(future.as_mut()).await.is_pending() {
            self.put(future);
        }
    }
}

/// Where a step is: how deep, and whether in a shield, where everything must end by itself.
#[derive(Clone, Copy)]
struct Place {
    depth: u32,
    shielded: bool,
}

impl Place {
    fn open(self) -> Self {
        Self { shielded: false, ..self }
    }

    fn shielded(self) -> Self {
        Self { shielded: true, ..self }
    }
}

/// Some steps, one after the other.
fn act(world: &Rc<World>, place: Place) -> Moved {
    let world = Rc::clone(world);
    async move {
        let steps = 1 + world.below(4);
        for _ in 0..steps {
            let Some(left) = world.steps_left.get().checked_sub(1) else { return };
            world.steps_left.set(left);
            step(&world, place).await;
        }
    }
    .boxed_local()
}

fn step(world: &Rc<World>, place: Place) -> Moved {
    let world = Rc::clone(world);
    async move {
        let world = &world;
        let below = Place { depth: place.depth + 1, ..place };
        if world.also == Also::Panic && world.below(60) == 0 {
            throw(7);
        }
        if place.depth > 5 {
            nop().await.ok();
            return;
        }
        match world.below(20) {
            0 => _ = nop().await,
            1 => yield_now().await,
            2 => world.put(act(world, below.open())),
            3 => {
                let future = wrapped(world, act(world, below.open()));
                world.poll_and_put(future).await;
            }
            4..=6 => {
                if let Some(future) = world.take() {
                    world.poll_and_put(future).await;
                }
            }
            7 => match world.take() {
                Some(future) if place.shielded => _ = timeout(ms(1), future).await,
                Some(future) => future.await,
                None => {}
            },
            8 => drop(world.take()),
            9 if world.also == Also::Forget => world.take().into_iter().for_each(forget),
            9 => {}
            10 if place.shielded => _ = timeout(ms(1), never(&world.quiet)).await,
            10 => _ = never(&world.quiet).await,
            11 => _ = timeout(ms(1), act(world, below)).await,
            12 => _ = timeout(LONG, act(world, below)).await,
            13 => shield(act(world, below.shielded())).await,
            14 | 15 => nurse(Rc::clone(world), below).await,
            16 => {
                let mut set = FuturesUnordered::from_iter([act(world, below), act(world, below)]);
                let all = world.below(2) == 0;
                while set.next().await.is_some() && all {}
                if !all {
                    world.put(async move { while set.next().await.is_some() {} }.boxed_local());
                }
            }
            17 => {
                let either = select(act(world, below.open()), cancelled().boxed_local());
                _ = timeout(ms(1), either).await;
            }
            18 => {
                let inner = Rc::clone(world);
                let clean_up = async move |_: Option<&()>| act(&inner, below.shielded()).await;
                finally(act(world, below), clean_up).await;
            }
            _ => _ = join(act(world, below), act(world, below)).await,
        }
    }
    .boxed_local()
}

/// The same in a part of a task, in a child, or in a set.
fn wrapped(world: &Rc<World>, future: Moved) -> Moved {
    let world = Rc::clone(world);
    match world.below(5) {
        0 => timeout(ms(1), future).map(drop).boxed_local(),
        1 => timeout(LONG, future).map(drop).boxed_local(),
        2 => async move {
            let result = nursery(async move |n| {
                n.spawn(future);
                Ok::<_, E>(())
            });
            _ = result.await;
        }
        .boxed_local(),
        3 => async move { _ = FuturesUnordered::from_iter([future]).next().await }.boxed_local(),
        _ => async move {
            future.await;
            _ = never(&world.quiet).await;
        }
        .boxed_local(),
    }
}

async fn nurse(world: Rc<World>, place: Place) {
    let result = nursery(async |n| {
        for _ in 0..world.below(3) {
            n.spawn(act(&world, place));
        }
        act(&world, place).await;
        match world.below(4) {
            0 => n.cancel(),
            1 => return Err(E::Boom(1)),
            2 => {
                if world.below(3) == 0 {
                    nop().await.ok();
                }
                n.cancel();
            }
            _ if !place.shielded && world.below(2) == 0 => {}
            _ => n.cancel(),
        }
        Ok(())
    });
    _ = result.await;
}

/// Runs the program of a seed to its end.
fn program(seed: u64, also: Also) {
    run(async move || {
        let world = World::new(seed, also).await;
        let place = Place { depth: 0, shielded: false };
        for _ in 0..6 {
            let nested = timeout(ms(3), nurse(Rc::clone(&world), place));
            _ = AssertUnwindSafe(nested).catch_unwind().await;
            let plain = timeout(ms(2), act(&world, place));
            _ = AssertUnwindSafe(plain).catch_unwind().await;
        }
        settle().await;
        world.steps_left.set(0);
        // The futures in the pool own the pool, and may put others there when they go.
        while !world.pool.borrow().is_empty() {
            let left = take(&mut *world.pool.borrow_mut());
            drop(left);
        }
        settle().await;
    });
}

#[test]
fn r05_programs_that_move_futures_end() {
    seeds(3000..3300).for_each(|seed| program(seed, Also::Nothing));
}

/// In this program, a nursery comes to be polled by a task that is below it.
#[test]
fn r05_a_program_in_which_a_nursery_is_polled_from_inside_ends() {
    program(317_843, Also::Panic);
}

#[test]
fn r05_programs_that_move_futures_and_panic_end() {
    seeds(0..100).for_each(|seed| program(seed, Also::Panic));
}

#[test]
fn r05_programs_that_forget_futures_end() {
    // Where leaks are looked for, nothing is to be forgotten.
    if may_forget() {
        seeds(0..100).for_each(|seed| program(seed, Also::Forget));
    }
}
