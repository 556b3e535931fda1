//! The echo server on a bare ring: a receive, then a send, then the next receive.

use crate::ring::{Event, Ring};
use std::net::TcpListener;

/// Serves so many connections to their end. Returns how often the kernel was entered.
pub(crate) fn serve(listener: &TcpListener, connections: usize, buffer: usize, spin: bool) -> u64 {
    let accept = || {
        let (stream, _) = listener.accept().expect("a connection");
        stream.set_nodelay(true).expect("an option");
        stream
    };
    let mut ring = Ring::new((0..connections).map(|_| accept()).collect(), buffer, spin);
    (0..connections).for_each(|connection| ring.receive(connection, 0));
    let mut open = connections;
    while open > 0 {
        let turned = ring.turn(|ring, event| match event {
            Event::Received(connection, 0) => {
                ring.close(connection);
                open -= 1;
            }
            Event::Received(connection, length) => ring.send(connection, length, false),
            Event::Sent(connection) => ring.receive(connection, 0),
            Event::Broken(connection) => panic!("connection {connection} broke"),
        });
        turned.expect("a turn");
    }
    ring.enters
}
