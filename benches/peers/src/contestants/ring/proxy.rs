//! The proxy: what one end has received the other one sends, then the first receives again.

use crate::load::ring::{Event, Ring};
use crate::process::How;
use std::io;
use std::net::TcpStream;

pub(super) fn serve(pairs: Vec<(TcpStream, TcpStream)>, how: How) -> io::Result<()> {
    let count = pairs.len();
    let (clients, upstreams): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let ends = 2 * count;
    let other = |end: usize| (end + count) % ends;
    let mut ring =
        Ring::new(clients.into_iter().chain(upstreams).collect(), how.buffer, &[], false)?;
    (0..ends).for_each(|end| ring.receive(end));
    let (mut open, mut broken) = (ends, false);
    while open > 0 && !broken {
        ring.turn(|ring, event| match event {
            Event::Received(end, 0) => {
                ring.shut_down(other(end));
                open -= 1;
            }
            Event::Received(end, length) => ring.send(other(end), end, length, false),
            Event::Sent(end) => ring.receive(other(end)),
            Event::Broken(_) => broken = true,
        })?;
    }
    if broken { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
}
