//! A sender counts, and a reader that drops most of its reads sees every number once.

use crate::support::random::Random;
use crate::support::turn;
use crate::{connect, listener, run};
use futures_util::future::{Either, select};
use nestling::net::TcpStream;
use nestling::task::yield_now;
use nestling::time::sleep;
use nestling::timeout;
use std::io::{self, Write};
use std::pin::{Pin, pin};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

const READS: u64 = 100_000;

/// The byte at each place of the stream. The period is no power of two, so that a gap of the size
/// of a buffer shows.
fn expected(at: u64) -> u8 {
    (at % 251) as u8
}

/// Writes as many bytes as it is told to, each time when it gets to it, and then ends the stream.
/// Tells how much it has written.
fn count(mut peer: std::net::TcpStream, orders: &Receiver<u64>) -> u64 {
    let mut at = 0;
    for length in orders {
        let piece: Vec<_> = (at..at + length).map(expected).collect();
        peer.write_all(&piece).unwrap();
        at += length;
    }
    at
}

/// What came of one read that may have been dropped.
enum Outcome {
    Bytes(Vec<u8>),
    Nothing,
}

/// Waits for the read as long as for something else that is short.
async fn impatient(
    read: impl Future<Output = (io::Result<usize>, Vec<u8>)>,
    random: &mut Random,
) -> Outcome {
    let short = random.below(8);
    let rival: Pin<Box<dyn Future<Output = ()>>> = match short {
        0 => Box::pin(sleep(random.micros(50))),
        1..3 => Box::pin(turn()),
        _ => Box::pin(async move {
            for _ in 0..short {
                yield_now().await;
            }
        }),
    };
    match select(pin!(read), rival).await {
        Either::Left(((result, mut buffer), _)) => {
            let length = result.expect("it is not cancelled");
            buffer.truncate(length);
            Outcome::Bytes(buffer)
        }
        Either::Right(_) => Outcome::Nothing,
    }
}

/// One read of a random kind.
async fn one(stream: &TcpStream, random: &mut Random) -> Outcome {
    let length = 1 + random.below(100);
    match random.below(8) {
        // It is told of its cancellation, and what it had is in the buffer.
        0 => {
            let time = random.micros(50);
            let Ok((result, mut buffer)) = timeout(time, stream.read(vec![0; length])).await else {
                return Outcome::Nothing;
            };
            buffer.truncate(result.unwrap_or(0));
            Outcome::Bytes(buffer)
        }
        1..3 => {
            let read = async {
                let (result, buffer) = stream.read_exact(vec![0; length]).await;
                (result.map(|()| length), buffer)
            };
            impatient(read, random).await
        }
        _ => impatient(stream.read(vec![0; length]), random).await,
    }
}

#[test]
fn e1_no_byte_is_lost_or_overtaken() {
    let stats = run(async || {
        let (listener, address) = listener();
        let peer = connect(address);
        let (stream, _) = listener.accept().await.unwrap();
        let (order, orders) = channel();
        let sender = thread::spawn(move || count(peer, &orders));
        let mut random = Random::new(2);
        let (mut at, mut dropped) = (0, 0);
        let mut check = |bytes: &[u8]| {
            for byte in bytes {
                assert_eq!(*byte, expected(at), "at {at}");
                at += 1;
            }
        };
        for _ in 0..READS {
            // Less than would be read, so that most reads have to wait.
            if random.below(4) == 0 {
                order.send(1 + random.below(60) as u64).unwrap();
            }
            match one(&stream, &mut random).await {
                Outcome::Bytes(bytes) => check(&bytes),
                Outcome::Nothing => dropped += 1,
            }
        }
        drop(order);
        loop {
            let (result, buffer) = stream.read(vec![0; 4096]).await;
            match result.unwrap() {
                0 => break,
                length => check(&buffer[..length]),
            }
        }
        assert_eq!(at, sender.join().unwrap());
        assert!(dropped > READS / 2, "{dropped} reads were dropped");
    });
    assert!(stats.resumed > 1_000, "{stats:?}");
}
