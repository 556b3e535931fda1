//! The proxy: what one end has read the other one writes, as far as that goes, with a buffer for
//! each direction.

use super::echo::stream;
use crate::process::How;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{self, Read, Write};
use std::net::{self, Shutdown};

/// What comes from one end.
struct Way {
    buffer: Vec<u8>,
    /// Which bytes of it the other end has not taken.
    left: std::ops::Range<usize>,
    ended: bool,
}

pub(super) fn serve(pairs: Vec<(net::TcpStream, net::TcpStream)>, how: How) -> io::Result<()> {
    let count = pairs.len();
    let (clients, upstreams): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let ends = clients.into_iter().chain(upstreams).map(stream);
    let mut ends = ends.collect::<io::Result<Vec<_>>>()?;
    let way = |_: &TcpStream| Way { buffer: vec![0; how.buffer], left: 0..0, ended: false };
    let mut ways: Vec<_> = ends.iter().map(way).collect();
    let mut poll = Poll::new()?;
    for (number, end) in ends.iter_mut().enumerate() {
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(end, Token(number), both)?;
    }
    let mut events = Events::with_capacity(1024);
    while ways.iter().any(|way| !way.ended) {
        poll.poll(&mut events, None)?;
        for event in &events {
            let end = event.token().0;
            let other = (end + count) % ends.len();
            if event.is_readable() {
                relay(&mut ways[end], &ends[end], &ends[other])?;
            }
            if event.is_writable() {
                relay(&mut ways[other], &ends[other], &ends[end])?;
            }
        }
    }
    Ok(())
}

/// Goes on until one of the two ends makes it wait, or there is no more.
fn relay(way: &mut Way, mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    while !way.ended {
        while !way.left.is_empty() {
            match to.write(&way.buffer[way.left.clone()]) {
                Ok(length) => way.left.start += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        match from.read(&mut way.buffer) {
            Ok(0) => {
                way.ended = true;
                to.shutdown(Shutdown::Write)?;
            }
            Ok(length) => way.left = 0..length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
