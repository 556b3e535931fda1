//! `echo`: what a server does that sends back what comes.

use nestling::net::{Connection, ReadHalf, WriteHalf};
use std::io;

/// Sends back what comes, until the client has sent its last byte. A connection that waits has no
/// buffer: one of the core's pool is lent to it when something has come.
pub(crate) async fn echo<S: Connection>(
    (incoming, outgoing): (ReadHalf<'_, S>, WriteHalf<'_, S>),
) -> io::Result<()> {
    loop {
        let lease = incoming.recv().await?;
        if lease.is_empty() {
            return Ok(());
        }
        outgoing.write_all(lease).await.0?;
    }
}
