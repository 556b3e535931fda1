//! Happy eyeballs: attempts that begin one after another, of which the first to succeed wins.

use crate::event::Event;
use crate::say;
use nestling::net::TcpStream;
use nestling::time::Instant;
use nestling::{is_cancelled, race, timeout};
use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// How fast to go on, and when to stop.
pub(crate) struct Pace {
    /// After this long the next attempt begins beside the one that has not failed yet.
    pub(crate) stagger: Duration,
    pub(crate) give_up: Duration,
}

/// One attempt, as the next one sees it.
struct Attempt {
    address: SocketAddr,
    began: Event,
    failed: Event,
}

/// Connects to the first of the addresses that answers. When this returns, all other attempts are
/// over, in the kernel too: their sockets are closed.
///
/// # Errors
///
/// That of the first attempt that failed, if all have; or the time is up.
pub(crate) async fn connect(
    addresses: &[SocketAddr],
    pace: &Pace,
) -> io::Result<(SocketAddr, TcpStream)> {
    let began = Instant::now();
    let attempt = |address: &SocketAddr| Attempt {
        address: *address,
        began: Event::new(),
        failed: Event::new(),
    };
    let attempts: Vec<_> = addresses.iter().map(attempt).collect();
    let running = attempts.iter().enumerate().map(async |(turn, attempt)| {
        if let Some(last) = turn.checked_sub(1).map(|last| &attempts[last]) {
            last.began.raised().await;
            let _ = timeout(pace.stagger, last.failed.raised()).await;
        }
        attempt.run(began).await
    });
    // A race always answers, also when it is cancelled: then with an error that says so.
    match timeout(pace.give_up, race(running)).await? {
        Err(error) if is_cancelled(&error) => {
            let text = format!("no address answered within {:?}", pace.give_up);
            Err(io::Error::new(io::ErrorKind::TimedOut, text))
        }
        Err(error) => Err(io::Error::new(error.kind(), format!("no address answered: {error}"))),
        connected => connected,
    }
}

impl Attempt {
    /// Tries it, and tells the story.
    async fn run(&self, began: Instant) -> io::Result<(SocketAddr, TcpStream)> {
        let tell = |what: &str| {
            say(format_args!("{:>5} ms  {}  {what}", began.elapsed().as_millis(), self.address));
        };
        tell("begins");
        self.began.raise();
        match TcpStream::connect(self.address).await {
            Ok(stream) => {
                tell("connected");
                Ok((self.address, stream))
            }
            // It has lost, or the time is up. This is its last word: another wait would be its end.
            Err(error) if is_cancelled(&error) => {
                tell("given up");
                Err(error)
            }
            Err(error) => {
                // The line has the address already; what is underneath says why.
                let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
                tell(&format!("failed: {why}"));
                self.failed.raise();
                Err(io::Error::new(error.kind(), format!("{}: {why}", self.address)))
            }
        }
    }
}
