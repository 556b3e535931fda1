//! What a wake costs the one who wakes: nothing if the core runs, one write if it sleeps.

use crate::gate::Gate;
use crate::support::watched;
use crate::two;
use nestling::time::sleep;
use nestling::{Runtime, nursery, stats};
use std::fs;
use std::io;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

/// The writes that the calling thread has made, as the kernel counts them.
fn writes() -> u64 {
    let counters = fs::read_to_string("/proc/thread-self/io").expect("the kernel counts");
    let line = counters.lines().find_map(|line| line.strip_prefix("syscw: "));
    line.expect("writes are counted").parse().expect("a number")
}

#[test]
fn f2_a_core_that_runs_is_not_rung() {
    watched(|| {
        let gate = Arc::new(Gate::default());
        let mut runtime = Runtime::builder().build().unwrap();
        let written = runtime.block_on(async {
            nursery(async |n| {
                n.spawn(async {
                    gate.reached(10_000).await;
                    Ok(())
                });
                // The core has slept when this is over, and the child waits.
                while gate.waker().is_none() {
                    sleep(Duration::from_millis(1)).await;
                }
                let gate = Arc::clone(&gate);
                let waking = thread::spawn(move || {
                    let before = writes();
                    (1..=10_000).for_each(|number| gate.set(number));
                    writes() - before
                });
                // The core is busy meanwhile.
                Ok::<_, io::Error>(waking.join().unwrap())
            })
            .await
            .unwrap()
        });
        assert_eq!(written, 0);
    });
}

#[test]
fn f2_each_sleep_is_ended_by_one_write_at_most() {
    const THREADS: usize = 4;
    const ROUNDS: u64 = 2_000;
    watched(|| {
        let gates: Arc<Vec<_>> = Arc::new((0..THREADS).map(|_| Gate::default()).collect());
        let together = Arc::new(Barrier::new(THREADS));
        let waking: Vec<_> = (0..THREADS)
            .map(|index| {
                let (gates, together) = (Arc::clone(&gates), Arc::clone(&together));
                thread::spawn(move || {
                    let before = writes();
                    for round in 1..=ROUNDS {
                        together.wait();
                        gates[index].set(round);
                    }
                    writes() - before
                })
            })
            .collect();
        let mut runtime = Runtime::builder().build().unwrap();
        let result = runtime.block_on(nursery(async |n| {
            for gate in gates.iter() {
                n.spawn(async {
                    for round in 1..=ROUNDS {
                        gate.reached(round).await;
                    }
                    Ok(())
                });
            }
            Ok::<_, io::Error>(())
        }));
        result.unwrap();
        let written: u64 = waking.into_iter().map(|thread| thread.join().unwrap()).sum();
        let enters = runtime.stats().enters;
        assert!(written <= enters, "{written} writes for {enters} enters");
        assert!(written > 0, "the core never slept");
    });
}

#[test]
fn f2_a_core_wakes_another_without_a_write() {
    const ROUNDS: u64 = 2_000;
    watched(|| {
        let gates: Arc<[Gate; 2]> = Arc::default();
        let counted = two(Runtime::builder().no_spin(), async move |core| {
            let [own, other] = [&gates[core.index()], &gates[1 - core.index()]];
            let before = writes();
            for round in 1..=ROUNDS {
                other.set(round);
                own.reached(round).await;
            }
            let stats = stats();
            assert!(stats.doorbells <= stats.enters, "{stats:?}");
            assert!(stats.doorbells > 0, "it never slept: {stats:?}");
            Ok(writes() - before)
        });
        assert_eq!(counted, [0, 0]);
    });
}
