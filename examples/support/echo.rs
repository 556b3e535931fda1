//! `echo`: what a server does that sends back what comes.

use nestling::buf::IoBuf;
use nestling::io::{AsyncRead, AsyncWrite};
use std::io;

/// One buffer of this size for each connection, used over and over.
const BUFFER: usize = 8 * 1024;

/// Sends back what comes, until the client has sent its last byte.
pub(crate) async fn echo(mut stream: impl AsyncRead + AsyncWrite) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(BUFFER);
    loop {
        let (received, filled) = stream.read(buffer).await;
        let received = received?;
        if received == 0 {
            return Ok(());
        }
        let (sent, slice) = stream.write_all(filled.slice(..received)).await;
        sent?;
        buffer = slice.into_inner();
    }
}
