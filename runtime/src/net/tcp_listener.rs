//! `TcpListener`: accepts connections.

use super::accept::Listens;
use super::incoming::Incoming;
use super::listener::Listener;
use super::{TcpStream, ToSocketAddrs, lookup};
use crate::fd::SharedFd;
use crate::sys;
use crate::wake::budget;
use crate::yield_now::consume_budget;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// How to listen.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::net::{ListenOptions, TcpListener};
/// nestling_runtime::block_on(async {
///     let options = ListenOptions::default().reuse_port(true).backlog(4096);
///     let first = TcpListener::bind_with("127.0.0.1:0", &options).await?;
///     let second = TcpListener::bind_with(first.local_addr()?, &options).await?;
///     assert_eq!(first.local_addr()?, second.local_addr()?);
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ListenOptions {
    reuse_port: bool,
    only_v6: Option<bool>,
    backlog: u32,
    fast_open: u32,
    incoming_cpu: Option<usize>,
}

impl Default for ListenOptions {
    /// One listener for the port; IPv4 as the system says; 1024 connections may wait.
    fn default() -> Self {
        Self { reuse_port: false, only_v6: None, backlog: 1024, fast_open: 0, incoming_cpu: None }
    }
}

impl ListenOptions {
    /// Whether other sockets of the same user may listen on the same port (`SO_REUSEPORT`): the
    /// kernel spreads connections over them, so that each core has a listener of its own. A second
    /// server of that user shares the port, too, instead of being refused.
    ///
    /// Each listener has a queue of its own. What waits in a closed one is reset, even
    /// when others listen: accept from it until it is empty, or have clients that try again.
    /// (`net.ipv4.tcp_migrate_req=1` has the kernel move them.)
    pub fn reuse_port(mut self, on: bool) -> Self {
        self.reuse_port = on;
        self
    }

    /// Whether a listener on an IPv6 address is for IPv6 alone (`IPV6_V6ONLY`): then `[::]` takes
    /// no connections of IPv4, and another listener can have `0.0.0.0` with the same port. As
    /// `net.ipv6.bindv6only` says, unless it is said here; usually both come in. No matter for an
    /// IPv4 address.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use nestling_runtime::net::{ListenOptions, TcpListener};
    /// nestling_runtime::block_on(async {
    ///     let options = ListenOptions::default().only_v6(true);
    ///     let Ok(six) = TcpListener::bind_with("[::]:0", &options).await else {
    ///         return Ok(()); // a machine without IPv6
    ///     };
    ///     let port = six.local_addr()?.port();
    ///     let four = TcpListener::bind(("0.0.0.0", port)).await?;
    ///     assert!(four.local_addr()?.is_ipv4());
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub fn only_v6(mut self, on: bool) -> Self {
        self.only_v6 = Some(on);
        self
    }

    /// How many connections may wait to be accepted. The kernel limits it to
    /// `net.core.somaxconn`.
    pub fn backlog(mut self, connections: u32) -> Self {
        self.backlog = connections;
        self
    }

    /// How many connections that bring data with their first packet may wait for it to be
    /// acknowledged (`TCP_FASTOPEN`, tcp(7)); zero, the default, takes no such data. The kernel
    /// has to allow it, with bit 2 of `net.ipv4.tcp_fastopen`.
    ///
    /// A first packet may come twice, so only for what may be done twice.
    pub fn fast_open(mut self, connections: u32) -> Self {
        self.fast_open = connections;
        self
    }

    /// The processor, in the kernel's numbers, whose connections this listener is to get
    /// (`SO_INCOMING_CPU`, socket(7)): of those that share a port by
    /// [`reuse_port`](Self::reuse_port), each for the core that runs on that processor.
    pub fn incoming_cpu(mut self, cpu: usize) -> Self {
        self.incoming_cpu = Some(cpu);
        self
    }
}

/// A TCP socket that accepts connections.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::net::{TcpListener, TcpStream};
/// nestling_runtime::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let client = TcpStream::connect(listener.local_addr()?).await?;
///     let (server, peer) = listener.accept().await?;
///     assert_eq!(peer, client.local_addr()?);
///     server.write_all("hello").await.0?;
///     let (result, buffer) = client.read(vec![0; 16]).await;
///     assert_eq!(&buffer[..result?], b"hello");
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct TcpListener {
    listener: Listener,
}

impl TcpListener {
    pub(crate) fn from_fd(fd: SharedFd) -> Self {
        Self { listener: Listener::new(fd) }
    }

    /// Listens on an address, with [default options](ListenOptions::default); of several, or of a
    /// host's, on the first where that is possible.
    ///
    /// # Errors
    ///
    /// The address is no address, in use, or not of this machine; the error names it. Or it is a
    /// name that could not be looked up.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        Self::bind_with(address, &ListenOptions::default()).await
    }

    /// Listens on an address.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub async fn bind_with(
        address: impl ToSocketAddrs,
        options: &ListenOptions,
    ) -> io::Result<Self> {
        budget::works();
        consume_budget().await;
        let endpoint = address.to_endpoint()?;
        let listen = async |address| listen(address, options);
        let fd = lookup::first("listen on", endpoint, listen).await?;
        Ok(Self::from_fd(SharedFd::new(fd)))
    }

    /// Waits for a connection. When several accepts wait on one listener, it is not defined which
    /// of them gets which connection.
    ///
    /// # Cancellation
    ///
    /// A connection that arrives while the accept is cancelled is delivered. Nothing is lost when
    /// the future is dropped: a connection that came for it goes to an accept that waits on the
    /// same listener, or to the next one, before any that the kernel has; of several, the one that
    /// was left first. It is closed when the listener is dropped before, and its peer sees the end.
    ///
    /// A future that is forgotten (`mem::forget`) keeps the connection that it gets.
    ///
    /// # Errors
    ///
    /// A connection that was given up before it was accepted is no error: the next one is waited
    /// for. When descriptors or memory run out ([`is_exhausted`](super::is_exhausted)), pause
    /// before the next call: the kernel would refuse it at once.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.listener.accept().await
    }

    /// Connections one after the other, for which the kernel is asked once: it goes on accepting
    /// while those that came are dealt with. When 64 of them wait to be taken it is asked to stop,
    /// and further ones stay in the backlog until they are taken. But of a burst, and each time
    /// that it begins, the kernel accepts all that are in the [backlog](ListenOptions::backlog):
    /// that is the bound of the descriptors that it takes.
    ///
    /// An [`accept`](Self::accept) that waits beside one which nothing polls may sleep although a
    /// connection has come: until the next one, or until this is polled or dropped.
    ///
    /// The kernel goes on accepting while no task waits, so drop this to stop: connections that
    /// came, but were not taken, go to the next [`accept`](Self::accept). One that is forgotten
    /// (`mem::forget`) keeps those that it got.
    pub fn incoming(&self) -> Incoming<'_> {
        self.listener.incoming()
    }

    /// The address that is listened on.
    ///
    /// # Errors
    ///
    /// None in practice; whatever `getsockname(2)` says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.socket().local_addr()?.as_socket().ok_or_else(not_internet)
    }

    /// Whether a listener on an IPv6 address is for IPv6 alone: see [`ListenOptions::only_v6`].
    ///
    /// # Errors
    ///
    /// The address is one of IPv4, for which there is no such option.
    pub fn only_v6(&self) -> io::Result<bool> {
        self.listener.socket().only_v6()
    }

    /// The processor whose connections the listener is to get: see
    /// [`ListenOptions::incoming_cpu`]; `None` if that was not said.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn incoming_cpu(&self) -> io::Result<Option<usize>> {
        let cpu = self.listener.socket().cpu_affinity()?;
        Ok(Some(cpu).filter(|cpu| *cpu < u32::MAX as usize))
    }

    /// How many connections with data in their first packet may wait: see
    /// [`ListenOptions::fast_open`].
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn fast_open(&self) -> io::Result<u32> {
        let most = sys::option(&self.listener, libc::IPPROTO_TCP, libc::TCP_FASTOPEN)?;
        Ok(most.unsigned_abs())
    }

    /// Takes the error that the listener has pending (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.listener.socket().take_error()
    }

    /// Stops listening and tells whether that went well. Waits for accepts in flight to end;
    /// connections that came for accepts which were dropped are closed.
    ///
    /// # Cancellation
    ///
    /// The socket is closed all the same.
    ///
    /// # Errors
    ///
    /// Whatever `close(2)` says; the socket is closed anyway.
    pub async fn close(self) -> io::Result<()> {
        self.listener.close().await
    }

    /// Takes over a listener of the standard library.
    ///
    /// # Errors
    ///
    /// None in practice; whatever setting the socket up says.
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<Self> {
        // The ring waits by itself; a socket that does not block would make it say EAGAIN.
        listener.set_nonblocking(false)?;
        Ok(Self::from_fd(SharedFd::new(listener.into())))
    }

    /// Gives the listener to the standard library. Connections that came for accepts which were
    /// dropped are closed.
    ///
    /// # Errors
    ///
    /// If accepts are still in flight the socket is duplicated, for which a descriptor is needed.
    pub fn into_std(self) -> io::Result<std::net::TcpListener> {
        self.listener.into_owned().map(Into::into)
    }
}

impl Listens for TcpListener {
    fn inner(&self) -> &Listener {
        &self.listener
    }

    fn into_inner(self) -> Listener {
        self.listener
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl AsRawFd for TcpListener {
    fn as_raw_fd(&self) -> RawFd {
        self.listener.as_raw_fd()
    }
}

fn listen(address: SocketAddr, options: &ListenOptions) -> io::Result<OwnedFd> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A server that is started again shall not wait for its old connections' last packets.
    socket.set_reuse_address(true)?;
    if options.reuse_port {
        socket.set_reuse_port(true)?;
    }
    if let Some(only) = options.only_v6.filter(|_| address.is_ipv6()) {
        socket.set_only_v6(only)?;
    }
    if let Some(cpu) = options.incoming_cpu {
        socket.set_cpu_affinity(cpu)?;
    }
    socket.bind(&address.into())?;
    if options.fast_open > 0 {
        let most = i32::try_from(options.fast_open).unwrap_or(i32::MAX);
        sys::set_option(&socket, libc::IPPROTO_TCP, libc::TCP_FASTOPEN, most)?;
    }
    socket.listen(i32::try_from(options.backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

pub(super) fn not_internet() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "the socket is no internet socket")
}
