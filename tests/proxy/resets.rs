//! Bytes in both directions, of which some connections are reset at random offsets.
//!
//! `NESTLING_MEGABYTES=1024 cargo test --release --test proxy resets::` is for longer, and
//! `NESTLING_SEED` for one seed.

use crate::front::{Front, accept, assert_reset, server};
use crate::random::{self, Random};
use socket2::SockRef;
use std::hash::{DefaultHasher, Hasher};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// The bytes of one direction: pieces of one block, each from an offset of its own.
struct Bytes<'a> {
    block: &'a [u8],
    random: Random,
    left: usize,
}

impl<'a> Bytes<'a> {
    fn new(block: &'a [u8], seed: u64, length: usize) -> Self {
        Self { block, random: Random::new(seed), left: length }
    }
}

impl<'a> Iterator for Bytes<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.random.below(self.block.len() / 2);
        let piece = &self.block[start..][..self.left.min(100_003)];
        self.left -= piece.len();
        (!piece.is_empty()).then_some(piece)
    }
}

/// Random bytes from which all that is sent is cut.
fn block() -> Vec<u8> {
    let mut random = Random::new(7);
    (0..1 << 17).flat_map(|_| random.next().to_le_bytes()).collect()
}

/// How one direction went.
#[derive(Debug, PartialEq)]
enum Ended {
    /// So many bytes, then the end; with their hash.
    InOrder(usize, u64),
    Reset,
    /// After so many bytes, before the end.
    Early(usize),
}

/// Sends all and the end, unless the connection is `broken` from here or reset from there.
fn send(mut to: &TcpStream, bytes: Bytes<'_>, broken: &AtomicBool) -> Ended {
    let (mut sent, mut hash) = (0, DefaultHasher::new());
    for piece in bytes {
        if broken.load(Ordering::SeqCst) {
            return Ended::Reset;
        }
        if let Err(error) = to.write_all(piece) {
            assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe));
            return Ended::Reset;
        }
        sent += piece.len();
        hash.write(piece);
    }
    match to.shutdown(Shutdown::Write) {
        Ok(()) => Ended::InOrder(sent, hash.finish()),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::NotConnected);
            Ended::Reset
        }
    }
}

/// Reads to the end. What comes is what was sent, also before a reset; `breaks` is after how many
/// bytes the connection is to be reset from here.
fn receive(mut from: &TcpStream, bytes: Bytes<'_>, breaks: Option<usize>) -> Ended {
    let (mut received, mut hash) = (0, DefaultHasher::new());
    let mut buffer = vec![0; 100_003];
    for piece in bytes {
        let mut there = 0;
        while there < piece.len() {
            if breaks.is_some_and(|at| received + there >= at) {
                return Ended::Reset;
            }
            match from.read(&mut buffer[..piece.len() - there]) {
                Ok(0) => return Ended::Early(received + there),
                Ok(length) => {
                    let is_same = buffer[..length] == piece[there..there + length];
                    assert!(is_same, "changed behind {} bytes", received + there);
                    there += length;
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                    return Ended::Reset;
                }
            }
        }
        received += piece.len();
        hash.write(piece);
    }
    match from.read(&mut buffer) {
        Ok(0) => Ended::InOrder(received, hash.finish()),
        Ok(_) => panic!("more than was sent"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            Ended::Reset
        }
    }
}

/// One connection: `length` bytes each way, and a reset, or none.
fn exchange(front: &Front, listener: &std::net::TcpListener, block: &[u8], random: &mut Random) {
    let length = random.below(4 << 20);
    let (there, back) = (random.next(), random.next());
    // By the client, by the server, or by neither.
    let breaks = random.percent(50).then(|| random.below(length + 1));
    let [client_breaks, server_breaks] =
        if random.percent(50) { [breaks, None] } else { [None, breaks] };
    let (client, server) = (front.client(), accept(listener));
    let bytes = |seed| Bytes::new(block, seed, length);
    let side = |stream: &TcpStream, sends, receives, breaks| {
        let broken = AtomicBool::new(false);
        thread::scope(|scope| {
            let sending = scope.spawn(|| send(stream, bytes(sends), &broken));
            let received = receive(stream, bytes(receives), breaks);
            if breaks.is_some() {
                SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
                broken.store(true, Ordering::SeqCst);
            }
            let sent = sending.join().unwrap();
            // The kernel tells of a reset once: if the sender heard it, the receiver has an end.
            let is_told = sent == Ended::Reset || !matches!(received, Ended::Early(_));
            assert!(is_told, "an end in order that is early: {received:?} of {length}");
            (sent, received)
        })
    };
    let [(sent, answered), (received, answering)] = thread::scope(|scope| {
        let serving = scope.spawn(|| {
            let (sending, received) = side(&server, back, there, server_breaks);
            drop(server);
            (received, sending)
        });
        let (sent, answered) = side(&client, there, back, client_breaks);
        drop(client);
        [(sent, answered), serving.join().unwrap()]
    });
    if breaks.is_none() {
        assert!(matches!(sent, Ended::InOrder(bytes, _) if bytes == length));
        assert_eq!((&sent, &answering), (&received, &answered), "both ends have the same hash");
    }
}

/// The proxy cannot hand on what the server sends when the client resets: one of its operations on
/// the client hears of that, and to another one it looks like an end.
#[test]
fn b5_a_reset_against_a_full_buffer_is_no_end() {
    let (listener, address) = server();
    let front = Front::start(&[address], &[]);
    for _ in 0..100 {
        let (mut client, mut server) = (front.client(), accept(&listener));
        client.write_all(b"half of the ques").unwrap();
        server.read_exact(&mut [0; 16]).unwrap();
        server.set_nonblocking(true).unwrap();
        let (mut refusals, piece) = (0, [7; 1 << 16]);
        while refusals < 10 {
            refusals += u32::from(server.write(&piece).is_err());
            thread::yield_now();
        }
        server.set_nonblocking(false).unwrap();
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        // The server does nothing but read, so that it is told.
        assert_reset(&server);
    }
    front.stopped();
}

#[test]
fn b5_bytes_arrive_as_they_were_sent_or_with_a_reset() {
    let megabytes = random::number("NESTLING_MEGABYTES").unwrap_or(64);
    let seed = random::one_seed().unwrap_or(1);
    let (listener, address) = server();
    let front = Front::start(&[address], &[]);
    let (block, mut random) = (block(), Random::new(seed));
    // Two megabytes each way, on average.
    for _ in 0..megabytes / 2 {
        exchange(&front, &listener, &block, &mut random);
    }
    // What it says of failures is all about resets.
    let said = front.stopped();
    let is_reset = |line: &str| line.contains("reset") || line.contains("Broken pipe");
    assert!(said.lines().all(is_reset), "{said}");
}
