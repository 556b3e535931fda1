//! `TcpStream`: one connection.

use super::detached::Detached;
use super::in_vain::in_vain;
use super::receiving::Inbound;
use super::stream::Stream;
use super::{ConnectOptions, Endpoint, ToSocketAddrs, halves, happy_eyeballs, owned_halves};
use super::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::fd::SharedFd;
use crate::scope::is_cancelled;
use crate::yield_now::consume_budget;
use std::future::Future;
use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

/// A TCP connection. It stays on its core; [`detach`](Self::detach) moves it to another.
///
/// # Examples
///
/// See [`TcpListener`](super::TcpListener).
#[derive(Debug)]
pub struct TcpStream {
    stream: Stream,
}

impl TcpStream {
    pub(crate) fn from_fd(fd: SharedFd) -> Self {
        Self::from_parts(fd, Inbound::default())
    }

    pub(super) fn from_stream(stream: Stream) -> Self {
        Self { stream }
    }

    pub(super) fn from_parts(fd: SharedFd, inbound: Inbound) -> Self {
        Self::from_stream(Stream::new(fd, inbound))
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Connects to an address, or to the first address of a host that answers, with [default
    /// options](ConnectOptions::default).
    ///
    /// Of several addresses, the attempt at the next one begins beside the others when one has
    /// failed, or after a [delay](ConnectOptions::attempt_delay); the first to succeed wins, and
    /// the others are dropped, which cancels and closes them ("happy eyeballs", RFC 8305). A host's
    /// addresses are tried in the order of the resolver, but with the families in turn.
    ///
    /// On the loopback interface, a port of the ephemeral range (`net.ipv4.ip_local_port_range`)
    /// where nothing listens any more may connect to itself: if the kernel picks the same port for
    /// this end, TCP takes that for both ends opening at once. A client that tries again and again
    /// to reach a stopped server can compare [`local_addr`](Self::local_addr) with
    /// [`peer_addr`](Self::peer_addr).
    ///
    /// # Cancellation
    ///
    /// The attempts are given up and their sockets closed. A name that is being looked up is waited
    /// for, as [`lookup_host`](super::lookup_host) says.
    ///
    /// # Errors
    ///
    /// The address is no address, or no server answers there: the error has the kind of the last
    /// attempt that failed, tells what each address said, and its
    /// [`source`](std::error::Error::source) is the system's own error. Or the name could not be
    /// looked up.
    pub async fn connect(address: impl ToSocketAddrs) -> io::Result<Self> {
        Self::connect_with(address, ConnectOptions::DEFAULT).await
    }

    /// Connects as [`connect`](Self::connect) does, with options.
    ///
    /// # Cancellation
    ///
    /// As there.
    ///
    /// # Errors
    ///
    /// As there; or an option cannot be set, which the error says for each address.
    ///
    /// # Examples
    ///
    /// See [`ConnectOptions`].
    pub async fn connect_with(
        address: impl ToSocketAddrs,
        options: &ConnectOptions,
    ) -> io::Result<Self> {
        consume_budget().await;
        let endpoint = address.to_endpoint()?;
        let Endpoint::Address(address) = endpoint else {
            // On the heap: a connect to one address shall stay small.
            let first = Box::pin(happy_eyeballs::connect(endpoint, options));
            return first.await.map(Self::from_stream);
        };
        match Self::connect_to(address, options).await {
            Err(error) if !is_cancelled(&error) => {
                Err(in_vain("connect to", endpoint, vec![(address, error)]))
            }
            connected => connected,
        }
    }

    async fn connect_to(address: SocketAddr, options: &ConnectOptions) -> io::Result<Self> {
        let (stream, connecting) = Stream::connecting(options.socket(address)?, address);
        connecting.await?;
        Ok(Self { stream })
    }

    /// Receives into `buffer`, over what is in it from its start, up to its capacity; with a
    /// vector, the length grows to what was received if that is more. Zero is the end of the
    /// stream, or a buffer without capacity.
    ///
    /// # Cancellation
    ///
    /// Bytes that arrive while the receive is cancelled are delivered. Nothing is lost when the
    /// future is dropped, but the buffer: bytes that it receives all the same are kept by the
    /// stream, and so is an error; the next read gets them first, in as many calls as it takes. If
    /// the dropped one is still with the kernel, the next waits for its end, which comes soon.
    ///
    /// A future that is forgotten (`mem::forget`) keeps what it receives. Reads that run at the
    /// same time get the bytes as the kernel shares them out; then nothing can be said of the
    /// order, and what one of them leaves goes to the next call, not to one that waits already.
    ///
    /// # Errors
    ///
    /// The connection broke, or the receive was cancelled. The buffer comes back in any case.
    pub fn read<B: IoBufMut>(&self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        self.stream.read(buffer)
    }

    /// Receives as many bytes as `buffer` asks for ([`IoBufMut::io_exact`]), over what is in it
    /// from its start: its length, or its capacity if it is empty. So `vec![0; 5]` is for five, and
    /// so is `buffer.slice(3..8)`, behind the first three. What the peer sends after them is left.
    ///
    /// # Cancellation
    ///
    /// The error tells through [`transferred`](super::transferred) how many bytes had come, and
    /// the buffer has them. When the future is dropped, the stream keeps all that had come, from
    /// the first byte on, for the next read, as [`read`](Self::read) says.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` when the stream ends before; else as [`read`](Self::read), with the count.
    pub async fn read_exact<B: IoBufMut>(&self, buffer: B) -> BufResult<(), B> {
        self.stream.read_exact(buffer).await
    }

    /// Receives into several buffers, one after the other as each is full, as `readv(2)` does;
    /// tells how many bytes came in all. Each is filled as [`read`](Self::read) fills one. Of more
    /// than 1024 buffers, the others stay as they are.
    ///
    /// # Cancellation
    ///
    /// As with [`read`](Self::read): nothing is lost but the buffers.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read). The buffers come back in any case.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use nestling_runtime::net::{TcpListener, TcpStream};
    /// nestling_runtime::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let (server, _) = listener.accept().await?;
    ///     let (sent, _) = client.writev(vec!["head", "body"]).await;
    ///     assert_eq!(sent?, 8);
    ///     let (received, buffers) = server.readv(vec![vec![0; 4], vec![0; 16]]).await;
    ///     assert_eq!(received?, 8);
    ///     assert_eq!((&buffers[0][..], &buffers[1][..4]), (&b"head"[..], &b"body"[..]));
    ///     Ok(())
    /// })
    /// # }
    /// ```
    #[doc(alias = "read_vectored")]
    pub async fn readv<B: IoBufMut>(&self, buffers: Vec<B>) -> BufResult<usize, Vec<B>> {
        self.stream.readv(buffers).await
    }

    /// Receives what comes next, as [`read`](Self::read), and leaves it to be read. Bytes that were
    /// kept for the next read are all that is seen as long as there are any; an error that was kept
    /// is told here, and not again.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost when the future is dropped, but the buffer.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use nestling_runtime::net::{TcpListener, TcpStream};
    /// nestling_runtime::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let (server, _) = listener.accept().await?;
    ///     client.write_all("GET /").await.0?;
    ///     let (seen, buffer) = server.peek(vec![0; 3]).await;
    ///     assert_eq!(&buffer[..seen?], b"GET");
    ///     assert_eq!(server.read_exact(vec![0; 5]).await.1, b"GET /");
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub async fn peek<B: IoBufMut>(&self, buffer: B) -> BufResult<usize, B> {
        self.stream.peek(buffer).await
    }

    /// Sends from the start of `buffer`; tells how many bytes the kernel took.
    ///
    /// # Cancellation
    ///
    /// What was sent while the send is cancelled is reported.
    ///
    /// # Errors
    ///
    /// The connection broke (never a signal), or the send was cancelled. The buffer comes back in
    /// any case.
    pub async fn write<B: IoBuf>(&self, buffer: B) -> BufResult<usize, B> {
        self.stream.write(buffer).await
    }

    /// Sends all of `buffer`.
    ///
    /// # Cancellation
    ///
    /// The error tells through [`transferred`](super::transferred) how many bytes had gone.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), with the count.
    pub fn write_all<B: IoBuf>(&self, buffer: B) -> impl Future<Output = BufResult<(), B>> {
        self.stream.write_all(buffer)
    }

    /// Sends from several buffers, one after the other, as `writev(2)` does; tells how many bytes
    /// of them the kernel took in all. Of more than 1024 buffers, only those are looked at.
    ///
    /// # Cancellation
    ///
    /// As with [`write`](Self::write).
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write). The buffers come back in any case.
    ///
    /// # Examples
    ///
    /// See [`readv`](Self::readv).
    #[doc(alias = "write_vectored")]
    pub async fn writev<B: IoBuf>(&self, buffers: Vec<B>) -> BufResult<usize, Vec<B>> {
        self.stream.writev(buffers).await
    }

    /// Borrows the connection as its two directions, for code that shall have one of them. The
    /// operations of the stream itself take `&self`, so two children of a nursery can share it
    /// without.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use nestling_runtime::net::{TcpListener, TcpStream, WriteHalf};
    /// async fn greet(to: WriteHalf<'_>) -> std::io::Result<()> {
    ///     to.write_all("hello").await.0?;
    ///     to.shutdown().await
    /// }
    /// nestling_runtime::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let (server, _) = listener.accept().await?;
    ///     greet(server.split().1).await?;
    ///     let (from, _to) = client.split();
    ///     assert_eq!(from.read_exact(vec![0; 5]).await.1, b"hello");
    ///     assert_eq!(from.read(vec![0; 5]).await.0?, 0);
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub fn split(&self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        halves::split(self)
    }

    /// Divides the connection into its two directions, for two owners on this core, such as two
    /// children that are spawned with `async move`. When the half that writes is dropped, its
    /// direction is [shut down](OwnedWriteHalf).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use nestling_runtime::net::{TcpListener, TcpStream};
    /// nestling_runtime::block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let (read, write) = TcpStream::connect(listener.local_addr()?).await?.into_split();
    ///     let (server, _) = listener.accept().await?;
    ///     write.write_all("a question").await.0?;
    ///     drop(write);
    ///     assert_eq!(server.read_exact(vec![0; 10]).await.1, b"a question");
    ///     assert_eq!(server.read(vec![0; 10]).await.0?, 0); // that was all
    ///     server.write_all("an answer").await.0?;
    ///     assert_eq!(read.read_exact(vec![0; 9]).await.1, b"an answer");
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        owned_halves::split(self)
    }

    /// Ends one direction or both: the peer reads to the end of what was sent.
    ///
    /// # Errors
    ///
    /// The connection is gone already, or the call was cancelled.
    pub async fn shutdown(&self, how: net::Shutdown) -> io::Result<()> {
        self.stream.shutdown(how).await
    }

    /// Closes the connection and tells whether that went well. Waits for operations in flight on
    /// it to end; those were cancelled when their futures were dropped, and one whose future was
    /// forgotten (`mem::forget`) keeps it waiting. What they have received is lost, as is what the
    /// kernel has received.
    ///
    /// # Cancellation
    ///
    /// The socket is closed all the same.
    ///
    /// # Errors
    ///
    /// Whatever `close(2)` says; the socket is closed anyway.
    pub async fn close(self) -> io::Result<()> {
        self.stream.close().await
    }

    /// Takes the connection from its core, to be sent to another. Waits for operations in flight
    /// on it to end; those were cancelled when their futures were dropped, and one whose future was
    /// forgotten (`mem::forget`) keeps it waiting. What they have received comes along, and so does
    /// what the kernel has received.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before it has returned, the connection is closed.
    ///
    /// # Examples
    ///
    /// See [`Detached`].
    pub async fn detach(self) -> Detached {
        let (fd, inbound) = self.stream.into_parts();
        Detached::new(fd, inbound).await
    }

    /// Takes over a connection of the standard library.
    ///
    /// # Errors
    ///
    /// None in practice; whatever setting the socket up says.
    pub fn from_std(stream: net::TcpStream) -> io::Result<Self> {
        // The ring waits by itself; a socket that does not block would make it say EAGAIN.
        stream.set_nonblocking(false)?;
        Ok(Self::from_fd(SharedFd::new(stream.into())))
    }

    /// Gives the connection to the standard library. To move it to another core,
    /// [`detach`](Self::detach) it: that takes along what this one refuses.
    ///
    /// # Errors
    ///
    /// `ResourceBusy` if a read was dropped and what it has received, or may still receive, was
    /// not read: the standard library would not see it. The stream is closed then, so read first.
    /// An error that such a read has met comes out here.
    ///
    /// If other operations are still in flight, as is a wait of [`poll_read`](Self::poll_read) also
    /// between two calls, the socket is duplicated. `detach` takes the very descriptor along.
    pub fn into_std(self) -> io::Result<net::TcpStream> {
        self.stream.into_owned().map(Into::into)
    }
}

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}
