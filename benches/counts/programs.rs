//! What is counted: programs that do one thing so many times.

use super::datagrams::datagrams;
use super::files::{fixed, plain, reads};
use super::messages::{Way, echoes};
use super::nested::{Child, Level, Sixteen, Tree, descent};
use nestling::inspect::instrument;
use nestling::metrics::Metrics;
use nestling::sync::{Mutex, channel, oneshot};
use nestling::time::sleep;
use nestling::{Runtime, nursery, task, timeout};
use nestling_runtime::lowlevel::nop;
use std::future::Future;
use std::hint::black_box;
use std::io;
use std::time::Duration;

/// Children of a nursery: few enough that every cell is a recycled one.
const CHILDREN: u64 = 200;
/// Operations in flight together.
const DEPTH: u64 = 100;

/// What is counted: name, and a function that does so many of it.
pub(super) type Program = (&'static str, fn(u64));

/// Their difference is what 15 levels cost.
pub(super) const WAKE_1: &str = "wake below 1 nursery";
pub(super) const WAKE_16: &str = "wake below 16 nurseries";

/// Reads of 4 KiB, from the page cache.
pub(super) const READS: &str = "read of a file, 32 at a time";
/// The same into buffers that are registered.
pub(super) const FIXED_READS: &str = "read into a pool, 32 at a time";

/// Messages of an echo server, over so many connections.
pub(super) const ECHO_1: &str = "echo, 1 connection";
pub(super) const ECHO_64: &str = "echo, 64 connections";
pub(super) const ECHO_1024: &str = "echo, 1024 connections";
/// The same with buffers of a pool.
pub(super) const LEASES: &str = "leases, 64 connections";
pub(super) const STREAMS: &str = "streams of leases, 64 connections";

/// Datagrams of 64 clients: by a stream of receives, and one by one.
pub(super) const DATAGRAMS: &str = "udp, stream of leases, 64 clients";
pub(super) const PLAIN_DATAGRAMS: &str = "udp, one by one, 64 clients";

pub(super) const PROGRAMS: [Program; 23] = [
    ("spawn + join", |count| children(count, || async {})),
    ("spawn + join, one yield", |count| children(count, task::yield_now)),
    ("spawn + join, counted", |count| {
        let _counted = instrument(Metrics::new().count_tasks());
        children(count, || async {});
    }),
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
    (READS, |count| _ = reads(plain, count)),
    (FIXED_READS, |count| _ = reads(fixed, count)),
    (ECHO_1, |count| _ = echoes(Way::Read, 1, count)),
    (ECHO_64, |count| _ = echoes(Way::Read, 64, count)),
    (ECHO_1024, |count| _ = echoes(Way::Read, 1024, count)),
    (LEASES, |count| _ = echoes(Way::Recv, 64, count)),
    (STREAMS, |count| _ = echoes(Way::Stream, 64, count)),
    (DATAGRAMS, |count| _ = datagrams(true, 64, count)),
    (PLAIN_DATAGRAMS, |count| _ = datagrams(false, 64, count)),
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
