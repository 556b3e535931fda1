//! `Connection`: a line protocol over TCP, with errors that name the other side.

use nestling::buf::IoBuf;
use nestling::net::TcpStream;
use std::cell::Cell;
use std::error::Error as _;
use std::io;
use std::net::SocketAddr;

/// The longest line. A peer that sends a longer one does not speak this protocol.
const LONGEST: usize = 1024;

/// A connection to `name`.
pub(crate) struct Connection {
    name: &'static str,
    stream: TcpStream,
    /// Received, but not asked for yet.
    unread: Cell<Vec<u8>>,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(name: &'static str, address: SocketAddr) -> io::Result<Self> {
        match TcpStream::connect(address).await {
            Ok(stream) => Ok(Self::new(name, stream)),
            // The name says where to; what is underneath says why.
            Err(error) => match error.source() {
                Some(why) => Err(named(name, &why)),
                None => Err(named(name, &error)),
            },
        }
    }

    pub(crate) fn new(name: &'static str, stream: TcpStream) -> Self {
        Self { name, stream, unread: Cell::default() }
    }

    /// Says something, and waits for the answer, which has to be `OK`.
    ///
    /// # Errors
    ///
    /// The answer was another, which is the error's text; or the connection broke.
    pub(crate) async fn ask(&self, question: impl IoBuf) -> io::Result<()> {
        self.say(question).await?;
        match self.line().await?.as_deref() {
            Some("OK") => Ok(()),
            Some(other) => Err(named(self.name, &other)),
            None => Err(named(self.name, &"the connection ended before the answer")),
        }
    }

    /// Sends all of it.
    pub(crate) async fn say(&self, text: impl IoBuf) -> io::Result<()> {
        self.stream.write_all(text).await.0.map_err(|error| named(self.name, &error))
    }

    /// The next line without its end, or `None` when the other side has ended the connection.
    pub(crate) async fn line(&self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        loop {
            let piece = self.piece().await?;
            if piece.is_empty() {
                return Ok(None);
            }
            let end = piece.iter().position(|byte| *byte == b'\n');
            line.extend_from_slice(&piece[..end.unwrap_or(piece.len())]);
            if line.len() > LONGEST {
                return Err(named(self.name, &"it sends a line without an end"));
            }
            if let Some(end) = end {
                self.unread.set(piece[end + 1..].to_vec());
                return Ok(Some(String::from_utf8_lossy(&line).into_owned()));
            }
        }
    }

    /// Takes so many bytes, or as many as come before the connection ends: tells how many.
    pub(crate) async fn take(&self, bytes: usize) -> usize {
        let mut taken = 0;
        while taken < bytes {
            let mut piece = self.piece().await.unwrap_or_default();
            if piece.is_empty() {
                break;
            }
            let rest = piece.split_off(piece.len().min(bytes - taken));
            taken += piece.len();
            self.unread.set(rest);
        }
        taken
    }

    /// What came next. Nothing is the end of the connection.
    async fn piece(&self) -> io::Result<Vec<u8>> {
        let unread = self.unread.take();
        if !unread.is_empty() {
            return Ok(unread);
        }
        let (received, buffer) = self.stream.read(Vec::with_capacity(16 * 1024)).await;
        received.map(|_| buffer).map_err(|error| named(self.name, &error))
    }
}

fn named(name: &str, error: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("{name}: {error}"))
}
