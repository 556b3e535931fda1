//! A sender counts, and a reader that drops most of its reads sees every number once.

use crate::support::random::Random;
use crate::support::turn;
use crate::{connect, listener, run};
use futures_util::future::{Either, select};
use nestling::buf::{Lease, Pool};
use nestling::net::{RecvStream, TcpStream};
use nestling::task::yield_now;
use nestling::time::sleep;
use nestling::timeout;
use std::future::{Future, poll_fn};
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
        3 => {
            let mut buffer = vec![0; length];
            let polled = async {
                let result = poll_fn(|cx| stream.poll_read(cx, &mut buffer)).await;
                (result, buffer)
            };
            impatient(polled, random).await
        }
        4 => {
            let tried = async {
                let mut buffer = vec![0; length];
                stream.readable().await.expect("it is not cancelled");
                // What the kernel has said does not hold any more if an earlier read was dropped.
                let result = match stream.try_read(&mut buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
                    result => result,
                };
                (result, buffer)
            };
            impatient(tried, random).await
        }
        _ => impatient(stream.read(vec![0; length]), random).await,
    }
}

/// One receive of a random kind, into a buffer of a pool or not.
async fn one_leased<'a>(
    stream: &'a TcpStream,
    leases: &mut RecvStream<'a>,
    pools: &'a [Pool; 2],
    kept: &mut Vec<Lease>,
    random: &mut Random,
) -> Outcome {
    let mut take = |lease: io::Result<Lease>| {
        let lease = lease.expect("it is not cancelled");
        let bytes = lease.to_vec();
        kept.push(lease);
        (Ok(bytes.len()), bytes)
    };
    match random.below(16) {
        0..3 => one(stream, random).await,
        3 => {
            let time = random.micros(50);
            match timeout(time, leases.next()).await {
                Ok(Ok(lease)) => Outcome::Bytes(lease.into_vec()),
                _ => Outcome::Nothing,
            }
        }
        // The stream of receives ends, and another one begins.
        4 => {
            *leases = stream.recv_stream_in(&pools[random.below(2)]);
            Outcome::Nothing
        }
        5..8 => impatient(async { take(stream.recv().await) }, random).await,
        8..11 => {
            let pool = &pools[random.below(2)];
            impatient(async { take(stream.recv_in(pool).await) }, random).await
        }
        _ => impatient(async { take(leases.next().await) }, random).await,
    }
}

#[test]
fn e1_no_byte_is_lost_or_overtaken() {
    let stats = counted(async |stream, given| {
        let mut random = Random::new(2);
        for _ in 0..READS {
            let outcome = one(stream, &mut random).await;
            given(&mut random, outcome);
        }
    });
    assert!(stats.resumed > 1_000, "{stats:?}");
}

/// The same by receives of all kinds, from pools that are empty most of the time, while some leases
/// are kept, and others dropped on another thread.
#[test]
fn e1_no_byte_of_a_lease_is_lost_or_overtaken() {
    let stats = counted(async |stream, given| {
        let (elsewhere, dropped) = channel::<Lease>();
        let dropper = thread::spawn(move || dropped.iter().count());
        let pools = [Pool::new(2, 32).unwrap(), Pool::new(8, 16).unwrap()];
        let (mut random, mut kept) = (Random::new(3), Vec::new());
        let mut leases = stream.recv_stream_in(&pools[0]);
        for _ in 0..READS / 2 {
            let outcome = one_leased(stream, &mut leases, &pools, &mut kept, &mut random).await;
            given(&mut random, outcome);
            if kept.len() > random.below(4) {
                match random.below(2) {
                    0 => elsewhere.send(kept.swap_remove(0)).unwrap(),
                    _ => kept.clear(),
                }
            }
        }
        drop((leases, kept, elsewhere));
        dropper.join().unwrap();
        turn().await;
        assert_eq!(pools.map(|pool| pool.leased()), [0, 0]);
    });
    assert!(stats.resumed > 1_000 && stats.starved > 50, "{stats:?}");
    assert_eq!(stats.leased, 0, "{stats:?}");
}

/// Runs reads of a stream on which comes less than they want, and then reads the rest.
fn counted(
    reads: impl AsyncFnOnce(&TcpStream, &mut dyn FnMut(&mut Random, Outcome)),
) -> nestling::Stats {
    run(async || {
        let (listener, address) = listener();
        let peer = connect(address);
        let (stream, _) = listener.accept().await.unwrap();
        let (order, orders) = channel();
        let sender = thread::spawn(move || count(peer, &orders));
        let (mut at, mut dropped, mut all) = (0, 0, 0);
        let mut check = |bytes: &[u8]| {
            for byte in bytes {
                assert_eq!(*byte, expected(at), "at {at}");
                at += 1;
            }
        };
        reads(&stream, &mut |random, outcome| {
            match outcome {
                Outcome::Bytes(bytes) => check(&bytes),
                Outcome::Nothing => dropped += 1,
            }
            all += 1;
            // Less than would be read, so that most reads have to wait.
            if random.below(4) == 0 {
                order.send(1 + random.below(60) as u64).unwrap();
            }
        })
        .await;
        drop(order);
        loop {
            let (result, buffer) = stream.read(vec![0; 4096]).await;
            match result.unwrap() {
                0 => break,
                length => check(&buffer[..length]),
            }
        }
        assert_eq!(at, sender.join().unwrap());
        assert!(dropped > all / 2, "{dropped} reads were dropped, of {all}");
    })
}
