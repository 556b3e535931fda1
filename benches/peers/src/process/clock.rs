//! The CPU clock of another process.
#![expect(unsafe_code, reason = "no crate reads the clocks of others")]

use std::time::Duration;

/// Counts the CPU time of one process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProcessClock(libc::clockid_t);

impl ProcessClock {
    pub(crate) fn of(process: u32) -> Self {
        let mut clock = 0;
        // SAFETY: `clock` is a live clockid to be written.
        let result = unsafe { libc::clock_getcpuclockid(process as libc::pid_t, &mut clock) };
        assert_eq!(result, 0, "process {process} has a clock");
        Self(clock)
    }

    pub(crate) fn now(self) -> Duration {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is a live timespec to be written.
        let result = unsafe { libc::clock_gettime(self.0, &mut time) };
        assert_eq!(result, 0, "the process is still there");
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }
}
