//! What the kernel takes as options of sockets: a C `int` each, into which not everything fits.

use std::io;
use std::time::Duration;

/// The kernel multiplies seconds by its ticks, up to 1,000 in a second, in 32 bits. 24 days.
const LONGEST: Duration = Duration::from_secs(i32::MAX as u64 / 1_000);

/// A time in whole seconds, and never less: zero means something else than a moment.
pub(super) fn whole_seconds(time: Duration) -> Duration {
    let part = u64::from(time.subsec_nanos() > 0);
    Duration::from_secs(time.as_secs().saturating_add(part)).min(LONGEST)
}

/// A time in whole milliseconds, and never less: zero means something else than a moment.
pub(super) fn whole_millis(time: Duration) -> Duration {
    let part = u64::from(!time.subsec_nanos().is_multiple_of(1_000_000));
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).saturating_add(part);
    Duration::from_millis(millis.min(i32::MAX as u64))
}

/// A buffer's size. The kernel has a limit of its own below the one of the type.
pub(super) fn buffer(bytes: usize) -> usize {
    bytes.min(i32::MAX as usize)
}

/// A packet's lifetime, for which it has a byte. The kernel takes 2^32 - 1 for "the default".
pub(super) fn hops(hops: u32) -> io::Result<u32> {
    match hops {
        1..=255 => Ok(hops),
        _ => {
            let text = format!("a packet cannot live for {hops} hops: from 1 to 255");
            Err(io::Error::new(io::ErrorKind::InvalidInput, text))
        }
    }
}

/// A time between probes of an idle connection: as many seconds as the kernel takes.
pub(super) fn probe_seconds(time: Duration) -> Duration {
    whole_seconds(time).clamp(Duration::from_secs(1), Duration::from_secs(32_767))
}

/// A number of probes, for which the kernel has seven bits.
pub(super) fn probes(probes: u32) -> io::Result<u32> {
    match probes {
        1..=127 => Ok(probes),
        _ => {
            let text = format!("a connection cannot break after {probes} probes: from 1 to 127");
            Err(io::Error::new(io::ErrorKind::InvalidInput, text))
        }
    }
}
