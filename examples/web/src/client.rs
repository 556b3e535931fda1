//! Clients: what is sent over a connection that is a child of a nursery.

use hyper::body::Body;
use hyper::client::conn::{http1, http2};
use hyper::rt::{Read, Write};
use nestling::Nursery;
use nestling::hyper::Timer;
use std::error::Error;
use std::io;

/// Has a connection carry requests by HTTP/1.1, one after the other. It is a daemon of `n`: it ends
/// with the nursery, or when the sender is dropped, or when the server closes it. How it has ended
/// is what the requests say.
///
/// # Errors
///
/// None that hyper has today.
pub async fn connect_http1<'scope, I, B>(
    n: &'scope Nursery<'scope, '_>,
    io: I,
) -> io::Result<http1::SendRequest<B>>
where
    I: Read + Write + Unpin + 'scope,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    let (sender, connection) = http1::handshake(io).await.map_err(io::Error::other)?;
    n.spawn_daemon(async { drop(connection.await) });
    Ok(sender)
}

/// Has a connection carry requests by HTTP/2, at once: clones of the sender share it. Its tasks are
/// children of `n`, and end when the last sender is dropped, or when the server closes it.
///
/// # Errors
///
/// The connection broke in the handshake.
pub async fn connect_http2<'scope, I, B>(
    n: &'scope Nursery<'scope, '_>,
    io: I,
) -> io::Result<http2::SendRequest<B>>
where
    I: Read + Write + Unpin + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin + 'static,
{
    let mut client = http2::Builder::new(n);
    let handshake = client.timer(Timer).handshake(io);
    let (sender, connection) = handshake.await.map_err(io::Error::other)?;
    n.spawn_daemon(async { drop(connection.await) });
    Ok(sender)
}
