//! Metrics: what all cores count, read on one of them and on a thread that is none, also while a
//! core is held; and as a page for Prometheus.

use crate::support::nurseries::{E, throw};
use crate::support::watched;
use nestling::inspect::instrument;
use nestling::metrics::{BlockingStats, Metrics, NurseryStats};
use nestling::sync::remote;
use nestling::task::{spawn_blocking, yield_now};
use nestling::{Cores, Never, Options, Runtime, io, nursery, nursery_with};
use nestling_runtime::lowlevel::nop;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::future::pending;
use std::hint::spin_loop;
use std::io::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

/// Operations that a core submits, one after the other.
const OPERATIONS: u64 = 100;

async fn submit(operations: u64) {
    for _ in 0..operations {
        nop().await.expect("a no-operation always works");
    }
}

/// The page that a scrape gets.
fn page(metrics: &Metrics) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(metrics.clone()));
    let mut page = String::new();
    encode(&mut page, &registry).expect("a string takes all");
    page
}

/// The samples of a page: name and labels, and the value.
fn samples(page: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let samples: Vec<_> = lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a value");
            (name.to_owned(), value.parse().expect("a number"))
        })
        .collect();
    let all = samples.len();
    let samples: BTreeMap<_, _> = samples.into_iter().collect();
    assert_eq!(samples.len(), all, "each series comes once: {page}");
    samples
}

fn of(metrics: &Metrics, name: &str) -> NurseryStats {
    metrics.nurseries().into_iter().find(|it| it.name == name).expect("a nursery of that name")
}

#[test]
fn one_core_reads_what_all_have_counted() {
    watched(|| {
        let metrics = Metrics::new();
        let all = metrics.clone();
        let run = Runtime::builder().cores(Cores::Count(2)).metrics(&metrics);
        // The other core waits until it was read: a core that has ended has no metrics.
        let (counted, hear) = remote::channel(1);
        let (read, wait) = remote::channel(1);
        let ends = std::sync::Mutex::new((Some((counted, wait)), Some((hear, read))));
        run.run(async move |core| {
            submit(OPERATIONS * (core.index() as u64 + 1)).await;
            if core.index() == 1 {
                let (counted, wait) = ends.lock().unwrap().0.take().unwrap();
                counted.send(()).await.unwrap();
                wait.recv().await.unwrap();
                return Ok(());
            }
            let (hear, read) = ends.lock().unwrap().1.take().unwrap();
            hear.recv().await.unwrap();
            let (now, cores) = (nestling::stats(), all.cores());
            let [(0, own), (1, other)] = cores[..] else { panic!("{cores:?}") };
            assert_eq!((own.submitted, own.turns), (now.submitted, now.turns), "{own:?}");
            assert!(other.completed >= 2 * OPERATIONS && other.turns > OPERATIONS, "{other:?}");
            let samples = samples(&page(&all));
            let submitted = samples["nestling_operations_submitted_total{core=\"1\"}"];
            assert!(submitted >= other.submitted as f64, "{samples:?}");
            read.send(()).await.unwrap();
            Ok::<_, Error>(())
        })
        .unwrap();
        assert_eq!(metrics.cores(), [], "they have ended");
    });
}

#[test]
fn a_core_that_is_held_has_metrics() {
    watched(|| {
        let metrics = Metrics::new();
        let mut runtime = Runtime::builder().metrics(&metrics).build().unwrap();
        let (held, hear) = channel();
        let (read, wait) = channel();
        let reader = thread::spawn(move || {
            hear.recv().unwrap();
            let page = page(&metrics);
            read.send(()).unwrap();
            page
        });
        runtime.block_on(async {
            submit(OPERATIONS).await;
            held.send(()).unwrap();
            wait.recv().unwrap(); // no await: the core is held
        });
        let samples = samples(&reader.join().unwrap());
        let completed = samples["nestling_operations_completed_total{core=\"0\"}"];
        assert_eq!(completed, OPERATIONS as f64);
    });
}

#[test]
fn each_runtime_has_an_index() {
    let metrics = Metrics::new();
    let build = || Runtime::builder().metrics(&metrics).build().unwrap();
    let indexes = || metrics.cores().iter().map(|(index, _)| *index).collect::<Vec<_>>();
    let (first, second) = (build(), build());
    assert_eq!(indexes(), [0, 1]);
    drop(first);
    assert_eq!(indexes(), [1]);
    let _third = build();
    assert_eq!(indexes(), [0, 1]);
    drop(second);
}

#[test]
fn stalls_are_counted() {
    watched(|| {
        let (tell, told) = channel();
        let builder = Runtime::builder().stall_threshold(Duration::from_millis(5));
        let builder = builder.on_stall(move |_| _ = tell.send(()));
        let mut runtime = builder.build().unwrap();
        runtime.block_on(async {
            while told.try_recv().is_err() {
                spin_loop();
            }
        });
        // The machine may have stopped the thread in another poll; there is only one.
        assert_eq!(runtime.stats().stalls, 1);
    });
}

#[test]
fn blocking_threads_and_calls_are_counted() {
    watched(|| {
        let metrics = Metrics::new();
        let builder = Runtime::builder().blocking_threads(1).metrics(&metrics);
        let mut runtime = builder.build().unwrap();
        let numbers = |stats: BlockingStats| {
            let BlockingStats { threads, idle, limit, calls, waiting, .. } = stats;
            (threads, idle, limit, calls, waiting)
        };
        assert_eq!(numbers(metrics.blocking()), (0, 0, 1, 0, 0));
        let gate = Arc::new(Barrier::new(2));
        runtime
            .block_on(io::nursery(async |n| {
                let (opened, opens) = (Arc::clone(&gate), Arc::clone(&gate));
                let (begun, hear) = remote::oneshot();
                n.spawn(async move {
                    let call = spawn_blocking(move || (begun.send(()), opened.wait()));
                    drop(call.await?);
                    Ok(())
                });
                hear.await.unwrap();
                n.spawn(async { Ok(spawn_blocking(|| ()).await?) });
                submit(1).await; // the second call is queued by now
                let meanwhile = metrics.blocking();
                opens.wait();
                assert_eq!(numbers(meanwhile), (1, 0, 1, 2, 1));
                Ok(())
            }))
            .unwrap();
        assert_eq!(numbers(metrics.blocking()), (1, 1, 1, 2, 0));
        drop(runtime);
        assert_eq!(metrics.blocking(), BlockingStats::default(), "the threads are joined");
    });
}

/// Opens a nursery with that name, in which one child ends and another one does not.
async fn two_children(metrics: &Metrics, then: impl AsyncFnOnce() -> Result<(), E>) {
    let options = Options { name: Some("shop"), ..Options::default() };
    let result = nursery_with(options, async |n| {
        n.spawn(async { Ok::<_, E>(()) });
        n.spawn_daemon(async { pending::<Result<Never, E>>().await });
        yield_now().await;
        let shop = of(metrics, "shop");
        assert_eq!(shop.opened - shop.closed, 1, "{shop:?}");
        assert_eq!((shop.spawned - shop.ended, shop.spawned % 2), (1, 0), "{shop:?}");
        then().await
    });
    drop(result.await);
}

#[test]
fn nurseries_are_counted_by_name() {
    watched(|| {
        let metrics = Metrics::new();
        let mut runtime = Runtime::builder().metrics(&metrics).build().unwrap();
        let counted = instrument(metrics.count_tasks());
        let line = line!() + 2;
        runtime.block_on(async {
            drop(nursery(async |_| Ok::<_, E>(())).await);
            two_children(&metrics, async || Ok(())).await;
            two_children(&metrics, async || Err(E::Boom(1))).await;
        });
        let panicking = AssertUnwindSafe(two_children(&metrics, async || throw(1)));
        let panicked = catch_unwind(AssertUnwindSafe(|| runtime.block_on(panicking)));
        panicked.unwrap_err();
        let shop = of(&metrics, "shop");
        let numbers = (shop.opened, shop.closed, shop.spawned, shop.ended);
        assert_eq!(numbers, (3, 3, 6, 6), "{shop:?}");
        assert_eq!((shop.failures, shop.panics), (1, 1), "{shop:?}");
        let unnamed = of(&metrics, &format!("{}:{line}", file!()));
        assert_eq!((unnamed.opened, unnamed.spawned, unnamed.cancels), (1, 0, 0), "{unnamed:?}");
        drop(counted);
        assert_eq!(of(&metrics, "shop"), shop, "what was counted stays when the hook is gone");
    });
}

#[test]
fn what_goes_with_its_hook_is_not_open() {
    watched(|| {
        let metrics = Metrics::new();
        let mut runtime = Runtime::builder().metrics(&metrics).build().unwrap();
        let result: Result<(), E> = runtime.block_on(async {
            let counted = instrument(metrics.count_tasks());
            let options = Options { name: Some("old"), ..Options::default() };
            nursery_with(options, async |n| {
                n.spawn(yield_now());
                drop(counted);
                Ok(())
            })
            .await
        });
        result.unwrap();
        let old = of(&metrics, "old");
        assert_eq!((old.opened, old.closed, old.spawned, old.ended), (1, 1, 1, 1));
    });
}

#[test]
fn the_page_is_as_prometheus_wants_it() {
    watched(|| {
        let metrics = Metrics::new();
        let mut runtime = Runtime::builder().metrics(&metrics).build().unwrap();
        let counted = instrument(metrics.count_tasks());
        runtime.block_on(two_children(&metrics, async || Ok(())));
        let page = page(&metrics);
        assert!(page.ends_with("# EOF\n"), "{page}");
        let kinds: BTreeMap<_, _> =
            page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
        assert_eq!(kinds["nestling_turns"], "counter");
        assert_eq!(kinds["nestling_operations_in_flight"], "gauge");
        assert_eq!(kinds["nestling_poll_duration_seconds"], "histogram");
        assert!(page.contains("# UNIT nestling_poll_duration_seconds seconds\n"), "{page}");
        let samples = samples(&page);
        for (name, kind) in &kinds {
            let plain = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(name.starts_with("nestling_") && name.chars().all(plain), "{name}");
            let sample = match *kind {
                "counter" => format!("{name}_total"),
                "histogram" => format!("{name}_count"),
                _ => (*name).to_owned(),
            };
            assert!(samples.keys().any(|key| key.split('{').next() == Some(&sample)), "{sample}");
            assert!(page.contains(&format!("# HELP {name} ")), "{name}");
        }
        assert_eq!(samples["nestling_nurseries_opened_total{nursery=\"shop\"}"], 1.0);
        assert_eq!(samples["nestling_children_alive{nursery=\"shop\"}"], 0.0);
        let bucket =
            |bound| samples[&format!("nestling_poll_duration_seconds_bucket{{le={bound:?}}}")];
        let count = samples["nestling_poll_duration_seconds_count"];
        assert!(count >= 4.0, "root, body and children: {page}");
        assert_eq!(bucket("+Inf"), count, "{page}");
        assert!(bucket("0.001") <= bucket("1.0"), "buckets are cumulative: {page}");
        drop(counted);
    });
}
