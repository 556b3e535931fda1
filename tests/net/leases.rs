//! What is received into the buffers of a pool: bytes, ends, errors, cancels.

use crate::support::hooks::{Hooks, on, poll_hooked};
use crate::support::sockets::reset;
use crate::support::{self, Count, pair, poll_counted, poll_once, tcp_pair, turn};
use crate::{Crowd, Waiting, answered, at_once, run, share, start, submitted};
use nestling::buf::{IoBuf, Lease};
use nestling::net::{RecvStream, TcpStream};
use nestling::{Cancelled, is_cancelled, nursery, timeout};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

/// The ways in which a lease is received.
pub(crate) type Way =
    for<'a> fn(&'a TcpStream) -> Pin<Box<dyn Future<Output = io::Result<Lease>> + 'a>>;

pub(crate) fn single(stream: &TcpStream) -> Pin<Box<dyn Future<Output = io::Result<Lease>> + '_>> {
    Box::pin(stream.recv())
}

/// The first of a stream, which is dropped then.
pub(crate) fn first(stream: &TcpStream) -> Pin<Box<dyn Future<Output = io::Result<Lease>> + '_>> {
    Box::pin(async { stream.recv_stream().next().await })
}

pub(crate) const WAYS: [Way; 2] = [single, first];

#[test]
fn lease_has_what_was_sent_and_is_sent_back() {
    let stats = run(async || {
        let (stream, mut peer) = pair();
        for round in 0..3000_u32 {
            peer.write_all(&round.to_le_bytes()).unwrap();
            let lease = stream.recv().await.unwrap();
            assert_eq!(&lease[..], round.to_le_bytes());
            stream.write_all(lease).await.0.unwrap();
            let mut back = [0; 4];
            peer.read_exact(&mut back).unwrap();
            assert_eq!(back, round.to_le_bytes());
        }
    });
    assert_eq!((stats.leased, stats.starved, stats.copied), (0, 0, 0));
}

#[test]
fn lease_is_sliced_changed_and_taken_as_a_vector() {
    run(async || {
        let (stream, mut peer) = pair();
        peer.write_all(b"hello, world").unwrap();
        let mut lease = stream.recv().await.unwrap();
        lease[7] = b'W';
        let (result, part) = stream.write_all(lease.slice(7..)).await;
        result.unwrap();
        let mut back = [0; 5];
        peer.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"World");
        assert_eq!(nestling::stats().leased, 1);
        assert_eq!(part.into_inner().into_vec(), b"hello, World");
        assert_eq!(nestling::stats().leased, 0);
    });
}

/// A message that is longer than a buffer comes in several leases, in order, by each way, and in
/// turns with reads.
#[test]
fn long_message_comes_in_order_by_all_ways_in_turn() {
    let stats = run(async || {
        let (stream, mut peer) = tcp_pair("127.0.0.1:0").await;
        let sent: Vec<u8> = (0..1_000_000_u32).map(|at| (at % 251) as u8).collect();
        let expected = sent.clone();
        let writer = std::thread::spawn(move || {
            peer.write_all(&sent).unwrap();
            peer
        });
        let mut received = Vec::new();
        let mut leases = stream.recv_stream();
        for way in 0.. {
            match way % 5 {
                0 => received.extend_from_slice(&stream.recv().await.unwrap()),
                1 | 2 => received.extend_from_slice(&leases.next().await.unwrap()),
                3 => {
                    let (result, buffer) = stream.read(vec![0; 999]).await;
                    received.extend_from_slice(&buffer[..result.unwrap()]);
                }
                _ => {
                    let (result, buffer) = stream.peek(vec![0; 10]).await;
                    let seen = result.unwrap();
                    let (result, read) = stream.read_exact(vec![0; seen]).await;
                    result.unwrap();
                    assert_eq!(read, buffer[..seen]);
                    received.extend_from_slice(&read);
                }
            }
            if received.len() == expected.len() {
                break;
            }
        }
        assert!(received == expected, "the bytes are in order");
        drop(writer.join().unwrap());
        assert!(stream.recv().await.unwrap().is_empty());
        assert!(leases.next().await.unwrap().is_empty());
        assert!(leases.next().await.unwrap().is_empty());
    });
    assert_eq!(stats.leased, 0);
}

#[test]
fn i8_end_of_stream_is_an_empty_lease_each_time() {
    run(async || {
        for way in WAYS {
            let (stream, mut peer) = pair();
            peer.write_all(b"last").unwrap();
            peer.shutdown(Shutdown::Write).unwrap();
            assert_eq!(&way(&stream).await.unwrap()[..], b"last");
            for _ in 0..3 {
                assert!(way(&stream).await.unwrap().is_empty());
            }
            assert_eq!(nestling::stats().leased, 0);
        }
    });
}

#[test]
fn f_reset_is_an_error_of_the_receive_that_waits() {
    run(async || {
        for way in WAYS {
            let (stream, peer) = tcp_pair("127.0.0.1:0").await;
            let mut waiting = way(&stream);
            start(waiting.as_mut()).await;
            reset(peer);
            let error = waiting.await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
            drop(way(&stream).await);
        }
    });
}

/// The kernel takes 33 buffers at a time. An end behind more data than that, all there before the
/// receives were armed: they must not sleep beside it.
#[test]
fn d1_stream_does_not_sleep_beside_an_end_that_was_there_before() {
    run(async || {
        for length in [1, 31, 32, 33, 34, 35, 63, 64, 65, 66, 67, 99, 100, 101] {
            for broken in [false, true] {
                // So large that its share does not end the receives before.
                let pool = nestling::buf::Pool::new(2048, 16).unwrap();
                let (stream, mut peer) = tcp_pair("127.0.0.1:0").await;
                peer.write_all(&vec![7; length * 16 - 3]).unwrap();
                if broken {
                    reset(peer);
                } else {
                    drop(peer);
                }
                let (local, mut other) = UnixStream::pair().unwrap();
                let local = nestling::net::UnixStream::from_std(local).unwrap();
                other.write_all(&vec![7; length * 16 - 3]).unwrap();
                drop(other);
                let mut tcp = stream.recv_stream_in(&pool);
                assert_eq!(drain(async || tcp.next().await, broken).await, length * 16 - 3);
                let mut unix = local.recv_stream_in(&pool);
                assert_eq!(drain(async || unix.next().await, false).await, length * 16 - 3);
            }
        }
    });
}

/// Receives to the end, or to a reset if there is one; tells how many bytes came.
async fn drain(mut next: impl AsyncFnMut() -> io::Result<Lease>, broken: bool) -> usize {
    let mut received = 0;
    loop {
        match next().await {
            Ok(lease) if lease.is_empty() => return received,
            Ok(lease) => received += lease.len(),
            Err(error) if broken && error.kind() == io::ErrorKind::ConnectionReset => {
                return received;
            }
            Err(error) => panic!("after {received} bytes: {error}"),
        }
    }
}

#[test]
fn r06_cancelled_in_flight_it_answers_once() {
    run(async || {
        for way in WAYS {
            let (stream, _peer) = pair();
            let told = Cell::new(0);
            let result = nursery(async |n| {
                n.spawn(async {
                    loop {
                        let error = way(&stream).await.unwrap_err();
                        assert!(is_cancelled(&error), "{error}");
                        told.set(told.get() + 1);
                    }
                });
                turn().await;
                n.cancel();
                Ok::<_, Cancelled>(())
            });
            result.await.unwrap();
            assert_eq!(told.get(), 1);
        }
    });
}

/// The kernel is asked to end so many operations a turn, and a stream has two: the end of one may
/// be answered a turn before the other.
#[test]
fn r03_each_of_many_streams_hears_of_a_cancel() {
    const STREAMS: usize = 600;
    run(async || {
        let pairs: Vec<_> = (0..STREAMS).map(|_| pair()).collect();
        let quiet: Vec<_> = (0..4).map(|_| pair()).collect();
        for others in 0..quiet.len() {
            let heard = Cell::new(0);
            nursery(async |n| {
                // With one more of them, the bound of a turn lies elsewhere.
                for (stream, _) in &quiet[..others] {
                    n.spawn(async { drop(stream.recv().await) });
                }
                for (stream, _) in &pairs {
                    n.spawn(async {
                        let error = stream.recv_stream().next().await.unwrap_err();
                        assert!(is_cancelled(&error), "{error}");
                        heard.set(heard.get() + 1);
                    });
                }
                for (stream, _) in &quiet[others..] {
                    n.spawn(async { drop(stream.recv().await) });
                }
                turn().await;
                turn().await;
                n.cancel();
                Ok::<_, io::Error>(())
            })
            .await
            .unwrap();
            assert_eq!(heard.get(), STREAMS, "{others} others");
        }
    });
}

/// One stream object, which loops: what has come is delivered, and then the cancel, once.
#[test]
fn r03_a_cancel_behind_leases_that_have_come() {
    run(async || {
        let (stream, mut peer) = pair();
        let (received, told) = (Cell::new(0), Cell::new(0));
        let result = nursery(async |n| {
            n.spawn(async {
                let mut leases = stream.recv_stream();
                loop {
                    match leases.next().await {
                        Ok(lease) => received.set(received.get() + lease.len()),
                        Err(error) => {
                            assert!(is_cancelled(&error), "{error}");
                            told.set(told.get() + 1);
                        }
                    }
                }
            });
            turn().await;
            peer.write_all(b"before").unwrap();
            while received.get() == 0 {
                turn().await;
            }
            n.cancel();
            Ok::<_, Cancelled>(())
        });
        result.await.unwrap();
        assert_eq!((received.get(), told.get()), (6, 1));
        peer.write_all(b"after").unwrap();
        assert_eq!(&stream.recv().await.unwrap()[..], b"after");
    });
}

/// Answered and dropped: each kind of receive gets the bytes, without asking the kernel.
#[test]
fn r17_an_answered_receive_leaves_its_bytes_to_the_next() {
    let stats = run(async || {
        for way in WAYS {
            let (stream, mut peer) = pair();
            for next in 0..4 {
                drop(answered(way(&stream), || peer.write_all(b"hello").unwrap()).await);
                // What was asked for once and for all has to be ended: the next one waits.
                turn().await;
                turn().await;
                let before = submitted();
                let received = match next {
                    0 => at_once(stream.recv()).await.unwrap().into_vec(),
                    1 => at_once(way(&stream)).await.unwrap().into_vec(),
                    2 => at_once(stream.read(Vec::with_capacity(64))).await.1,
                    _ => at_once(stream.read_exact(vec![0; 5])).await.1,
                };
                assert_eq!(received, b"hello");
                assert_eq!(submitted(), before, "the kernel was not asked");
            }
        }
    });
    assert_eq!(stats.resumed, 8, "{stats:?}");
    assert_eq!(stats.leased, 0);
}

/// Dropped in flight while data comes: it wins against the cancel, or is left in the socket.
#[test]
fn r17_a_receive_that_is_dropped_in_flight_loses_nothing() {
    run(async || {
        for way in WAYS {
            for crowded in [false, true] {
                let mut crowd = Crowd::new().await;
                let (stream, mut peer) = pair();
                let mut waiting = way(&stream);
                start(waiting.as_mut()).await;
                peer.write_all(b"one").unwrap();
                crowd.cancel(crowded);
                drop(waiting);
                peer.write_all(b"two").unwrap();
                let mut received = Vec::new();
                while received.len() < 6 {
                    received.extend_from_slice(&way(&stream).await.unwrap());
                }
                assert_eq!(received, b"onetwo");
            }
        }
        assert_eq!(nestling::stats().leased, 0);
    });
}

/// Many answers wait for a stream which is dropped: all of them come to the next ones, in order.
#[test]
fn r17_a_stream_that_is_dropped_leaves_all_that_has_come() {
    run(async || {
        let pool = nestling::buf::Pool::new(64, 16).unwrap();
        for kind in 0..3 {
            let (stream, mut peer) = pair();
            let mut leases = stream.recv_stream_in(&pool);
            start(Box::pin(leases.next()).as_mut()).await;
            let sent: Vec<u8> = (0..100).collect();
            peer.write_all(&sent).unwrap();
            turn().await;
            turn().await;
            // Alive, dropped, or half taken.
            let mut received = match kind {
                0 => Vec::new(),
                _ => leases.next().await.unwrap().into_vec(),
            };
            if kind < 2 {
                drop(leases);
            }
            while received.len() < 100 {
                let (result, buffer) = stream.read(vec![0; 7]).await;
                received.extend_from_slice(&buffer[..result.unwrap()]);
            }
            assert_eq!(received, sent);
        }
        assert_eq!(pool.leased(), 0);
    });
}

/// Two tasks receive at once from one connection: each byte comes to one of them.
#[test]
fn r17_two_receives_at_once_share_the_bytes() {
    run(async || {
        for (one, other) in [(0, 0), (0, 1), (1, 1)] {
            let (stream, mut peer) = pair();
            let counts = [Cell::new(0_usize), Cell::new(0)];
            let result = nursery(async |n| {
                for (kind, count) in [one, other].into_iter().zip(&counts) {
                    let stream = &stream;
                    n.spawn(async move {
                        let mut leases = stream.recv_stream();
                        loop {
                            let lease = match kind {
                                0 => stream.recv().await?,
                                _ => leases.next().await?,
                            };
                            if lease.is_empty() {
                                return Ok::<_, io::Error>(());
                            }
                            count.set(count.get() + lease.len());
                        }
                    });
                }
                for _ in 0..200 {
                    peer.write_all(b"0123456789").unwrap();
                    turn().await;
                }
                peer.shutdown(Shutdown::Both).unwrap();
                Ok(())
            });
            result.await.unwrap();
            assert_eq!(counts[0].get() + counts[1].get(), 2000);
        }
    });
}

/// A read beside a stream gets the bytes, and is dropped: the stream gets them next, although it
/// had asked the kernel before.
#[test]
fn r17_a_stream_gets_what_was_left_beside_it() {
    run(async || {
        for read_first in [false, true] {
            let (stream, mut peer) = pair();
            let mut leases = stream.recv_stream();
            for round in 0..20_u8 {
                let mut next = Box::pin(leases.next());
                let mut read = Box::pin(stream.read(vec![0; 8]));
                if read_first {
                    start(read.as_mut()).await;
                    start(next.as_mut()).await;
                } else {
                    start(next.as_mut()).await;
                    start(read.as_mut()).await;
                }
                peer.write_all(&[round]).unwrap();
                turn().await;
                drop((next, read));
                assert_eq!(&leases.next().await.unwrap()[..], [round]);
            }
        }
    });
}

/// Streams of one connection that are used in turn: the bytes come in order.
#[test]
fn r17_two_streams_in_turn_get_the_bytes_in_order() {
    run(async || {
        let (stream, mut peer) = pair();
        let (mut one, mut other) = (stream.recv_stream(), stream.recv_stream());
        for round in 0..50_u8 {
            peer.write_all(&[round]).unwrap();
            turn().await;
            let lease = if round % 3 == 0 { one.next().await } else { other.next().await };
            assert_eq!(&lease.unwrap()[..], [round]);
        }
    });
}

/// C14: a waker whose code arms another stream while this one is polled. Neither is forgotten by
/// the kernel, and the one that stays gets what comes.
#[test]
fn c14_a_stream_that_is_armed_while_another_is_polled_is_woken() {
    run(async || {
        for drops in [false, true] {
            let (stream, mut peer) = pair();
            let (mut one, mut other) = (stream.recv_stream(), stream.recv_stream());
            let count = Arc::new(Count::default());
            let waiting = RefCell::new(Box::pin(other.next()));
            {
                let hooks = Hooks::default();
                let mut next = Box::pin(one.next());
                assert!(poll_hooked(next.as_mut(), &hooks).is_pending());
                turn().await;
                on(if drops { &hooks.drop } else { &hooks.clone }, || {
                    let polled = poll_counted(waiting.borrow_mut().as_mut(), &count);
                    assert!(polled.is_pending());
                });
                assert!(poll_hooked(next.as_mut(), &hooks).is_pending());
                turn().await;
            }
            drop(one);
            peer.write_all(b"kept").unwrap();
            let lease = Waiting(waiting.into_inner(), count).woken().await;
            assert_eq!(&lease.unwrap()[..], b"kept");
        }
    });
}

/// Two tasks that receive by a stream each take what comes, and neither asks the kernel again and
/// again.
#[test]
fn two_streams_that_wait_at_once_share_what_comes() {
    run(async || {
        let (stream, mut peer) = pair();
        let (mut one, mut other) = (stream.recv_stream(), stream.recv_stream());
        let got = Cell::new(0);
        let take = async |leases: &mut RecvStream<'_>| {
            while !leases.next().await?.is_empty() {
                got.set(got.get() + 1);
            }
            Ok::<_, io::Error>(())
        };
        let takers = [take(&mut one), take(&mut other)];
        let peer = RefCell::new(&mut peer);
        let send = |round| peer.borrow_mut().write_all(&[round]).unwrap();
        share(takers, &got, send, || peer.borrow().shutdown(Shutdown::Both).unwrap()).await;
    });
}

/// Halves and streams of this machine have the same receives.
#[test]
fn halves_and_unix_streams_receive_leases() {
    run(async || {
        let (local, mut other) = UnixStream::pair().unwrap();
        let local = nestling::net::UnixStream::from_std(local).unwrap();
        let (read, _write) = local.split();
        other.write_all(b"a").unwrap();
        assert_eq!(&read.recv().await.unwrap()[..], b"a");
        other.write_all(b"b").unwrap();
        assert_eq!(&read.recv_stream().next().await.unwrap()[..], b"b");
        let (read, _write) = local.into_split();
        other.write_all(b"c").unwrap();
        assert_eq!(&read.recv().await.unwrap()[..], b"c");
        let pool = nestling::buf::Pool::new(2, 1).unwrap();
        other.write_all(b"def").unwrap();
        assert_eq!(&read.recv_in(&pool).await.unwrap()[..], b"d");
        let mut leases = read.recv_stream_in(&pool);
        assert_eq!(&leases.next().await.unwrap()[..], b"e");
        assert_eq!(&leases.next().await.unwrap()[..], b"f");
    });
}

/// A connection whose stream of receives is forgotten is closed, and detached, as any other.
#[test]
fn a7_forgotten_stream_holds_nothing_up() {
    let stats = run(async || {
        for kind in 0..3 {
            let (stream, mut peer) = pair();
            let mut leases = stream.recv_stream();
            start(Box::pin(leases.next()).as_mut()).await;
            std::mem::forget(leases);
            peer.write_all(b"kept").unwrap();
            turn().await;
            match kind {
                0 => assert_eq!(&stream.recv().await.unwrap()[..], b"kept"),
                1 => stream.close().await.unwrap(),
                _ => {
                    let stream = stream.detach().await.attach();
                    assert_eq!(&stream.recv().await.unwrap()[..], b"kept");
                }
            }
            if kind == 1 {
                assert!(support::sees_the_end(&mut peer));
            }
            assert!(poll_once(Box::pin(turn()).as_mut()).await.is_pending());
        }
        turn().await;
    });
    assert_eq!(stats.leased, 0);
}

/// A timeout around one of them ends what the kernel has for the stream; the next asks it again,
/// for as many as come.
#[test]
fn a_stream_goes_on_after_a_timeout() {
    run(async || {
        let (stream, mut peer) = pair();
        let mut leases = stream.recv_stream();
        let mut next = Box::pin(timeout(Duration::from_secs(3600), leases.next()));
        assert!(poll_once(next.as_mut()).await.is_pending());
        turn().await;
        peer.write_all(b"z").unwrap();
        assert_eq!(&next.await.unwrap().unwrap()[..], b"z");
        for word in [b"a", b"b"] {
            let mut next = pin!(leases.next());
            assert!(poll_once(next.as_mut()).await.is_pending());
            turn().await;
            peer.write_all(word).unwrap();
            assert_eq!(&next.await.unwrap()[..], word);
        }
        let before = submitted();
        peer.write_all(b"c").unwrap();
        assert_eq!(&leases.next().await.unwrap()[..], b"c");
        assert_eq!(submitted(), before, "the kernel was asked before");
    });
}
