//! `Supervisor`: keeps one worker running.
//!
//! ```text
//!            ┌────────────── pause: twice as long each time ──────────────┐
//!            ▼                                                            │
//!   listen ─ up ── panic, error ──▶ down ── fewer crashes than allowed ───┘
//!            │                       └───── too many ──▶ fails its nursery
//!            └ cancelled ──▶ cut
//! ```

use crate::options::Options;
use crate::say;
use crate::status::Status;
use crate::worker;
use nestling::net::TcpListener;
use nestling::time::{Instant, sleep};
use nestling::{Started, io::nursery};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(5);

/// Keeps one worker running.
pub(crate) struct Supervisor<'a> {
    pub(crate) options: &'a Options,
    pub(crate) status: &'a Status,
}

impl Supervisor<'_> {
    /// Listens, says that it is ready, and runs the worker, again and again.
    ///
    /// The listener survives the worker: a client that connects meanwhile waits in its backlog.
    ///
    /// # Errors
    ///
    /// It cannot listen, or the worker has crashed too often.
    pub(crate) async fn run(&self, up: Started<SocketAddr>) -> io::Result<()> {
        let listener = TcpListener::bind(self.options.address(self.status.number())).await?;
        up.ready(listener.local_addr()?);
        let mut crashes = VecDeque::new();
        let mut pause = self.options.backoff;
        loop {
            self.status.set_up(true);
            let crash = self.run_once(&listener).await?;
            self.status.set_up(false);
            let now = Instant::now();
            crashes.retain(|at| now - *at < self.options.window);
            if crashes.is_empty() {
                pause = self.options.backoff;
            }
            crashes.push_back(now);
            let number = self.status.number();
            if crashes.len() >= self.options.crashes {
                let (count, window) = (crashes.len(), self.options.window);
                let text = format!("worker {number} crashed {count} times in {window:?}: {crash}");
                return Err(io::Error::other(text));
            }
            say(format_args!("worker {number}: {crash}; again in {pause:?}"));
            sleep(pause).await;
            pause = LONGEST.min(pause * 2);
        }
    }

    /// Runs the worker until it crashes; tells how. In a nursery of its own: when that has
    /// returned, all connections of the worker are closed.
    async fn run_once(&self, listener: &TcpListener) -> io::Result<String> {
        nursery(async |n| {
            let worker = n.supervise(worker::serve(listener, self.options.limit, self.status));
            Ok(match worker.await {
                Ok(Ok(never)) => never,
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(), // it panicked
            })
        })
        .await
    }
}
