//! The worker: a server with a limit, whose connections may crash it.

use crate::status::Status;
use nestling::buf::IoBuf;
use nestling::net::{TcpListener, TcpStream, is_exhausted};
use nestling::time::sleep;
use nestling::{Never, Options, io::nursery_with};
use std::io;
use std::time::Duration;

/// One buffer of this size for each connection.
const BUFFER: usize = 4 * 1024;

/// How long to wait before the next accept when descriptors or memory ran out.
const PAUSE: Duration = Duration::from_millis(30);

/// Serves connections, at most `limit` at a time: who comes then waits in the backlog.
///
/// # Errors
///
/// A client has asked for one, or the listener broke. What befalls a connection is no error.
///
/// # Panics
///
/// When a client asks for it.
pub(crate) async fn serve(
    listener: &TcpListener,
    limit: usize,
    status: &Status,
) -> io::Result<Never> {
    let options = Options { slots: Some(limit), ..Options::default() };
    nursery_with(options, async |n| {
        loop {
            let slot = n.slot().await;
            match listener.accept().await {
                Ok((stream, _)) => {
                    slot.spawn(connection(stream, status));
                }
                Err(error) if is_exhausted(&error) => sleep(PAUSE).await,
                Err(error) => return Err(error),
            }
        }
    })
    .await
}

/// Echoes what comes. A line that says "panic" or "fail", sent in one piece, is done.
async fn connection(stream: TcpStream, status: &Status) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(BUFFER);
    loop {
        let (received, filled) = stream.read(buffer).await;
        let Ok(received @ 1..) = received else { return Ok(()) };
        match filled[..received].trim_ascii() {
            b"panic" => panic!("a client said so"),
            b"fail" => return Err(io::Error::other("it failed: a client said so")),
            _ => status.count(),
        }
        let (sent, slice) = stream.write_all(filled.slice(..received)).await;
        if sent.is_err() {
            return Ok(());
        }
        buffer = slice.into_inner();
    }
}
