//! `Detached`: a connection on its way to another core.

use super::TcpStream;
use super::armed::Keeps;
use super::receiving::Inbound;
use crate::fd::SharedFd;
use crate::yield_now::consume_budget;
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;

/// A connection that belongs to no core, from [`TcpStream::detach`]: send it to another, through
/// [`remote::channel`](crate::sync::remote::channel()) or as what a child sent there captures, and
/// [attach](Self::attach) it there.
///
/// The connection takes along what its core knew of it: bytes that were received for a read that
/// was dropped come first over there. Neither step is a system call. Dropping a `Detached` closes
/// the connection.
///
/// # Examples
///
/// ```
/// use nestling_runtime::net::{Detached, TcpListener};
/// use nestling_runtime::sync::remote;
/// use std::io::Read;
///
/// # fn main() -> std::io::Result<()> {
/// let (hand, inbox) = remote::channel::<Detached>(16);
/// let worker = std::thread::spawn(move || {
///     nestling_runtime::block_on(async {
///         while let Some(connection) = inbox.recv().await {
///             let stream = connection.attach();
///             stream.write_all("hello from over there").await.0?;
///         }
///         Ok::<_, std::io::Error>(())
///     })
/// });
///
/// let mut client = nestling_runtime::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let client = std::net::TcpStream::connect(listener.local_addr()?)?;
///     let (stream, _) = listener.accept().await?;
///     hand.send(stream.detach().await).await?;
///     Ok::<_, std::io::Error>(client)
/// })?;
/// drop(hand);
/// let mut text = String::new();
/// client.read_to_string(&mut text)?;
/// assert_eq!(text, "hello from over there");
/// worker.join().expect("it does not panic")?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the connection is closed when it is dropped"]
pub struct Detached {
    /// `None` once it was attached.
    fd: Option<OwnedFd>,
    kept: Kept,
}

/// What comes first in a stream, before what the kernel has: bytes, then an error.
pub(super) type Kept = (VecDeque<u8>, Option<io::Error>);

impl Detached {
    pub(super) async fn new(fd: SharedFd, inbound: Inbound) -> Self {
        consume_budget().await;
        inbound.unread().into_iter().for_each(|unread| unread.disarm());
        // What was dropped in flight leaves its bytes before it lets the descriptor go.
        let fd = fd.into_sole().await;
        Self { fd: Some(fd), kept: inbound.into_kept() }
    }

    /// Makes the connection a stream of the core that this runs on.
    pub fn attach(mut self) -> TcpStream {
        let fd = self.shared().expect("only a drop comes after this");
        TcpStream::from_parts(fd, Inbound::with(std::mem::take(&mut self.kept)))
    }

    fn shared(&mut self) -> Option<SharedFd> {
        self.fd.take().map(SharedFd::new)
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        // Closed by the ring of the core on which this is dropped, if there is one.
        drop(self.shared());
    }
}
