//! Millions of wakes, each of which somebody waits for.

use crate::gate::Gate;
use crate::support::watched;
use crate::two;
use nestling::{Runtime, nursery};
use std::env;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Tasks that one sender wakes before it waits until all have seen it: half of them on each core,
/// for a thread; all on the other core, for a core.
const TASKS: u64 = 64;

/// One sender's tasks.
struct Burst {
    gates: Vec<Gate>,
    seen: AtomicU64,
    /// Where the sender waits, if it is a task.
    back: Gate,
}

impl Burst {
    fn new() -> Arc<Self> {
        let gates = (0..TASKS).map(|_| Gate::default()).collect();
        Arc::new(Self { gates, seen: AtomicU64::new(0), back: Gate::default() })
    }

    /// One of the tasks.
    async fn receive(&self, gate: &Gate, bursts: u64) -> io::Result<()> {
        for burst in 1..=bursts {
            gate.reached(burst).await;
            if self.seen.fetch_add(1, Ordering::SeqCst) + 1 == burst * TASKS {
                self.back.set(burst);
            }
        }
        Ok(())
    }

    fn send(&self, burst: u64) {
        self.gates.iter().for_each(|gate| gate.set(burst));
    }

    /// A thread as the sender.
    fn run(&self, bursts: u64) {
        for burst in 1..=bursts {
            self.send(burst);
            while self.seen.load(Ordering::SeqCst) < burst * TASKS {
                thread::yield_now();
            }
        }
    }
}

/// Two threads wake tasks on two cores, which wake each other's. A wake that is lost hangs the
/// test. A million by default; for ten: `NESTLING_WAKES=10000000 cargo test --test cores many::`.
#[test]
fn f1_no_wake_among_many_is_lost() {
    let wakes =
        env::var("NESTLING_WAKES").map_or(1_000_000, |text| text.parse().expect("a number"));
    let bursts = wakes / (4 * TASKS) + 1;
    watched(move || {
        let threads: Arc<[_; 2]> = Arc::new([Burst::new(), Burst::new()]);
        let cores: Arc<[_; 2]> = Arc::new([Burst::new(), Burst::new()]);
        let senders: Vec<_> =
            threads.iter().cloned().map(|burst| thread::spawn(move || burst.run(bursts))).collect();
        let seen = Arc::clone(&threads);
        two(Runtime::builder(), async move |core| {
            nursery(async |n| {
                for burst in threads.iter() {
                    for gate in burst.gates.iter().skip(core.index()).step_by(2) {
                        n.spawn(burst.receive(gate, bursts));
                    }
                }
                let (own, others) = (&cores[core.index()], &cores[1 - core.index()]);
                for gate in &own.gates {
                    n.spawn(own.receive(gate, bursts));
                }
                for burst in 1..=bursts {
                    others.send(burst);
                    others.back.reached(burst).await;
                }
                Ok::<_, io::Error>(())
            })
            .await
        });
        senders.into_iter().for_each(|sender| sender.join().expect("it only wakes"));
        for burst in seen.iter() {
            assert_eq!(burst.seen.load(Ordering::SeqCst), bursts * TASKS);
        }
    });
}
