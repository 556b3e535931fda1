//! PostgreSQL over Nestling's own streams, by `tokio-postgres` without its feature `runtime`.

use nestling::io::nursery;
use nestling::net::{TcpStream, UnixStream};
use nestling::{Never, finally, shield_for};
use std::error::Error as _;
use std::future::Future;
use std::io::{Error, ErrorKind, Result};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio_postgres::config::Host;
use tokio_postgres::{CancelToken, Client, Config, NoTls};

/// How long a server may take to stop a query of a client that was cancelled.
const STOP: Duration = Duration::from_secs(5);

/// A stream of either kind.
trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// Connects, and runs `work` with the client. The connection is a daemon child of a nursery around
/// `work`: it reads and writes while that awaits, also for children that `work` starts.
///
/// When this returns, the connection is closed. A transaction that was not committed is rolled back
/// by the server.
///
/// # Cancellation
///
/// `work` is cancelled, and the connection is closed. The server goes on with a query that runs
/// until it wants to answer; [`stopped_by_cancel`] has it stop.
///
/// # Errors
///
/// Those of `work`; and when the connection breaks, an error that names the server and the reason.
/// Then `work` is cancelled at once, also if no query waits.
///
/// # Examples
///
/// ```no_run
/// use nestling_beside::postgres::{failed, with_client};
///
/// # fn main() -> std::io::Result<()> {
/// let config = "host=127.0.0.1 user=postgres".parse().map_err(std::io::Error::other)?;
/// let answer: i32 = nestling::block_on(with_client(&config, async |client| {
///     let row = client.query_one("SELECT 6 * 7", &[]).await.map_err(failed)?;
///     Ok(row.get(0))
/// }))?;
/// assert_eq!(answer, 42);
/// # Ok(())
/// # }
/// ```
pub async fn with_client<T>(
    config: &Config,
    work: impl AsyncFnOnce(&mut Client) -> Result<T>,
) -> Result<T> {
    let stream = connect(config).await?;
    let (mut client, connection) = config.connect_raw(stream, NoTls).await.map_err(failed)?;
    let broken = |why: Error| Error::new(why.kind(), format!("{}: {why}", name(config)));
    nursery(async |n| {
        n.spawn_daemon(async {
            let ended = connection.await.map_err(failed);
            // While there is a client, it does not end by itself.
            let why = ended.err().unwrap_or_else(|| ErrorKind::ConnectionAborted.into());
            Err::<Never, _>(broken(why))
        });
        work(&mut client).await
    })
    .await
}

/// Runs a query; if it is cancelled, has the server stop it. After that the client can be used as
/// before: what the query had to say is dropped.
///
/// # Cancellation
///
/// The server is asked to stop what it is at for this client, over a connection of its own, and is
/// waited for, five seconds at most. Without this function the server goes on with a query that
/// was cancelled here, and the next one of this client waits for its end.
///
/// # Errors
///
/// Those of the query.
///
/// # Examples
///
/// ```no_run
/// use nestling::timeout;
/// use nestling_beside::postgres::stopped_by_cancel;
/// use std::time::Duration;
/// use tokio_postgres::{Client, Config};
///
/// # async fn run(config: &Config, client: &Client) {
/// let query = client.batch_execute("SELECT pg_sleep(3600)");
/// let second = Duration::from_secs(1);
/// assert!(timeout(second, stopped_by_cancel(config, client, query)).await.is_err());
/// // The client is free for the next query.
/// # }
/// ```
pub async fn stopped_by_cancel<T>(
    config: &Config,
    client: &Client,
    query: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>,
) -> Result<T> {
    let ended = finally(query, async |ended| {
        if ended.is_none() {
            // If that fails, the connection has failed, too, and its own task says so.
            _ = shield_for(STOP, stop(config, client)).await;
        }
    });
    ended.await.map_err(failed)
}

/// Has the server stop what it is at for this client, and waits until the client hears of that.
async fn stop(config: &Config, client: &Client) -> Result<()> {
    send_stop(config, &client.cancel_token()).await?;
    client.batch_execute("").await.map_err(failed)
}

async fn send_stop(config: &Config, token: &CancelToken) -> Result<()> {
    let mut stream = connect(config).await?;
    token.cancel_query_raw(&mut stream, NoTls).await.map_err(failed)?;
    // The server closes the connection when it has passed this on. Before that, a later query of
    // this client could be hit.
    stream.read_to_end(&mut Vec::new()).await.map(drop)
}

/// A connection to the first host of the configuration.
async fn connect(config: &Config) -> Result<Box<dyn Stream>> {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match config.get_hosts().first() {
        Some(Host::Unix(folder)) => {
            let path = folder.join(format!(".s.PGSQL.{port}"));
            UnixStream::connect(path).await.map(|stream| Box::new(stream) as Box<dyn Stream>)
        }
        Some(Host::Tcp(host)) => {
            TcpStream::connect((host.as_str(), port)).await.and_then(|stream| {
                stream.set_nodelay(true)?;
                Ok(Box::new(stream) as Box<dyn Stream>)
            })
        }
        None => Err(Error::new(ErrorKind::InvalidInput, "the configuration has no host")),
    }
}

/// What errors call the server.
fn name(config: &Config) -> String {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match config.get_hosts().first() {
        Some(Host::Unix(folder)) => format!("PostgreSQL in {}, port {port}", folder.display()),
        Some(Host::Tcp(host)) => format!("PostgreSQL at {host}, port {port}"),
        None => "PostgreSQL".to_owned(),
    }
}

/// An error of `tokio-postgres` with its reason, in one line: its own text leaves the reason out.
/// Of kind `ConnectionAborted` if the connection had ended before the answer.
pub fn failed(error: tokio_postgres::Error) -> Error {
    let kind = if error.is_closed() { ErrorKind::ConnectionAborted } else { ErrorKind::Other };
    if let Some(db) = error.as_db_error() {
        let (severity, text, code) = (db.severity(), db.message(), db.code().code());
        return Error::new(kind, format!("{severity}: {text} ({code})"));
    }
    match error.source() {
        Some(why) => Error::new(kind, format!("{error}: {why}")),
        None => Error::new(kind, error),
    }
}
