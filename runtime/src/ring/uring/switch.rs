//! `Switch`: how far an administrator allows io_uring on this machine.

use std::fmt;
use std::fs;

/// The settings of the kernel that switch io_uring off.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Switch {
    /// `kernel.io_uring_disabled`: 0 open, 1 for a group, 2 closed.
    pub(crate) disabled: Option<u8>,
    /// `kernel.io_uring_group`.
    pub(crate) group: Option<i64>,
}

impl Switch {
    pub(crate) fn read() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self {
            disabled: text("/proc/sys/kernel/io_uring_disabled").trim().parse().ok(),
            group: text("/proc/sys/kernel/io_uring_group").trim().parse().ok(),
        }
    }
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let disabled = self.disabled.map_or("unknown".to_owned(), |value| value.to_string());
        write!(f, "kernel.io_uring_disabled {disabled}")
    }
}
