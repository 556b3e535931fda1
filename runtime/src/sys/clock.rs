//! The kernel's monotonic clock, in nanoseconds, exact or as of its last tick.

/// Nanoseconds on `CLOCK_MONOTONIC`, the clock by which a ring measures deadlines.
pub(crate) fn monotonic_ns() -> u64 {
    read(libc::CLOCK_MONOTONIC)
}

/// The monotonic clock at its timer's last tick, 1 to 10 ms ago. This is one load, where
/// [`monotonic_ns`] reads the hardware, which some virtual machines make a system call.
pub(crate) fn monotonic_tick_ns() -> u64 {
    read(libc::CLOCK_MONOTONIC_COARSE)
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a live, writable timespec for the length of the call.
    let result = unsafe { libc::clock_gettime(clock, &mut now) };
    assert_eq!(result, 0, "the monotonic clocks exist on every Linux");
    // Both fields are never negative on this clock; 2^64 ns are 584 years of uptime.
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
