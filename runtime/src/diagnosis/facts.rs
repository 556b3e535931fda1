//! What the machine says about itself, read when a core cannot start and by the doctor.

use crate::sys::{self, Limit, Pids};
use std::fmt;
use std::fs;

/// Everything an explanation may need. Read once, on failure only.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// `uname -r`.
    pub(crate) release: String,
    /// A seccomp filter is active for this thread.
    pub(crate) seccomp: bool,
    /// The container runtime that left its mark, if one did.
    pub(crate) container: Option<&'static str>,
    /// The effective user id.
    pub(crate) uid: String,
    /// The group ids.
    pub(crate) groups: String,
    /// The process may lock memory without limit.
    pub(crate) may_lock: bool,
    /// The limit of locked memory, in bytes.
    pub(crate) memlock: Limit,
    /// The limit of descriptors.
    pub(crate) nofile: Limit,
    /// The limit of threads of the user.
    pub(crate) threads: Limit,
    /// The limit of threads of the control group.
    pub(crate) pids: Option<Pids>,
}

const CAP_IPC_LOCK: u32 = 14;

impl Facts {
    pub(crate) fn read() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        // Filters and capabilities are a thread's; `/proc/self` tells of the first one.
        let status = text("/proc/thread-self/status");
        let capabilities = u64::from_str_radix(&field(&status, "CapEff:"), 16).unwrap_or(0);
        Self {
            release: sys::release(),
            seccomp: field(&status, "Seccomp:") == "2",
            container: container(),
            uid: second(&field(&status, "Uid:")),
            groups: field(&status, "Groups:"),
            may_lock: capabilities & (1 << CAP_IPC_LOCK) != 0,
            memlock: Limit::of_locked_memory(),
            nofile: Limit::of_descriptors(),
            threads: Limit::of_threads(),
            pids: Pids::read(),
        }
    }

    /// Whether the release is 6.1 or newer; only ever used to choose words.
    pub(crate) fn is_recent(&self) -> bool {
        let mut numbers = self.release.split(['.', '-']).map_while(|n| n.parse::<u32>().ok());
        let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        (major, minor) >= (6, 1)
    }
}

/// What may stand in the way, apart from the limits.
impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uid = if self.uid.is_empty() { "unknown" } else { &self.uid };
        let filter = if self.seccomp { "yes" } else { "none known" };
        write!(f, "uid {uid}; seccomp filter: {filter}; ")?;
        write!(f, "container: {}", self.container.unwrap_or("none known"))
    }
}

fn field(status: &str, name: &str) -> String {
    let value = status.lines().find_map(|line| line.strip_prefix(name));
    value.unwrap_or_default().trim().to_owned()
}

fn second(words: &str) -> String {
    words.split_whitespace().nth(1).unwrap_or_default().to_owned()
}

fn container() -> Option<&'static str> {
    let exists = |path: &str| fs::exists(path).unwrap_or(false);
    if exists("/.dockerenv") {
        Some("docker")
    } else if exists("/run/.containerenv") {
        Some("podman")
    } else {
        None
    }
}
