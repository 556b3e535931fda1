//! `copy_bidirectional`: two streams are joined, each direction by a child.

use crate::io::nursery;
use nestling_runtime::lowlevel::{AsyncRead, AsyncWrite, Instant, relay, sleep_until};
use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

/// How to [copy in both directions](copy_bidirectional_with).
///
/// # Examples
///
/// ```
/// use nestling_nursery::io::CopyOptions;
/// use std::time::Duration;
///
/// let how = CopyOptions { idle: Some(Duration::from_secs(60)), ..CopyOptions::default() };
/// assert_eq!(how.buffer, 16 << 10);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct CopyOptions {
    /// The buffer of each direction, in bytes; at least one. 16 KiB by default.
    pub buffer: usize,
    /// Ends the copy with `TimedOut` when no byte has gone in either direction for so long. `None`,
    /// the default: never.
    pub idle: Option<Duration>,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self { buffer: 16 << 10, idle: None }
    }
}

/// Joins two streams: what comes from one goes to the other, in both directions, until both have
/// ended. Tells how many bytes have gone from `a` to `b`, and from `b` to `a`.
///
/// The end of one stream is handed on as a half-close of the other; the other direction goes on. A
/// side that does not read holds up only the side that writes to it: there is one buffer for each
/// direction. What comes in bulk between connections does not pass through it, as with
/// [`copy`](nestling_runtime::io::copy).
///
/// # Cancellation
///
/// Both directions are cancelled. As with any stream that is cut, what was under way is lost.
///
/// # Errors
///
/// The first failure of either direction, which cancels the other one. The error has the counts.
///
/// # Examples
///
/// ```
/// use nestling_nursery::io::{copy_bidirectional, nursery};
/// use nestling_runtime::net::{TcpListener, TcpStream};
/// use std::net::Shutdown;
///
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(async {
///     let front = TcpListener::bind("127.0.0.1:0").await?;
///     let back = TcpListener::bind("127.0.0.1:0").await?;
///     nursery(async |n| {
///         n.spawn(async {
///             // The proxy.
///             let (client, _) = front.accept().await?;
///             let server = TcpStream::connect(back.local_addr()?).await?;
///             assert_eq!(copy_bidirectional(&client, &server).await?, (4, 4));
///             Ok(())
///         });
///         let client = TcpStream::connect(front.local_addr()?).await?;
///         client.write_all("ping").await.0?;
///         client.shutdown(Shutdown::Write).await?;
///         let (server, _) = back.accept().await?;
///         let (read, ping) = server.read_exact(vec![0; 4]).await;
///         read?;
///         assert_eq!(ping, b"ping");
///         server.write_all("pong").await.0?;
///         drop(server);
///         let (read, pong) = client.read_exact(vec![0; 4]).await;
///         read?;
///         assert_eq!(pong, b"pong");
///         Ok(())
///     })
///     .await
/// })
/// # }
/// ```
pub async fn copy_bidirectional<A, B>(a: &A, b: &B) -> Result<(u64, u64), CopyError>
where
    for<'s> &'s A: AsyncRead + AsyncWrite,
    for<'s> &'s B: AsyncRead + AsyncWrite,
{
    copy_bidirectional_with(CopyOptions::default(), a, b).await
}

/// As [`copy_bidirectional`], with buffers of another size, or a limit on silence.
///
/// # Errors
///
/// As [`copy_bidirectional`]; of the kind `TimedOut` if no byte has gone for too long.
///
/// # Examples
///
/// ```
/// use nestling_nursery::io::{CopyOptions, copy_bidirectional_with};
/// use nestling_runtime::net::{TcpListener, TcpStream};
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let one = TcpStream::connect(listener.local_addr()?).await?;
///     let other = TcpStream::connect(listener.local_addr()?).await?;
///     let how = CopyOptions { idle: Some(Duration::from_millis(1)), ..CopyOptions::default() };
///     let ended = copy_bidirectional_with(how, &one, &other).await;
///     assert_eq!(ended.unwrap_err().error().kind(), std::io::ErrorKind::TimedOut);
///     Ok(())
/// })
/// # }
/// ```
pub async fn copy_bidirectional_with<A, B>(
    how: CopyOptions,
    a: &A,
    b: &B,
) -> Result<(u64, u64), CopyError>
where
    for<'s> &'s A: AsyncRead + AsyncWrite,
    for<'s> &'s B: AsyncRead + AsyncWrite,
{
    let (there, back) = (Way::default(), Way::default());
    let ended = nursery(async |n| {
        n.spawn(one_way(how, a, b, &there));
        n.spawn(one_way(how, b, a, &back));
        if let Some(idle) = how.idle {
            n.spawn_daemon(silence(idle, [&there, &back]));
        }
        Ok(())
    });
    match ended.await {
        Ok(()) => Ok((there.bytes.get(), back.bytes.get())),
        Err(error) => Err(CopyError { error, a_to_b: there.bytes.get(), b_to_a: back.bytes.get() }),
    }
}

/// What has gone in one direction.
#[derive(Debug, Default)]
struct Way {
    bytes: Cell<u64>,
    /// When the last byte went; kept only if silence has a limit.
    last: Cell<Option<Instant>>,
}

async fn one_way<R: AsyncRead, W: AsyncWrite>(
    how: CopyOptions,
    mut from: R,
    mut to: W,
    way: &Way,
) -> io::Result<()> {
    let note = |bytes| {
        way.bytes.set(way.bytes.get() + bytes as u64);
        if how.idle.is_some() {
            way.last.set(Some(Instant::now()));
        }
    };
    relay(&mut from, &mut to, how.buffer, note).await?;
    match to.shutdown().await {
        // The other side is gone already: the direction that reads from it tells of that.
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        ended => ended,
    }
}

/// Fails when no byte has gone for so long.
async fn silence(idle: Duration, ways: [&Way; 2]) -> io::Result<()> {
    let mut since = Instant::now();
    loop {
        sleep_until(since + idle).await;
        let last = ways.iter().filter_map(|way| way.last.get()).max();
        match last.filter(|last| *last > since) {
            Some(last) => since = last,
            None => {
                let text = format!("no byte has gone in either direction for {idle:?}");
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
        }
    }
}

/// A copy that failed, with what had gone until then. As an `io::Error` it is of the same kind.
///
/// # Examples
///
/// See [`copy_bidirectional_with`].
#[derive(Debug)]
pub struct CopyError {
    error: io::Error,
    a_to_b: u64,
    b_to_a: u64,
}

impl CopyError {
    /// The first failure.
    pub fn error(&self) -> &io::Error {
        &self.error
    }

    /// How many bytes the second stream had taken from the first.
    pub fn a_to_b(&self) -> u64 {
        self.a_to_b
    }

    /// How many bytes the first stream had taken from the second.
    pub fn b_to_a(&self) -> u64 {
        self.b_to_a
    }
}

impl fmt::Display for CopyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { error, a_to_b, b_to_a } = self;
        write!(f, "{error} (after {a_to_b} bytes there and {b_to_a} back)")
    }
}

impl Error for CopyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

impl From<CopyError> for io::Error {
    fn from(error: CopyError) -> Self {
        Self::new(error.error.kind(), error)
    }
}
