//! The echo server: a receive, then a send, then the next receive.

use crate::load::ring::{Event, Ring};
use crate::process::How;
use std::io;
use std::net::TcpStream;

pub(super) fn serve(streams: Vec<TcpStream>, how: How) -> io::Result<()> {
    let connections = streams.len();
    let mut ring = Ring::new(streams, how.buffer, &[], false)?;
    (0..connections).for_each(|connection| ring.receive(connection));
    let (mut open, mut broken) = (connections, false);
    while open > 0 && !broken {
        ring.turn(|ring, event| match event {
            Event::Received(connection, 0) => {
                ring.close(connection);
                open -= 1;
            }
            Event::Received(connection, length) => {
                ring.send(connection, connection, length, false);
            }
            Event::Sent(connection) => ring.receive(connection),
            Event::Broken(_) => broken = true,
        })?;
    }
    if broken { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
}
