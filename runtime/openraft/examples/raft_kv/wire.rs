//! `Connection`: messages over TCP, each as its length in four bytes and then as JSON.

use crate::types::{Answer, Request};
use nestling::io::BufReader;
use nestling::net::TcpStream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, Error, ErrorKind};

/// The longest message: no peer can ask for all memory by one.
pub(crate) const LONGEST: usize = 16 << 20;

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) async fn connect(address: &str) -> io::Result<Self> {
        Self::new(TcpStream::connect(address).await?)
    }

    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Asks, and waits for the answer. If this fails or is dropped, the connection is in no known
    /// state: drop it as well.
    pub(crate) async fn ask(&mut self, request: &Request) -> io::Result<Answer> {
        self.send(request).await?;
        self.receive().await?.ok_or_else(|| ErrorKind::ConnectionReset.into())
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// Those of the stream; and `InvalidInput` for a message that is too long, of which nothing is
    /// sent: the connection is as good as before, and the same message will never be sent.
    pub(crate) async fn send(&mut self, message: &impl Serialize) -> io::Result<()> {
        let mut bytes = vec![0; 4];
        serde_json::to_writer(&mut bytes, message)?;
        let length = bytes.len() - 4;
        if length > LONGEST {
            return Err(too_long(ErrorKind::InvalidInput, length));
        }
        bytes[..4].copy_from_slice(&(length as u32).to_be_bytes());
        self.0.get_ref().write_all(bytes).await.0
    }

    /// The next message; none when the peer has closed the connection between two.
    pub(crate) async fn receive<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        if self.0.fill_buf().await?.is_empty() {
            return Ok(None);
        }
        let mut length = [0; 4];
        self.0.read_exact(&mut length).await?;
        let length = u32::from_be_bytes(length) as usize;
        if length > LONGEST {
            return Err(too_long(ErrorKind::InvalidData, length));
        }
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).await?;
        Ok(Some(serde_json::from_slice(&bytes)?))
    }
}

fn too_long(kind: ErrorKind, length: usize) -> Error {
    let text = format!("a message of {length} bytes, where {LONGEST} are the most");
    Error::new(kind, text)
}
