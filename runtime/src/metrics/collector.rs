//! [`Metrics`] for the crate `prometheus-client`: families of metrics, made when asked for.
//!
//! The names are those that Prometheus recommends: the program's part first, base units, and
//! `_total` on what only grows, which the encoder adds.

use super::{BlockingStats, Metrics, NurseryStats};
use crate::counters::Stats;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use std::fmt;

/// One family: its name, what it says, whether it only grows, and where its numbers are.
type Family<T> = (&'static str, &'static str, MetricType, fn(&T) -> u64);

use MetricType::{Counter, Gauge};

const CORES: [Family<Stats>; 19] = [
    ("operations_submitted", "Operations handed to the kernel", Counter, |it| it.submitted),
    ("operations_completed", "Operations that the kernel has finished", Counter, |it| it.completed),
    ("operations_in_flight", "Operations that the kernel has", Gauge, |it| it.in_flight),
    ("operations_withdrawn", "Operations taken back before the kernel had them", Counter, |it| {
        it.withdrawn
    }),
    ("operations_cancelled", "Operations that a cancel has ended", Counter, |it| it.cancelled),
    ("operations_leaked", "Operations given up with their memory", Gauge, |it| it.leaked),
    ("cancel_requests", "Requests to the kernel to cancel an operation", Counter, |it| {
        it.cancel_requests
    }),
    ("results_discarded", "Results that no future took", Counter, |it| it.discarded),
    ("results_lost", "Successes among the results that no future took", Counter, |it| it.lost),
    ("results_resumed", "Results kept for the next accept or receive", Counter, |it| it.resumed),
    ("receives_starved", "Receives that had to wait for a buffer", Counter, |it| it.starved),
    ("receives_copied", "Receives with memory of their own", Counter, |it| it.copied),
    ("errors_derived", "Errors of tasks that came of their cancellation", Counter, |it| it.derived),
    ("completions_stale", "Completions that matched no operation", Counter, |it| it.stale),
    ("completion_queue_overflows", "Turns that found the queue overflowed", Counter, |it| {
        it.overflows
    }),
    ("turns", "Rounds of the event loop", Counter, |it| it.turns),
    ("kernel_enters", "System calls to submit or to wait", Counter, |it| it.enters),
    ("doorbells", "Wakes by other threads that ended a sleep", Counter, |it| it.doorbells),
    ("stalls", "Polls that held the core for longer than the threshold", Counter, |it| it.stalls),
];

const NURSERIES: [Family<NurseryStats>; 7] = [
    ("nurseries_opened", "Nurseries that were opened", Counter, |it| it.opened),
    ("nurseries_open", "Nurseries that are open", Gauge, |it| it.opened - it.closed),
    ("children_spawned", "Children that were spawned", Counter, |it| it.spawned),
    ("children_alive", "Children that have not ended", Gauge, |it| it.spawned - it.ended),
    ("task_failures", "Errors of children and bodies, but for derived ones", Counter, |it| {
        it.failures
    }),
    ("task_panics", "Children and bodies that have panicked", Counter, |it| it.panics),
    ("nursery_cancels", "Cancels of nurseries, but for those from around", Counter, |it| {
        it.cancels
    }),
];

const BLOCKING: [Family<BlockingStats>; 5] = [
    ("blocking_threads", "Threads for blocking calls", Gauge, |it| it.threads as u64),
    ("blocking_threads_idle", "Those among them that wait for a call", Gauge, |it| it.idle as u64),
    ("blocking_threads_limit", "How many of them there may be", Gauge, |it| it.limit as u64),
    ("blocking_calls", "Blocking calls that were queued", Counter, |it| it.calls),
    ("blocking_calls_waiting", "Blocking calls that wait for a thread", Gauge, |it| {
        it.waiting as u64
    }),
];

/// Writes families of metrics.
struct Families<'e, 'w>(&'e mut DescriptorEncoder<'w>);

impl Families<'_, '_> {
    /// One family, with a metric for each item.
    fn write<T>(
        &mut self,
        (name, help, kind, number): Family<T>,
        label: &'static str,
        items: &[(String, T)],
    ) -> fmt::Result {
        let name = format!("nestling_{name}");
        let mut family = self.0.encode_descriptor(&name, help, None, kind)?;
        for (value, item) in items {
            let labels = [(label, value.as_str())];
            let labels = if label.is_empty() { &[] } else { labels.as_slice() };
            let number = number(item);
            let mut metric = family.encode_family(&labels)?;
            match kind {
                Gauge => metric.encode_gauge(&number)?,
                _ => metric.encode_counter::<NoLabelSet, _, u64>(&number, None)?,
            }
        }
        Ok(())
    }

    fn write_all<T>(
        &mut self,
        families: &[Family<T>],
        label: &'static str,
        items: &[(String, T)],
    ) -> fmt::Result {
        families.iter().try_for_each(|family| self.write(*family, label, items))
    }
}

/// Without a registry's prefix, every name begins with `nestling_`. Numbers of cores have the label
/// `core`, those of nurseries the label `nursery`; those are written if a
/// [hook](Metrics::count_tasks) is, or was, installed. Times are in seconds.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use nestling_runtime::{Runtime, metrics::Metrics};
/// use prometheus_client::{encoding::text::encode, registry::Registry};
///
/// let metrics = Metrics::new();
/// let mut runtime = Runtime::builder().metrics(&metrics).build()?;
/// let mut registry = Registry::default();
/// registry.register_collector(Box::new(metrics));
/// runtime.block_on(async {
///     let mut page = String::new();
///     encode(&mut page, &registry).unwrap();
///     assert!(page.contains("nestling_turns_total{core=\"0\"}"), "{page}");
/// });
/// # Ok(())
/// # }
/// ```
impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let cores: Vec<_> =
            self.cores().into_iter().map(|(core, stats)| (core.to_string(), stats)).collect();
        let nurseries: Vec<_> =
            self.nurseries().into_iter().map(|stats| (stats.name.clone(), stats)).collect();
        let blocking = [(String::new(), self.blocking())];
        let mut families = Families(&mut encoder);
        families.write_all(&CORES, "core", &cores)?;
        families.write_all(&BLOCKING, "", &blocking)?;
        let times = self.poll_times();
        if times.count() == 0 {
            return Ok(());
        }
        families.write_all(&NURSERIES, "nursery", &nurseries)?;
        let buckets: Vec<_> = times
            .buckets()
            .map(|(bound, polls)| (bound.map_or(f64::INFINITY, |it| it.as_secs_f64()), polls))
            .collect();
        encoder
            .encode_descriptor(
                "nestling_poll_duration",
                "Own time of polls of tasks",
                Some(&Unit::Seconds),
                MetricType::Histogram,
            )?
            .encode_histogram::<NoLabelSet>(
                times.sum().as_secs_f64(),
                times.count(),
                &buckets,
                None,
            )
    }
}
