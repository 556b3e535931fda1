//! The echo server: reads what there is and writes it, with one buffer for all connections.
//!
//! A message is far smaller than a socket's buffer, so a write that cannot be done at once is a
//! fault, not a wait.

use crate::process::How;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{self, Read, Write};
use std::net;

pub(super) fn serve(streams: Vec<net::TcpStream>, how: How) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut streams = streams.into_iter().map(stream).collect::<io::Result<Vec<_>>>()?;
    for (number, stream) in streams.iter_mut().enumerate() {
        poll.registry().register(stream, Token(number), Interest::READABLE)?;
    }
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; how.buffer];
    let mut open = streams.len();
    while open > 0 {
        poll.poll(&mut events, None)?;
        for event in &events {
            let stream = &mut streams[event.token().0];
            if !echo(stream, &mut buffer)? {
                poll.registry().deregister(stream)?;
                open -= 1;
            }
        }
    }
    Ok(())
}

pub(super) fn stream(stream: net::TcpStream) -> io::Result<TcpStream> {
    stream.set_nonblocking(true)?;
    Ok(TcpStream::from_std(stream))
}

/// Whether more may come. Events tell of a change: reads go on until there is nothing more, which a
/// read that does not fill the buffer says as well.
fn echo(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<bool> {
    loop {
        match stream.read(buffer) {
            Ok(0) => return Ok(false),
            Ok(length) => {
                stream.write_all(&buffer[..length])?;
                if length < buffer.len() {
                    return Ok(true);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
        }
    }
}
