//! What it costs to cancel deep nests and long chains, for each level and link: the figure is to
//! stay the same as they grow.
//!
//! `cargo bench --bench deep`; the nodes that cancelling looks at do not wobble.

use nestling::time::sleep;
use nestling::{JoinHandle, nursery};
use nestling_runtime::lowlevel::visits;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::thread;
use std::time::{Duration, Instant};

type Level = Pin<Box<dyn Future<Output = io::Result<()>>>>;

async fn forever() -> io::Result<()> {
    sleep(Duration::MAX).await;
    Ok(())
}

fn bodies(levels: usize) -> Level {
    match levels {
        0 => Box::pin(forever()),
        _ => Box::pin(nursery(async move |_| bodies(levels - 1).await)),
    }
}

fn children(levels: usize) -> Level {
    if levels == 0 {
        return Box::pin(forever());
    }
    Box::pin(nursery(async move |n| {
        n.spawn(children(levels - 1));
        Ok(())
    }))
}

/// Each child awaits the handle of the one before.
fn chain(links: usize) -> Level {
    async fn link(before: JoinHandle<'_, ()>) -> io::Result<()> {
        before.await?;
        Ok(())
    }
    Box::pin(nursery(async move |n| {
        let mut last = n.spawn(forever());
        for _ in 0..links {
            last = n.spawn(link(last));
        }
        drop(last);
        Ok(())
    }))
}

/// The time from the cancel until all have ended, and the nodes that were looked at.
fn cancelled(level: Level) -> (Duration, u64) {
    nestling::block_on(async {
        let mut begun = (Instant::now(), 0);
        let result: io::Result<()> = nursery(async |n| {
            n.spawn(level);
            sleep(Duration::from_millis(50)).await;
            begun = (Instant::now(), visits());
            n.cancel();
            Ok(())
        })
        .await;
        result.expect("nothing fails");
        (begun.0.elapsed(), visits() - begun.1)
    })
}

type Way = (&'static str, fn(usize) -> Level);

const WAYS: [Way; 3] =
    [("nested bodies", bodies), ("nested children", children), ("chained handles", chain)];

fn main() {
    let work = || {
        for (name, way) in WAYS {
            for count in [1_250, 2_500, 5_000, 10_000] {
                let mut rounds: Vec<_> = (0..5).map(|_| cancelled(way(count))).collect();
                rounds.sort_unstable();
                let (time, nodes) = rounds[2];
                let each = time.as_nanos() / count as u128;
                println!("{name} {count:>6}: {time:>10.2?}, {each:>6} ns each, {nodes:>7} nodes");
            }
        }
    };
    // A level takes stack.
    let thread = thread::Builder::new().stack_size(1 << 30).spawn(work);
    thread.expect("a thread").join().expect("it does not panic");
}
