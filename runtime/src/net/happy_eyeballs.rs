//! Happy eyeballs (RFC 8305): attempts that begin one after another, of which the first to succeed
//! wins.
//!
//! ```text
//!   waiting ── no attempt runs, one has failed, or the delay is over ──▶ running ──▶ the winner
//!                                                                          └──▶ failed
//! ```
//!
//! What runs when there is a winner is dropped: the driver cancels it, and closes its socket.

use super::in_vain::{Failed, in_vain};
use super::lookup::resolve;
use super::stream::Stream;
use super::{ConnectOptions, Endpoint};
use crate::op::{Connect, Op};
use crate::scope::is_cancelled;
use crate::time::{Sleep, sleep};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Connects to the first of an endpoint's addresses that answers.
pub(super) async fn connect(
    endpoint: Endpoint<'_>,
    options: &ConnectOptions,
) -> io::Result<Stream> {
    let found = resolve(endpoint).await?.collect();
    let waiting = match endpoint {
        Endpoint::Host { .. } => families_in_turn(found),
        // The caller has chosen the order.
        Endpoint::Address(_) | Endpoint::Addresses(_) => found,
    };
    let mut attempts = Attempts::new(waiting, options);
    match poll_fn(|cx| attempts.poll(cx)).await {
        Outcome::Connected(stream) => Ok(stream),
        Outcome::Cancelled(error) => Err(error),
        Outcome::InVain => Err(in_vain("connect to", endpoint, attempts.failed)),
    }
}

/// One address of each family in turn, beginning with that of the first.
pub(crate) fn families_in_turn(addresses: VecDeque<SocketAddr>) -> VecDeque<SocketAddr> {
    let first = addresses.front().map(SocketAddr::is_ipv6);
    let (mut one, mut other): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| Some(address.is_ipv6()) == first);
    let mut mixed = VecDeque::new();
    while !one.is_empty() || !other.is_empty() {
        mixed.extend(one.pop_front());
        mixed.extend(other.pop_front());
    }
    mixed
}

/// How all of them end.
enum Outcome {
    Connected(Stream),
    Cancelled(io::Error),
    /// Each has failed.
    InVain,
}

/// Attempts at several addresses.
struct Attempts<'a> {
    options: &'a ConnectOptions,
    waiting: VecDeque<SocketAddr>,
    running: Vec<Attempt>,
    failed: Vec<Failed>,
    /// One has failed, so the next begins at once.
    hurries: bool,
    /// Until the next one begins although none has failed.
    delay: Option<Sleep>,
}

struct Attempt {
    address: SocketAddr,
    stream: Stream,
    connecting: Op<Connect>,
}

impl<'a> Attempts<'a> {
    fn new(waiting: VecDeque<SocketAddr>, options: &'a ConnectOptions) -> Self {
        let (running, failed) = (Vec::new(), Vec::new());
        Self { options, waiting, running, failed, hurries: false, delay: None }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        // Each round begins an attempt, which is polled in the next one.
        loop {
            if let Some(outcome) = self.poll_running(cx) {
                return Poll::Ready(outcome);
            }
            let is_due = mem::take(&mut self.hurries) || self.running.is_empty();
            if !is_due && self.poll_delay(cx).is_pending() {
                return Poll::Pending;
            }
            match self.waiting.pop_front() {
                Some(address) => self.begin(address),
                None if self.running.is_empty() => return Poll::Ready(Outcome::InVain),
                None => return Poll::Pending,
            }
        }
    }

    /// Polls what runs: all of it, since a success counts more than a cancellation.
    fn poll_running(&mut self, cx: &mut Context<'_>) -> Option<Outcome> {
        let mut cancelled = None;
        let mut at = 0;
        while let Some(attempt) = self.running.get_mut(at) {
            match Pin::new(&mut attempt.connecting).poll(cx) {
                Poll::Pending => at += 1,
                Poll::Ready(Ok(())) => {
                    return Some(Outcome::Connected(self.running.swap_remove(at).stream));
                }
                Poll::Ready(Err(error)) => {
                    let address = self.running.remove(at).address;
                    if is_cancelled(&error) {
                        cancelled = Some(Outcome::Cancelled(error));
                    } else {
                        self.fail(address, error);
                    }
                }
            }
        }
        cancelled
    }

    /// Ready when the next attempt is to begin beside the others; never, if none is left.
    fn poll_delay(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.delay.as_mut().map_or(Poll::Pending, |delay| Pin::new(delay).poll(cx))
    }

    fn begin(&mut self, address: SocketAddr) {
        match self.options.socket(address) {
            Ok(socket) => {
                let (stream, connecting) = Stream::connecting(socket, address);
                self.running.push(Attempt { address, stream, connecting });
            }
            Err(error) => self.fail(address, error),
        }
        let is_last = self.waiting.is_empty();
        self.delay = (!is_last).then(|| sleep(self.options.delay()));
    }

    fn fail(&mut self, address: SocketAddr, error: io::Error) {
        self.failed.push((address, error));
        self.hurries = true;
    }
}
