//! `Status`: what is known of a worker, and the daemon that tells.

use nestling::net::{TcpListener, is_exhausted};
use nestling::time::sleep;
use std::cell::Cell;
use std::fmt::{self, Display};
use std::io;
use std::time::Duration;

/// How long to wait before the next accept when descriptors or memory ran out.
const PAUSE: Duration = Duration::from_millis(30);

/// What is known of a worker. One core needs no locks: the tasks share it by reference.
#[derive(Debug)]
pub(crate) struct Status {
    number: u16,
    up: Cell<bool>,
    starts: Cell<u32>,
    messages: Cell<u64>,
}

impl Status {
    pub(crate) fn new(number: u16) -> Self {
        Self { number, up: Cell::new(false), starts: Cell::new(0), messages: Cell::new(0) }
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    /// The worker has started, or ended.
    pub(crate) fn set_up(&self, up: bool) {
        self.up.set(up);
        self.starts.set(self.starts.get() + u32::from(up));
    }

    /// A message was served.
    pub(crate) fn count(&self) {
        self.messages.set(self.messages.get() + 1);
    }
}

impl Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let up = if self.up.get() { "up" } else { "down" };
        let (number, starts, messages) = (self.number, self.starts.get(), self.messages.get());
        writeln!(f, "worker {number}: {up}, started {starts} times, {messages} messages")
    }
}

/// The daemon: tells everybody who connects how the workers are.
pub(crate) async fn tell(listener: TcpListener, workers: &[Status]) -> io::Result<()> {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let text: String = workers.iter().map(ToString::to_string).collect();
                // As little as this fits into the socket's buffer: no client holds the daemon up.
                let _ = stream.write_all(text).await;
            }
            Err(error) if is_exhausted(&error) => sleep(PAUSE).await,
            Err(error) => return Err(error),
        }
    }
}
