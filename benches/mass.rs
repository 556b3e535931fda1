//! A nursery with very many receives in flight is cancelled: until it has returned, and how long a
//! task beside it waits for its turn meanwhile.
//!
//! ```text
//! cargo bench --bench mass [-- receives]
//! ```
//!
//! One row for each count of receives, on a thousand sockets. Times are per receive, from the
//! `cancel()` until the nursery has returned, alone and beside a task that yields again and again;
//! and the longest of the gaps between two turns of that task, which is the longest turn of the
//! loop. The bars: 2.5 us each, and 20 ms.

#[allow(dead_code, reason = "the other benchmark of cancels times less than this one")]
mod receives;

use nestling::task::yield_now;
use nestling::{Runtime, nursery, stats};
use receives::{LENGTH, Sockets};
use std::cell::Cell;
use std::env;
use std::io;
use std::time::{Duration, Instant};

const COUNTS: [usize; 5] = [10_000, 50_000, 100_000, 200_000, 1_000_000];
const SOCKETS: usize = 1_000;
/// Of several runs the fastest one counts, and its longest turn.
const RUNS: usize = 3;

/// Cancels so many receives: how long that took, and the longest turn meanwhile.
fn cancel(sockets: &Sockets, count: usize, beside: bool) -> (Duration, Duration) {
    let mut runtime = Runtime::builder().build().expect("a runtime");
    let (began, done) = (Cell::new(None::<Instant>), Cell::new(false));
    let longest = Cell::new(Duration::ZERO);
    let elapsed = runtime.block_on(async {
        let result: io::Result<Duration> = nursery(async |outer| {
            if beside {
                outer.spawn(async {
                    let mut last = None;
                    while !done.get() {
                        yield_now().await;
                        // From the cancel on.
                        let Some(since) = last.or(began.get()) else { continue };
                        let now = Instant::now();
                        longest.set(longest.get().max(now - since));
                        last = Some(now);
                    }
                });
            }
            let inner: io::Result<()> = nursery(async |n| {
                for stream in sockets.take(count) {
                    n.spawn(async { stream.read(vec![0; LENGTH]).await.0.map(drop) });
                }
                while stats().in_flight < count as u64 {
                    yield_now().await;
                }
                began.set(Some(Instant::now()));
                n.cancel();
                Ok(())
            })
            .await;
            let elapsed = began.get().expect("it was cancelled").elapsed();
            done.set(true);
            inner.map(|()| elapsed)
        })
        .await;
        result.expect("a nursery that cancels itself has not failed")
    });
    assert_eq!(runtime.stats().cancelled, count as u64, "every receive was cancelled");
    (elapsed, longest.get())
}

fn main() {
    // Cargo adds `--bench`.
    let only: Option<usize> = env::args().skip(1).find_map(|text| text.parse().ok());
    let counts = only.map_or(COUNTS.to_vec(), |count| vec![count]);
    let sockets = Sockets::new(SOCKETS.min(receives::descriptors() / 2));
    println!(
        "{:>10} {:>14} {:>18} {:>16}",
        "receives", "alone, us each", "beside, us each", "longest turn, ms"
    );
    for count in counts {
        let best = |beside| (0..RUNS).map(|_| cancel(&sockets, count, beside)).min();
        let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
        let (alone, _) = best(false).expect("there are runs");
        let (busy, longest) = best(true).expect("there are runs");
        let longest = longest.as_secs_f64() * 1e3;
        println!("{count:>10} {:>14.2} {:>18.2} {longest:>16.2}", each(alone), each(busy));
    }
}
