//! How late a task runs that another thread or core wakes: the distribution, not the average.
//!
//! ```text
//! cargo bench --bench late [-- wakes]
//! ```
//!
//! One row for each who wakes and each state of the core that is woken: it sleeps, or it runs
//! something else that yields. Times are from just before the wake until the task runs. On a
//! machine with nothing else to do none is above 10 ms; a sleep and a wake cost tens of
//! microseconds.

use futures_util::task::AtomicWaker;
use nestling::task::yield_now;
use nestling::time::sleep;
use nestling::{Cores, Runtime, nursery};
use std::env;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

/// Before each wake, so that a core with nothing to do sleeps by then.
const PAUSE: Duration = Duration::from_micros(200);

/// Where a task waits for the next wake.
struct Late {
    start: Instant,
    waker: AtomicWaker,
    /// When the task was woken, in nanoseconds; 0 before that.
    woken: AtomicU64,
    /// How often it has run.
    heard: AtomicU64,
}

impl Late {
    fn new() -> Arc<Self> {
        let (woken, heard) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { start: Instant::now(), waker: AtomicWaker::new(), woken, heard })
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    fn wake(&self) {
        self.woken.store(self.now(), Ordering::SeqCst);
        self.waker.wake();
    }

    fn has_heard(&self, wakes: u64) -> bool {
        self.heard.load(Ordering::SeqCst) == wakes
    }

    /// The task: how late it was, each time; beside it something runs, if the core is to be busy.
    async fn hear(&self, wakes: u64, busy: bool) -> io::Result<Vec<u64>> {
        nursery(async |n| {
            if busy {
                n.spawn(async {
                    while !self.has_heard(wakes) {
                        yield_now().await;
                    }
                    Ok::<_, io::Error>(())
                });
            }
            let mut late = Vec::new();
            for heard in 1..=wakes {
                late.push(poll_fn(|cx| self.poll(cx)).await);
                self.heard.store(heard, Ordering::SeqCst);
            }
            Ok(late)
        })
        .await
    }

    fn poll(&self, cx: &std::task::Context<'_>) -> Poll<u64> {
        self.waker.register(cx.waker());
        match self.woken.swap(0, Ordering::SeqCst) {
            0 => Poll::Pending,
            woken => Poll::Ready(self.now().saturating_sub(woken)),
        }
    }
}

fn by_a_thread(wakes: u64, busy: bool) -> Vec<u64> {
    let late = Late::new();
    let waking = thread::spawn({
        let late = Arc::clone(&late);
        move || {
            for wake in 0..wakes {
                while !late.has_heard(wake) {
                    thread::yield_now();
                }
                thread::sleep(PAUSE);
                late.wake();
            }
        }
    });
    let mut runtime = Runtime::builder().build().expect("a runtime");
    let times = runtime.block_on(late.hear(wakes, busy)).expect("nothing fails");
    waking.join().expect("it only wakes");
    times
}

fn by_a_core(wakes: u64, busy: bool) -> Vec<u64> {
    let late = Late::new();
    let builder = Runtime::builder().cores(Cores::Count(2)).no_spin();
    let times = builder.run(async move |core| {
        if core.index() == 1 {
            return late.hear(wakes, busy).await;
        }
        for wake in 0..wakes {
            while !late.has_heard(wake) {
                sleep(PAUSE).await;
            }
            sleep(PAUSE).await;
            late.wake();
        }
        Ok::<_, io::Error>(Vec::new())
    });
    times.expect("two cores").into_iter().flatten().collect()
}

/// So many wakes of a core that sleeps, or of one that is busy; gives how late each was, in ns.
type Run = fn(u64, bool) -> Vec<u64>;

fn main() {
    // Cargo adds `--bench`.
    let wakes = env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(5_000);
    println!("{:24}{:>8} {:>8} {:>8} {:>8}   us", "woken by, core", "p50", "p99", "p99.99", "max");
    let rows: [(&str, Run, bool); 4] = [
        ("a thread, asleep", by_a_thread, false),
        ("a thread, running", by_a_thread, true),
        ("another core, asleep", by_a_core, false),
        ("another core, running", by_a_core, true),
    ];
    for (name, run, busy) in rows {
        let mut times = run(wakes, busy);
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] as f64 / 1_000.0;
        let [half, most, nearly, all] = [0.5, 0.99, 0.9999, 1.0].map(at);
        println!("{name:24}{half:8.1} {most:8.1} {nearly:8.1} {all:8.1}");
    }
}
