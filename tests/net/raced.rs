//! Operations that end while they are cancelled: what they tell is what has happened, and what came
//! for them is not lost.

use crate::run;
use crate::support::{pair, turn};
use nestling::buf::Pool;
use nestling::io::nursery;
use nestling::is_cancelled;
use nestling::net::UdpSocket;
use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{self, Shutdown};

/// Turns of the loop between an event and the cancel: the operation has not entered, is in flight,
/// or is answered.
const TURNS: [usize; 4] = [0, 1, 2, 3];

/// Each distance as often.
const ROUNDS: usize = 20;

/// Whether a stream is dropped behind its first answer: at every distance as often as not.
fn takes_one(round: usize) -> bool {
    (round / TURNS.len()).is_multiple_of(2)
}

/// Runs `work` in a child, which has begun after two turns; has `event` happen; and cancels the
/// child after so many more.
async fn raced(turns: usize, event: impl FnOnce(), work: impl Future<Output = io::Result<()>>) {
    let result = nursery(async |n| {
        n.spawn(work);
        turn().await;
        turn().await;
        event();
        for _ in 0..turns {
            turn().await;
        }
        n.cancel();
        Ok(())
    });
    result.await.unwrap();
}

/// The stream is dropped behind its first lease, or goes on until it hears of the cancel.
#[test]
fn r17_a_stream_of_leases_loses_nothing() {
    run(async || {
        // "before" takes two.
        let pool = Pool::new(8, 4).unwrap();
        for (round, turns) in TURNS.repeat(ROUNDS).into_iter().enumerate() {
            let (stream, mut peer) = pair();
            let mut other = peer.try_clone().unwrap();
            let all = RefCell::new(Vec::new());
            let event = || peer.write_all(b"before").unwrap();
            raced(turns, event, async {
                let mut leases = stream.recv_stream_in(&pool);
                loop {
                    match leases.next().await {
                        Ok(lease) => all.borrow_mut().extend_from_slice(&lease),
                        Err(error) => return is_cancelled(&error).then_some(()).ok_or(error),
                    }
                    if takes_one(round) {
                        return Ok(());
                    }
                }
            })
            .await;
            other.write_all(b", after").unwrap();
            let mut all = all.into_inner();
            while all.len() < b"before, after".len() {
                all.extend_from_slice(&stream.recv().await.unwrap());
            }
            assert_eq!(all, b"before, after", "cancelled after {turns} turns");
        }
    });
}

/// The same, of datagrams.
#[test]
fn r17_a_stream_of_datagrams_loses_nothing() {
    run(async || {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let peer = net::UdpSocket::bind("127.0.0.1:0").unwrap();
        peer.connect(socket.local_addr().unwrap()).unwrap();
        for (round, turns) in TURNS.repeat(ROUNDS).into_iter().enumerate() {
            let all = RefCell::new(Vec::new());
            let say = |words: &[&str]| {
                words.iter().for_each(|word| assert!(peer.send(word.as_bytes()).is_ok()));
            };
            raced(turns, || say(&["one", "two"]), async {
                let mut datagrams = socket.recv_stream();
                loop {
                    match datagrams.next().await {
                        Ok((lease, _)) => all.borrow_mut().push(lease.into_vec()),
                        Err(error) => return is_cancelled(&error).then_some(()).ok_or(error),
                    }
                    if takes_one(round) {
                        return Ok(());
                    }
                }
            })
            .await;
            say(&["three"]);
            let mut all = all.into_inner();
            while all.len() < 3 {
                let (length, mut bytes) = socket.recv(vec![0; 9]).await;
                bytes.truncate(length.unwrap());
                all.push(bytes);
            }
            assert_eq!(all, [&b"one"[..], b"two", b"three"], "cancelled after {turns} turns");
        }
    });
}

/// A wait takes nothing, whether it hears of the bytes or of the cancel.
#[test]
fn r17_a_wait_leaves_what_it_is_told_of() {
    run(async || {
        for turns in TURNS.repeat(ROUNDS) {
            let (stream, mut peer) = pair();
            raced(turns, || peer.write_all(b"abc").unwrap(), async {
                match stream.readable().await {
                    Err(error) if !is_cancelled(&error) => Err(error),
                    _ => Ok(()),
                }
            })
            .await;
            assert_eq!(stream.read(vec![0; 9]).await.0.unwrap(), 3);
        }
    });
}

#[test]
fn b1_a_shutdown_tells_whether_it_was_done() {
    run(async || {
        for turns in TURNS.repeat(ROUNDS) {
            let (stream, mut peer) = pair();
            let is_done = Cell::new(false);
            let result = nursery(async |n| {
                n.spawn(async {
                    match stream.shutdown(Shutdown::Write).await {
                        Err(error) if !is_cancelled(&error) => return Err(error),
                        result => is_done.set(result.is_ok()),
                    }
                    Ok(())
                });
                for _ in 0..turns {
                    turn().await;
                }
                n.cancel();
                Ok(())
            });
            result.await.unwrap();
            peer.set_nonblocking(true).unwrap();
            let end = peer.read(&mut [0; 1]);
            match is_done.get() {
                true => assert_eq!(end.unwrap(), 0),
                false => assert_eq!(end.unwrap_err().kind(), ErrorKind::WouldBlock),
            }
        }
    });
}

/// Cancelled or not, it closes the socket before its nursery ends.
#[test]
fn b8_a_close_is_done_in_any_case() {
    run(async || {
        for turns in TURNS.repeat(ROUNDS) {
            let (stream, mut peer) = pair();
            let result = nursery(async |n| {
                n.spawn(stream.close());
                for _ in 0..turns {
                    turn().await;
                }
                n.cancel();
                Ok(())
            });
            result.await.unwrap();
            peer.set_nonblocking(true).unwrap();
            assert_eq!(peer.read(&mut [0; 1]).unwrap(), 0, "cancelled after {turns} turns");
        }
    });
}
