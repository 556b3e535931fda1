//! `TcpKeepalive`: when an idle connection is probed, and when it is given up.

use super::units;
use socket2::SockRef;
use std::io;
use std::time::Duration;

/// When an idle connection is probed, to notice that the peer is gone (tcp(7)). What is `None` is
/// as the system says.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::net::{TcpKeepalive, TcpListener, TcpStream};
/// use std::time::Duration;
/// nestling_runtime::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let stream = TcpStream::connect(listener.local_addr()?).await?;
///     let minute = Some(Duration::from_secs(60));
///     stream.set_tcp_keepalive(&TcpKeepalive { time: minute, ..TcpKeepalive::default() })?;
///     assert!(stream.keepalive()?);
///     assert_eq!(stream.tcp_keepalive()?.time, minute);
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpKeepalive {
    /// How long the connection is idle before the first probe (`TCP_KEEPIDLE`); in whole seconds,
    /// rounded up, from one second to 9 hours.
    pub time: Option<Duration>,
    /// How long after a probe the next one follows (`TCP_KEEPINTVL`); in the same units.
    pub interval: Option<Duration>,
    /// After how many probes without an answer the connection breaks, with `TimedOut`: 1 to 127
    /// (`TCP_KEEPCNT`).
    pub retries: Option<u32>,
}

impl TcpKeepalive {
    /// Switches the probes on, with these values.
    pub(super) fn set(&self, socket: &SockRef<'_>) -> io::Result<()> {
        let mut keepalive = socket2::TcpKeepalive::new();
        if let Some(time) = self.time {
            keepalive = keepalive.with_time(units::probe_seconds(time));
        }
        if let Some(interval) = self.interval {
            keepalive = keepalive.with_interval(units::probe_seconds(interval));
        }
        if let Some(retries) = self.retries {
            keepalive = keepalive.with_retries(units::probes(retries)?);
        }
        socket.set_tcp_keepalive(&keepalive)
    }

    /// The values that a socket has.
    pub(super) fn of(socket: &SockRef<'_>) -> io::Result<Self> {
        Ok(Self {
            time: Some(socket.tcp_keepalive_time()?),
            interval: Some(socket.tcp_keepalive_interval()?),
            retries: Some(socket.tcp_keepalive_retries()?),
        })
    }
}
