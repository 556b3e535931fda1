//! Streams and datagrams for code that polls: what does not wait, what waits, and whose wait it is.
//!
//! | | `try_…` | `readable`, `writable` | `poll_…` |
//! |---|---|---|---|
//! | success, short | `what_is_there_…` | `readiness_…` | `bytes_are_exact_…` |
//! | error | `a_broken_…` | `a_broken_…` | `a_broken_…` |
//! | cancelled in flight | do not wait | `r06_…` | `r06_…` |
//! | dropped, raced | `r17_…` | `b1_…` | `b1_…`, `counter.rs` |

use crate::support::{
    self, Count, fill, pair, poll_counted, poll_once, tcp_pair, turn, until_woken,
};
use crate::{answered, connect, listener, run, run_on, submitted, waiting};
use nestling::net::{TcpStream, UdpSocket, UnixStream};
use nestling::task::yield_now;
use nestling::{Runtime, is_cancelled, nursery, timeout};
use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{self, SocketAddr};
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// `poll_read` as a future.
async fn read(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    poll_fn(|cx| stream.poll_read(cx, buffer)).await
}

async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let sent = poll_fn(|cx| stream.poll_write(cx, bytes)).await?;
        bytes = &bytes[sent..];
    }
    Ok(())
}

fn readable(stream: &TcpStream) -> impl Future<Output = io::Result<()>> + Unpin {
    poll_fn(|cx| stream.poll_read_ready(cx))
}

fn writable(stream: &TcpStream) -> impl Future<Output = io::Result<()>> + Unpin {
    poll_fn(|cx| stream.poll_write_ready(cx))
}

fn would_block<T: std::fmt::Debug>(result: io::Result<T>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn what_is_there_is_taken_without_waiting() {
    run(async || {
        let (stream, mut peer) = pair();
        let mut buffer = [0; 8];
        let before = submitted();
        would_block(stream.try_read(&mut buffer));
        peer.write_all(b"abcde").unwrap();
        assert_eq!(stream.try_read(&mut []).unwrap(), 0);
        assert_eq!(stream.try_read(&mut buffer[..3]).unwrap(), 3);
        assert_eq!(stream.try_read(&mut buffer[3..]).unwrap(), 2);
        assert_eq!(&buffer, b"abcde\0\0\0");
        would_block(stream.try_read(&mut buffer));
        assert_eq!(stream.try_write(b"12").unwrap(), 2);
        let parts = [IoSlice::new(b"3"), IoSlice::new(b""), IoSlice::new(b"45")];
        assert_eq!(stream.try_write_vectored(&parts).unwrap(), 3);
        peer.read_exact(&mut buffer[..5]).unwrap();
        assert_eq!(&buffer[..5], b"12345");
        let many = [IoSlice::new(b"x"); 1025];
        assert_eq!(stream.try_write_vectored(&many).unwrap(), 1024);
        drop(peer);
        // What the peer has not read makes its end a reset; else zero.
        assert_eq!(stream.try_read(&mut buffer).unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(submitted(), before, "the ring has nothing to do with it");
    });
}

/// Few bytes are sent as one buffer, more of them as a list: it is the same bytes.
#[test]
fn several_buffers_are_sent_in_their_order() {
    run(async || {
        let (stream, mut peer) = pair();
        for length in [2, 1023, 1024, 1025, 5_000] {
            let sent = Vec::from_iter((0..length).map(|at| (at % 251) as u8));
            for first in [0, 1, length / 3, length - 1, length] {
                let (head, tail) = sent.split_at(first);
                let parts = [head, b"", tail, b""].map(IoSlice::new);
                assert_eq!(stream.try_write_vectored(&parts).unwrap(), length);
                let polled = poll_fn(|cx| stream.poll_write_vectored(cx, &parts)).await;
                assert_eq!(polled.unwrap(), length);
                let mut received = vec![0; 2 * length];
                peer.read_exact(&mut received).unwrap();
                assert!(received == [&sent[..], &sent].concat(), "{first} of {length}");
            }
        }
    });
}

#[test]
fn a_broken_connection_is_an_error_and_no_signal() {
    run(async || {
        let (stream, peer) = pair();
        drop(peer);
        readable(&stream).await.unwrap();
        assert_eq!(stream.try_read(&mut [0; 8]).unwrap(), 0);
        assert_eq!(read(&stream, &mut [0; 8]).await.unwrap(), 0);
        writable(&stream).await.unwrap();
        assert_eq!(stream.try_write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
        let error = poll_fn(|cx| stream.poll_write_vectored(cx, &[IoSlice::new(b"x")])).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::BrokenPipe);
        poll_fn(|cx| stream.poll_shutdown(cx)).await.unwrap();
    });
}

/// Each wait is in the kernel: nothing is woken before something is there.
#[test]
fn readiness_is_waited_for() {
    run(async || {
        let (stream, mut peer) = pair();
        for round in 0..3 {
            let ready = answered(stream.readable(), || peer.write_all(b"x").unwrap()).await;
            ready.await.unwrap();
            stream.readable().await.unwrap();
            let mut ready = pin!(readable(&stream));
            assert!(poll_once(ready.as_mut()).await.is_pending(), "asked in each round");
            ready.await.unwrap();
            assert_eq!(stream.try_read(&mut [0; 8]).unwrap(), 1, "round {round}");
            peer.set_nonblocking(true).unwrap();
            while stream.try_write(&[0; 4096]).is_ok() {}
            let mut ready = pin!(writable(&stream));
            assert!(poll_once(ready.as_mut()).await.is_pending());
            turn().await;
            turn().await;
            assert!(poll_once(ready.as_mut()).await.is_pending(), "there is no room");
            while peer.read(&mut [0; 4096]).is_ok() {}
            ready.await.unwrap();
            stream.writable().await.unwrap();
            stream.try_write(b"x").unwrap();
            while peer.read(&mut [0; 4096]).is_ok() {}
        }
    });
}

/// One task for each direction, on one stream: neither takes the other's wake.
#[test]
fn f4_each_direction_has_its_waker() {
    run(async || {
        let (stream, mut peer) = pair();
        peer.set_nonblocking(true).unwrap();
        while stream.try_write(&[0; 4096]).is_ok() {}
        let (reads, writes) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let (mut reading, mut writing) = (readable(&stream), writable(&stream));
        assert!(poll_counted(pin!(&mut reading), &reads).is_pending());
        assert!(poll_counted(pin!(&mut writing), &writes).is_pending());
        turn().await;
        peer.write_all(b"x").unwrap();
        until_woken(&reads).await;
        assert_eq!((reads.get(), writes.get()), (1, 0));
        while peer.read(&mut [0; 4096]).is_ok() {}
        until_woken(&writes).await;
        assert_eq!((reads.get(), writes.get()), (1, 1));
        reading.await.unwrap();
        writing.await.unwrap();
    });
}

/// The wait moves with the polls, within a scope: the task of the last one is woken.
#[test]
fn f4_the_last_waker_is_woken() {
    run(async || {
        let (stream, mut peer) = pair();
        let (first, last) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let before = submitted();
        assert!(poll_counted(pin!(readable(&stream)), &first).is_pending());
        turn().await;
        assert!(poll_counted(pin!(readable(&stream)), &last).is_pending());
        turn().await;
        assert_eq!(submitted() - before, 3, "one wait, and two turns");
        peer.write_all(b"x").unwrap();
        until_woken(&last).await;
        assert_eq!((first.get(), last.get()), (0, 1));
        readable(&stream).await.unwrap();
    });
}

/// The stream goes to another task while its wait is in flight; then the first one is cancelled, or
/// ends. No other task hears of that.
#[test]
fn r02_a_wait_does_not_carry_a_cancel_to_another_task() {
    for ends in [false, true] {
        run(async || {
            let (stream, mut peer) = pair();
            let step = Cell::new(0);
            let reach = async |wanted| {
                while step.get() < wanted {
                    yield_now().await;
                }
            };
            nursery(async |n| {
                let first = n.spawn(async {
                    assert!(poll_once(pin!(readable(&stream))).await.is_pending());
                    turn().await;
                    step.set(1);
                    if !ends {
                        pending::<()>().await;
                    }
                });
                let second = n.spawn(async {
                    reach(1).await;
                    assert!(poll_once(pin!(readable(&stream))).await.is_pending());
                    step.set(2);
                    readable(&stream).await.unwrap();
                    assert_eq!(stream.try_read(&mut [0; 8]).unwrap(), 1);
                    Ok::<_, io::Error>(())
                });
                reach(2).await;
                first.cancel();
                let _ = first.await;
                turn().await;
                peer.write_all(b"x").unwrap();
                Ok(second.await?)
            })
            .await
            .unwrap();
        });
    }
}

/// The wait of a stream that leaves the nursery ends with that, and is begun anew outside.
#[test]
fn r01_a_wait_holds_no_nursery_open() {
    run(async || {
        let (stream, mut peer) = pair();
        let mut kept = None;
        nursery(async |n| {
            n.spawn(async {
                assert!(poll_once(pin!(readable(&stream))).await.is_pending());
                assert!(poll_once(pin!(read(&stream, &mut [0; 8]))).await.is_pending());
                turn().await;
                kept = Some(stream);
                Ok(())
            });
            Ok::<_, io::Error>(())
        })
        .await
        .unwrap();
        let stream = kept.unwrap();
        let mut buffer = [0; 8];
        let mut reading = pin!(read(&stream, &mut buffer));
        assert!(poll_once(reading.as_mut()).await.is_pending());
        turn().await;
        peer.write_all(b"x").unwrap();
        assert_eq!(reading.await.unwrap(), 1);
    });
}

/// A loop that ignores every error ends: the wait in flight answers once, the next one is its end.
#[test]
fn r06_a_cancelled_wait_answers_once() {
    run(async || {
        for kind in 0..4 {
            let (stream, mut peer) = pair();
            peer.set_nonblocking(true).unwrap();
            fill(&mut &peer);
            while stream.try_write(&[0; 4096]).is_ok() {}
            while stream.try_read(&mut [0; 4096]).is_ok() {}
            let errors = RefCell::new(Vec::new());
            let result = nursery(async |n| {
                n.spawn(async {
                    loop {
                        let result = match kind {
                            0 => stream.readable().await,
                            1 => writable(&stream).await,
                            2 => read(&stream, &mut [0; 8]).await.map(drop),
                            _ => write_all(&stream, b"x").await,
                        };
                        errors.borrow_mut().extend(result.err());
                    }
                });
                turn().await;
                n.cancel();
                Ok::<_, io::Error>(())
            });
            result.await.unwrap();
            let errors = errors.into_inner();
            assert_eq!(errors.len(), 1, "kind {kind}: {errors:?}");
            assert!(is_cancelled(&errors[0]));
            let _ = peer.read(&mut [0; 1]);
        }
    });
}

/// In a cancelled task what waits takes nothing, although something is there.
#[test]
fn r06_a_poll_in_a_cancelled_task_takes_nothing() {
    run(async || {
        let (stream, mut peer) = pair();
        peer.write_all(b"abc").unwrap();
        let got_on = Cell::new(false);
        nursery(async |n| {
            n.spawn(async {
                n.cancel();
                let _ = read(&stream, &mut [0; 8]).await;
                got_on.set(true);
            });
            Ok::<_, io::Error>(())
        })
        .await
        .unwrap();
        assert!(!got_on.get());
        assert_eq!(stream.try_read(&mut [0; 8]).unwrap(), 3);
    });
}

#[test]
fn r14_a_timeout_ends_the_wait() {
    run(async || {
        let (stream, mut peer) = pair();
        for _ in 0..3 {
            let mut buffer = [0; 8];
            let result = timeout(Duration::from_millis(1), read(&stream, &mut buffer)).await;
            assert!(is_cancelled(&result.unwrap().unwrap_err()));
        }
        peer.write_all(b"x").unwrap();
        assert_eq!(read(&stream, &mut [0; 8]).await.unwrap(), 1);
    });
}

/// FAILURES B1: a descriptor that is polled is closed all the same.
#[test]
fn b1_a_dropped_stream_is_closed_while_it_is_waited_on() {
    run(async || {
        for submitted in [false, true] {
            let (stream, mut peer) = tcp_pair("127.0.0.1:0").await;
            assert!(poll_once(pin!(read(&stream, &mut [0; 8]))).await.is_pending());
            assert!(poll_once(pin!(stream.readable())).await.is_pending());
            while stream.try_write(&[0; 4096]).is_ok() {}
            assert!(poll_once(pin!(write_all(&stream, b"x"))).await.is_pending());
            if submitted {
                turn().await;
            }
            nursery(async |_| {
                drop(stream);
                Ok::<_, io::Error>(())
            })
            .await
            .unwrap();
            assert!(support::sees_the_end(&mut peer));
        }
    });
}

#[test]
fn b1_a_stream_that_is_waited_on_closes_and_moves() {
    run(async || {
        let (stream, mut peer) = tcp_pair("127.0.0.1:0").await;
        assert!(poll_once(pin!(read(&stream, &mut [0; 8]))).await.is_pending());
        turn().await;
        let stream = stream.detach().await.attach();
        peer.write_all(b"abc").unwrap();
        assert_eq!(read(&stream, &mut [0; 8]).await.unwrap(), 3);
        assert!(poll_once(pin!(read(&stream, &mut [0; 8]))).await.is_pending());
        turn().await;
        stream.close().await.unwrap();
        assert!(support::sees_the_end(&mut peer));
    });
}

/// What a dropped read has taken comes first; and what it may still take is waited for.
#[test]
fn r17_what_dropped_reads_have_left_comes_first() {
    run(async || {
        let (stream, mut peer) = pair();
        let left = answered(stream.read(vec![0; 3]), || peer.write_all(b"abcdef").unwrap()).await;
        drop(left);
        stream.readable().await.unwrap();
        readable(&stream).await.unwrap();
        let mut buffer = [0; 8];
        assert_eq!(stream.try_read(&mut buffer[..2]).unwrap(), 2);
        assert_eq!(read(&stream, &mut buffer[2..]).await.unwrap(), 1);
        assert_eq!(read(&stream, &mut buffer[3..]).await.unwrap(), 3);
        assert_eq!(&buffer[..6], b"abcdef");

        let mut dropped = Box::pin(stream.read(vec![0; 3]));
        assert!(poll_once(dropped.as_mut()).await.is_pending());
        turn().await;
        drop(dropped);
        peer.write_all(b"xyz").unwrap();
        would_block(stream.try_read(&mut buffer));
        stream.readable().await.unwrap();
        assert_eq!(read(&stream, &mut buffer).await.unwrap(), 3);
        assert_eq!(&buffer[..3], b"xyz");
    });
}

/// What another read has taken before it is dropped ends a wait: the kernel tells of it no more.
#[test]
fn r17_what_a_dropped_read_leaves_ends_a_wait() {
    run(async || {
        let (stream, mut peer) = pair();
        for _ in 0..10 {
            let left = answered(stream.read(vec![0; 4]), || peer.write_all(b"left").unwrap()).await;
            let mut ready = waiting(stream.readable()).await;
            drop(left);
            ready.woken().await.unwrap();
            assert_eq!(stream.try_read(&mut [0; 8]).unwrap(), 4);
        }
    });
}

/// The same for code that polls.
#[test]
fn r17_what_a_dropped_read_leaves_ends_a_wait_that_polls() {
    run(async || {
        for _ in 0..10 {
            let (stream, mut peer) = pair();
            let left = answered(stream.read(vec![0; 4]), || peer.write_all(b"left").unwrap()).await;
            let mut ready = waiting(readable(&stream)).await;
            drop(left);
            ready.woken().await.unwrap();
            assert_eq!(stream.try_read(&mut [0; 8]).unwrap(), 4);

            let left = answered(stream.read(vec![0; 4]), || peer.write_all(b"left").unwrap()).await;
            let mut buffer = [0; 8];
            let mut next = waiting(read(&stream, &mut buffer)).await;
            drop(left);
            assert_eq!(next.woken().await.unwrap(), 4);
            drop(next);
            assert_eq!(&buffer[..4], b"left");

            let (stream, peer) = UnixStream::pair().unwrap();
            let send = || assert_eq!(peer.try_write(b"left").unwrap(), 4);
            let left = answered(stream.read(vec![0; 4]), send).await;
            let mut next = waiting(poll_fn(|cx| stream.poll_read(cx, &mut buffer))).await;
            drop(left);
            assert_eq!(next.woken().await.unwrap(), 4);
        }
    });
}

/// A wait that stands on a stream, which dropped reads would tell, holds up neither its way to
/// another core nor its end.
#[test]
fn d11_a_stream_that_is_waited_on_is_given_away() {
    run(async || {
        let (stream, mut peer) = pair();
        let left = answered(stream.read(vec![0; 4]), || peer.write_all(b"left").unwrap()).await;
        assert!(poll_once(pin!(readable(&stream))).await.is_pending());
        turn().await;
        drop(left);
        let stream = stream.detach().await.attach();
        assert_eq!(read(&stream, &mut [0; 8]).await.unwrap(), 4);
        assert!(poll_once(pin!(readable(&stream))).await.is_pending());
        turn().await;
        let stream = TcpStream::from_std(stream.into_std().unwrap()).unwrap();
        assert!(poll_once(pin!(readable(&stream))).await.is_pending());
        turn().await;
        stream.close().await.unwrap();
        assert!(support::sees_the_end(&mut peer));
    });
}

/// A stream of receives that nothing waits for has the bytes first: it is ended for a try.
#[test]
fn r17_what_an_armed_stream_of_receives_has_comes_first() {
    run(async || {
        let (stream, mut peer) = pair();
        let mut leases = stream.recv_stream();
        assert!(poll_once(pin!(leases.next())).await.is_pending());
        turn().await;
        peer.write_all(b"abc").unwrap();
        let mut buffer = [0; 8];
        would_block(stream.try_read(&mut buffer));
        stream.readable().await.unwrap();
        assert_eq!(stream.try_read(&mut buffer).unwrap(), 3);
        assert_eq!(&buffer[..3], b"abc");
        assert!(poll_once(pin!(leases.next())).await.is_pending());
        turn().await;
        peer.write_all(b"de").unwrap();
        assert_eq!(read(&stream, &mut buffer).await.unwrap(), 2);
        assert_eq!(&buffer[..2], b"de");
    });
}

/// FAILURES, R18: an always-ready loop lets its sibling run.
#[test]
fn r18_polls_that_are_always_ready_share_the_turn() {
    run(async || {
        let (stream, mut peer) = pair();
        peer.write_all(&[7; 20_000]).unwrap();
        let done = Cell::new(false);
        nursery(async |n| {
            n.spawn(async {
                for _ in 0..20_000 {
                    assert_eq!(read(&stream, &mut [0; 1]).await.unwrap(), 1);
                }
                assert!(done.get(), "the timer was not looked at");
            });
            nestling::time::sleep(Duration::ZERO).await;
            turn().await;
            done.set(true);
            Ok::<_, io::Error>(())
        })
        .await
        .unwrap();
    });
}

/// A request costs a receive, a send and a poll: after a short read nothing is tried in vain, where
/// the core has little to do (else see `polled_again.rs`).
#[test]
fn a_drained_stream_is_not_tried_again() {
    run(async || {
        let (stream, mut peer) = pair();
        let mut buffer = [0; 64];
        peer.write_all(b"request").unwrap();
        assert_eq!(read(&stream, &mut buffer).await.unwrap(), 7);
        peer.write_all(b"request").unwrap();
        let before = submitted();
        let mut reading = pin!(read(&stream, &mut buffer));
        assert!(poll_once(reading.as_mut()).await.is_pending(), "it asks the kernel first");
        assert_eq!(reading.await.unwrap(), 7);
        assert_eq!(submitted() - before, 1);
        peer.write_all(&[1; 65]).unwrap();
        assert_eq!(read(&stream, &mut [0; 64]).await.unwrap(), 64);
        assert!(poll_once(pin!(read(&stream, &mut [0; 9]))).await.is_ready(), "there is more");
    });
}

/// 1 B to 64 MiB, in both directions at once, through odd buffers.
#[test]
fn bytes_are_exact_in_both_directions() {
    run(async || {
        for (length, chunk) in [(1, 1), (7, 3), (65_537, 997), (64 << 20, 65_521)] {
            let (stream, mut peer) = tcp_pair("127.0.0.1:0").await;
            let mut sender = peer.try_clone().unwrap();
            let sent = Arc::new(Vec::from_iter((0..length).map(|at| (at % 251) as u8)));
            let source = Arc::clone(&sent);
            let sending = thread::spawn(move || {
                sender.write_all(&source).unwrap();
                sender.shutdown(net::Shutdown::Write).unwrap();
            });
            let receiving = thread::spawn(move || {
                let mut all = Vec::new();
                peer.read_to_end(&mut all).unwrap();
                all
            });
            nursery(async |n| {
                n.spawn(async {
                    for piece in sent.chunks(chunk) {
                        write_all(&stream, piece).await?;
                    }
                    poll_fn(|cx| stream.poll_shutdown(cx)).await
                });
                let (mut at, mut buffer) = (0, vec![0; chunk]);
                loop {
                    let got = read(&stream, &mut buffer).await?;
                    if got == 0 {
                        break;
                    }
                    assert!(buffer[..got] == sent[at..at + got], "at {at}");
                    at += got;
                }
                assert_eq!(at, sent.len());
                Ok::<_, io::Error>(())
            })
            .await
            .unwrap();
            sending.join().unwrap();
            assert!(receiving.join().unwrap() == *sent);
        }
    });
}

#[test]
fn a_thousand_connections() {
    const MANY: usize = 1_000;
    run_on(Runtime::builder(), async || {
        let (listener, address) = listener();
        let clients = thread::spawn(move || {
            let mut clients = Vec::from_iter((0..MANY).map(|_| connect(address)));
            for (number, client) in clients.iter_mut().enumerate() {
                client.write_all(&(number as u32).to_le_bytes()).unwrap();
            }
            for (number, client) in clients.iter_mut().enumerate() {
                let mut back = [0; 4];
                client.read_exact(&mut back).unwrap();
                assert_eq!(u32::from_le_bytes(back) as usize, number);
            }
        });
        nursery(async |n| {
            for _ in 0..MANY {
                let (stream, _) = listener.accept().await?;
                n.spawn(async move {
                    let mut buffer = [0; 16];
                    loop {
                        match read(&stream, &mut buffer).await? {
                            0 => return Ok::<_, io::Error>(()),
                            length => write_all(&stream, &buffer[..length]).await?,
                        }
                    }
                });
            }
            Ok::<_, io::Error>(())
        })
        .await
        .unwrap();
        clients.join().unwrap();
    });
}

#[test]
fn unix_streams_are_polled_as_well() {
    run(async || {
        let (one, other) = UnixStream::pair().unwrap();
        one.writable().await.unwrap();
        assert_eq!(one.try_write(b"ab").unwrap(), 2);
        assert_eq!(one.try_write_vectored(&[IoSlice::new(b"cd")]).unwrap(), 2);
        other.readable().await.unwrap();
        let mut buffer = [0; 8];
        assert_eq!(other.try_read(&mut buffer).unwrap(), 4);
        poll_fn(|cx| one.poll_write(cx, b"ef")).await.unwrap();
        poll_fn(|cx| other.poll_read_ready(cx)).await.unwrap();
        assert_eq!(poll_fn(|cx| other.poll_read(cx, &mut buffer)).await.unwrap(), 2);
        poll_fn(|cx| one.poll_shutdown(cx)).await.unwrap();
        assert_eq!(poll_fn(|cx| other.poll_read(cx, &mut buffer)).await.unwrap(), 0);
    });
}

#[test]
fn r17_datagrams_of_dropped_receives_come_first() {
    run(async || {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let peer = net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let (ours, theirs) = (socket.local_addr().unwrap(), peer.local_addr().unwrap());
        let mut buffer = [0; 8];
        would_block(socket.try_recv(&mut buffer));
        let send = |text: &[u8]| peer.send_to(text, ours).map(drop).unwrap();
        drop(answered(socket.recv(vec![0; 8]), || send(b"first")).await);
        send(b"second");
        socket.readable().await.unwrap();
        assert_eq!(socket.try_recv_from(&mut buffer).unwrap(), (5, theirs));
        assert_eq!(socket.try_recv(&mut buffer).unwrap(), 6);
        let mut dropped = Box::pin(socket.recv(vec![0; 8]));
        assert!(poll_once(dropped.as_mut()).await.is_pending());
        turn().await;
        drop(dropped);
        would_block(socket.try_recv(&mut buffer));
        let ready = answered(socket.readable(), || send(b"third")).await;
        ready.await.unwrap();
        assert_eq!(socket.try_recv_from(&mut buffer).unwrap(), (5, theirs));
        socket.writable().await.unwrap();
        assert_eq!(socket.try_send_to(b"back", theirs).unwrap(), 4);
        socket.connect(theirs).await.unwrap();
        assert_eq!(socket.try_send(b"again").unwrap(), 5);
        assert_eq!(peer.recv(&mut buffer).unwrap(), 4);
        assert_eq!(peer.recv(&mut buffer).unwrap(), 5);
        let mut waiting = pin!(socket.readable());
        assert!(poll_once(waiting.as_mut()).await.is_pending());
        turn().await;
        assert!(poll_once(waiting.as_mut()).await.is_pending());
    });
}

/// `poll_recv_from` as a future.
async fn recv_from(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    poll_fn(|cx| socket.poll_recv_from(cx, buffer)).await
}

#[test]
fn datagrams_go_both_ways_by_polls() {
    run(async || {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let (one, other) = (UdpSocket::bind(address).await, UdpSocket::bind(address).await);
            let (one, other) = (one.unwrap(), other.unwrap());
            let (to, from) = (other.local_addr().unwrap(), one.local_addr().unwrap());
            for round in 0..200_u32 {
                let (bytes, mut buffer) = (round.to_le_bytes(), [0; 9]);
                let mut next = Box::pin(recv_from(&other, &mut buffer));
                if round % 3 > 0 {
                    assert!(poll_once(next.as_mut()).await.is_pending());
                }
                if round % 3 > 1 {
                    turn().await;
                }
                poll_fn(|cx| one.poll_send_to(cx, &bytes, to)).await.unwrap();
                assert_eq!(next.as_mut().await.unwrap(), (4, from));
                drop(next);
                assert_eq!(buffer[..4], bytes);
            }
            one.connect(to).await.unwrap();
            poll_fn(|cx| one.poll_send_ready(cx)).await.unwrap();
            assert_eq!(poll_fn(|cx| one.poll_send(cx, b"abc")).await.unwrap(), 3);
            poll_fn(|cx| other.poll_recv_ready(cx)).await.unwrap();
            let mut buffer = [0; 2];
            assert_eq!(poll_fn(|cx| other.poll_recv(cx, &mut buffer)).await.unwrap(), 2);
            assert_eq!(&buffer, b"ab", "the rest is lost");
        }
    });
}

#[test]
fn a_refused_datagram_is_an_error_of_a_poll() {
    run(async || {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let peer = net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(peer.local_addr().unwrap()).await.unwrap();
        let mut buffer = [0; 4];
        let mut next = pin!(recv_from(&socket, &mut buffer));
        assert!(poll_once(next.as_mut()).await.is_pending());
        turn().await;
        drop(peer);
        assert_eq!(socket.try_send(b"x").unwrap(), 1);
        assert_eq!(next.await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

/// R6, R17, D11: a wait answers a cancel once and takes nothing; a poll hears of what dropped
/// receives have left; a socket that is waited on closes, and is given away without a duplicate.
#[test]
fn r17_polls_of_datagrams_wait_as_those_of_streams() {
    run(async || {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let ours = socket.local_addr().unwrap();
        let mut buffer = [0; 4];
        let heard = Cell::new(false);
        nursery(async |n| {
            n.spawn(async {
                let error = recv_from(&socket, &mut buffer).await.unwrap_err();
                heard.set(is_cancelled(&error));
            });
            turn().await;
            turn().await;
            n.cancel();
            Ok::<_, io::Error>(())
        })
        .await
        .unwrap();
        assert!(heard.get());
        for _ in 0..10 {
            let send = || assert_eq!(socket.try_send_to(b"left", ours).unwrap(), 4);
            let receive = answered(socket.recv(vec![0; 4]), send).await;
            let mut buffer = [0; 4];
            let mut next = waiting(recv_from(&socket, &mut buffer)).await;
            drop(receive);
            assert_eq!(next.woken().await.unwrap(), (4, ours));
            drop(next);
            assert_eq!(&buffer, b"left");
        }
        assert!(poll_once(pin!(recv_from(&socket, &mut buffer))).await.is_pending());
        turn().await;
        let number = socket.as_raw_fd();
        let socket = socket.into_std().unwrap();
        let socket = UdpSocket::from_std(socket).unwrap();
        assert!(poll_once(pin!(recv_from(&socket, &mut buffer))).await.is_pending());
        turn().await;
        socket.close().await.unwrap();
        assert!(!support::descriptors().contains_key(&number));
    });
}
