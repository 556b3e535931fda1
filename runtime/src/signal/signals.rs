//! `Signals`: the signals that came, one by one.

use crate::fd::SharedFd;
use crate::op::PollOp;
use crate::ring::Interest;
use crate::wake::budget;
use crate::yield_now::consume_budget;
use libc::SIGRTMIN;
use signal_hook::consts::{FORBIDDEN, SIGINT};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use std::future::Future;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

/// The first signal that is for a real time, and the last signal of Linux. Those of the first that
/// the C library uses itself are below its `SIGRTMIN`.
const REAL_TIME: i32 = 32;
const LAST: i32 = 64;

/// Signals that are sent to the process. Made by [`signals`].
///
/// # Examples
///
/// ```
/// use nestling_runtime::{block_on, signal::{self, SIGHUP, SIGUSR2, Signals}};
/// # fn main() -> std::io::Result<()> {
/// block_on(async {
///     let mut signals: Signals = signal::signals([SIGHUP, SIGUSR2])?;
///     signal_hook::low_level::raise(SIGHUP)?; // somebody: kill -HUP PID
///     match signals.next().await? {
///         SIGHUP => println!("read the configuration again"),
///         other => println!("signal {other}"),
///     }
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct Signals {
    delivery: SignalDelivery<Watched, SignalOnly>,
    socket: SharedFd,
}

/// The number of the socket's end that is read. [`Signals::socket`] keeps it open.
#[derive(Debug)]
struct Watched(RawFd);

impl AsRawFd for Watched {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

/// Receives these signals from now on, on this core. Each [`Signals`] for a signal gets it, on
/// every core; signals that come faster than they are asked for count as one.
///
/// From the first call on a signal no longer does to the process what it did by default, also when
/// no task waits for it any more. Takes two descriptors.
///
/// # Errors
///
/// `InvalidInput` for what cannot be handled (such as `SIGKILL`), is the C library's own (32 and
/// 33), or is no signal; no descriptors are left.
///
/// # Examples
///
/// See [`Signals`].
pub fn signals(signals: impl IntoIterator<Item = i32>) -> io::Result<Signals> {
    let signals = Vec::from_iter(signals);
    signals.iter().try_for_each(|signal| check(*signal))?;
    let (ours, written) = UnixStream::pair()?;
    let socket = SharedFd::new(OwnedFd::from(ours));
    let watched = Watched(socket.as_raw_fd());
    let delivery = SignalDelivery::with_pipe(watched, written, SignalOnly, signals)?;
    Ok(Signals { delivery, socket })
}

fn check(signal: i32) -> io::Result<()> {
    let why = match signal {
        _ if FORBIDDEN.contains(&signal) => "cannot be handled; take SIGTERM, or another one",
        REAL_TIME.. if signal < SIGRTMIN() => {
            "belongs to the C library, for its threads; those of real time begin with SIGRTMIN, 34"
        }
        1..=LAST => return Ok(()),
        _ => "does not exist; they are numbered from 1 to 64",
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("signal {signal} {why}")))
}

impl Signals {
    /// The next signal's number. Signals that came while no task waited come first, in no order.
    ///
    /// # Cancellation
    ///
    /// Loses nothing: a signal that came goes to the next call.
    ///
    /// # Errors
    ///
    /// The task was cancelled.
    pub async fn next(&mut self) -> io::Result<i32> {
        consume_budget().await;
        loop {
            if let Some(signal) = self.delivery.pending().next() {
                return Ok(signal);
            }
            PollOp::new(self.socket.clone(), Interest::Readable).await?;
        }
    }
}

/// Waits for one `SIGINT` from the call on: the user presses Ctrl-C. To wait for many of them, take
/// [`signals`]; to stop a server, [`stop_requested`](super::stop_requested).
///
/// # Cancellation
///
/// Ends at once. The process goes on ignoring the signal.
///
/// # Errors
///
/// No descriptors are left, or it was cancelled.
///
/// # Examples
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(async {
///     println!("press Ctrl-C");
///     nestling_runtime::signal::ctrl_c().await
/// })
/// # }
/// ```
pub fn ctrl_c() -> impl Future<Output = io::Result<()>> {
    let signals = signals([SIGINT]);
    async move {
        budget::works();
        consume_budget().await;
        signals?.next().await.map(drop)
    }
}
