//! On what it was measured, and what else ran there.

use serde::{Deserialize, Serialize};
use std::fs;
use std::thread;
use std::time::Duration;

/// How long to look how busy the machine is.
const LOOK: Duration = Duration::from_millis(250);

/// What figures depend on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) kernel: String,
    pub(crate) processor: String,
    pub(crate) processors: usize,
    pub(crate) is_virtual: bool,
    pub(crate) governor: String,
    pub(crate) congestion_control: String,
    /// Which processors the server and the load had.
    pub(crate) cores: [usize; 2],
    /// Whether the peers were built as servers are for production.
    pub(crate) optimised: bool,
}

impl Machine {
    pub(crate) fn this(cores: [usize; 2], processors: usize) -> Self {
        let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let line = about.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value)
        };
        let frequency = format!("/sys/devices/system/cpu/cpu{}/cpufreq/scaling_governor", cores[0]);
        Self {
            kernel: file("/proc/sys/kernel/osrelease"),
            processor: field("model name").to_owned(),
            processors,
            is_virtual: field("flags").split(' ').any(|flag| flag == "hypervisor"),
            governor: file(&frequency),
            congestion_control: file("/proc/sys/net/ipv4/tcp_congestion_control"),
            cores,
            optimised: is_optimised(),
        }
    }
}

/// Assertions for debugging are there or not, as the profile of the build says.
fn is_optimised() -> bool {
    let mut checked = false;
    debug_assert!({
        checked = true;
        checked
    });
    !checked
}

/// What a file of the kernel says.
fn file(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| "none".to_owned(), |text| text.trim().to_owned())
}

/// The share of the processors' time that is taken while this process only waits.
pub(crate) fn busy() -> f64 {
    let before = ticks();
    thread::sleep(LOOK);
    let after = ticks();
    let (busy, all) = (after.0 - before.0, after.1 - before.1);
    busy as f64 / (all as f64).max(1.0)
}

/// Ticks that processors were busy, or stolen by a hypervisor; and all.
fn ticks() -> (u64, u64) {
    let stat = file("/proc/stat");
    let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    // The guests' time, the last two, is within the user's.
    let ticks: Vec<u64> = fields.take(8).filter_map(|field| field.parse().ok()).collect();
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    let all: u64 = ticks.iter().sum();
    (all - idle, all)
}
