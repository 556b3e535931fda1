//! What the runtime allocates in the steady state: nothing.
//!
//! The allocator of this program counts, for each thread by itself. Each test runs its loop until
//! all tables and pools have their size, then counts over many more rounds.

use crate::counting::allocations;
use crate::support::{one_at_a_time, pair, poll_once};
use nestling::buf::IoBuf;
use nestling::io::{BufReader, BufWriter};
use nestling::net::{
    Ecn, TcpListener, TcpStream, UdpControl, UdpSocket, UnixDatagram, lookup_host,
};
use nestling::sync::{Barrier, Mutex, Notify, RwLock, Semaphore, channel, oneshot, unbounded};
use nestling::{Cancelled, Nursery, Runtime, nursery, task};
use nestling_runtime::lowlevel::nop;
use std::future::poll_fn;
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::pin::pin;
use std::task::Poll;

/// Rounds before anything is counted: more than any pool or table of the runtime starts with.
const WARM_UP: usize = 1_000;
/// Rounds that are counted. Something that allocates now and then, to grow, shows in so many.
const ROUNDS: usize = 10_000;

/// Runs a loop in a runtime of its own, and counts the allocations of all but the first rounds.
fn count(round: impl AsyncFnMut()) -> u64 {
    let _one = one_at_a_time();
    Runtime::builder().build().expect("a runtime").block_on(count_here(round))
}

async fn count_here(mut round: impl AsyncFnMut()) -> u64 {
    for _ in 0..WARM_UP {
        round().await;
    }
    let before = allocations();
    for _ in 0..ROUNDS {
        round().await;
    }
    allocations() - before
}

/// Runs a loop inside a nursery, to which it adds children.
fn count_spawns(round: impl for<'s> AsyncFn(&'s Nursery<'s, '_, Cancelled>)) -> u64 {
    let _one = one_at_a_time();
    let mut runtime = Runtime::builder().build().expect("a runtime");
    let counted =
        runtime.block_on(nursery(async |n| Ok(count_here(async || round(n).await).await)));
    counted.expect("nothing fails")
}

#[test]
fn what_allocates_is_counted() {
    let allocations = count(async || drop(black_box(Box::new(1))));
    assert_eq!(allocations, ROUNDS as u64);
}

#[test]
fn a_no_operation_allocates_nothing() {
    assert_eq!(count(async || nop().await.expect("it does not fail")), 0);
}

/// Lines of one buffer, and lines that go on in the next.
#[test]
fn lines_allocate_nothing() {
    let _one = one_at_a_time();
    for capacity in [16, 4096] {
        let counted = Runtime::builder().build().expect("a runtime").block_on(async {
            let (stream, peer) = pair();
            let mut reader = BufReader::with_capacity(capacity, &stream);
            let mut line = String::new();
            count_here(async || {
                (&peer).write_all(b"hello, world\nbye\n").expect("there is room");
                for expected in ["hello, world\n", "bye\n"] {
                    line.clear();
                    reader.read_line(&mut line).await.expect("a line");
                    assert_eq!(line, expected);
                }
            })
            .await
        });
        assert_eq!(counted, 0, "capacity {capacity}");
    }
}

#[test]
fn buffered_writes_allocate_nothing() {
    let _one = one_at_a_time();
    let counted = Runtime::builder().build().expect("a runtime").block_on(async {
        let (stream, mut peer) = pair();
        let mut writer = BufWriter::new(&stream);
        count_here(async || {
            writer.write_all(b"hello, ").await.expect("there is room");
            writer.write_all(b"world").await.expect("there is room");
            writer.flush().await.expect("the peer is there");
            let mut seen = [0; 12];
            peer.read_exact(&mut seen).expect("it was sent");
            assert_eq!(&seen, b"hello, world");
        })
        .await
    });
    assert_eq!(counted, 0);
}

/// One read that was dropped makes none of the later ones dearer.
#[test]
fn reads_allocate_nothing_after_one_that_was_dropped() {
    let _one = one_at_a_time();
    let counted = Runtime::builder().build().expect("a runtime").block_on(async {
        let (stream, peer) = pair();
        {
            let mut read = pin!(stream.read(vec![0; 64]));
            assert!(poll_once(read.as_mut()).await.is_pending());
            task::yield_now().await;
        }
        let mut buffer = Some(vec![0; 64]);
        count_here(async || {
            (&peer).write_all(b"x").expect("there is room");
            let (result, back) = stream.read(buffer.take().expect("it comes back")).await;
            assert_eq!(result.expect("a byte"), 1);
            buffer = Some(back);
        })
        .await
    });
    assert_eq!(counted, 0);
}

/// There and back, with addresses and with what goes along.
#[test]
fn datagrams_allocate_nothing() {
    let _one = one_at_a_time();
    let counted = Runtime::builder().build().expect("a runtime").block_on(async {
        let [one, other] = [UdpSocket::bind("127.0.0.1:0"), UdpSocket::bind("127.0.0.1:0")];
        let (one, other) = (one.await.expect("a port"), other.await.expect("a port"));
        other.set_recv_ecn(true).expect("an option");
        let there = other.local_addr().expect("an address");
        let mut buffers = Some((vec![0; 64], vec![0; 64]));
        count_here(async || {
            let (sent, received) = buffers.take().expect("they come back");
            let along = UdpControl::new().ecn(Ecn::Ect0);
            let (result, sent) = one.send_msg_to(sent, along, there).await;
            assert_eq!(result.expect("there is room"), 64);
            let (result, received) = other.recv_msg(received).await;
            let datagram = result.expect("a datagram");
            assert_eq!(datagram.ecn, Some(Ecn::Ect0));
            let (result, sent) = other.send_to(sent, datagram.from).await;
            assert_eq!(result.expect("there is room"), 64);
            let (result, received) = one.recv_from(received).await;
            assert_eq!(result.expect("a datagram"), (64, there));
            buffers = Some((sent, received));
        })
        .await
    });
    assert_eq!(counted, 0);
}

#[test]
fn unix_datagrams_allocate_nothing() {
    let _one = one_at_a_time();
    let counted = Runtime::builder().build().expect("a runtime").block_on(async {
        let (one, other) = UnixDatagram::pair().expect("two sockets");
        let mut buffers = Some((vec![0; 64], vec![0; 64]));
        count_here(async || {
            let (sent, received) = buffers.take().expect("they come back");
            let (result, sent) = one.send(sent).await;
            assert_eq!(result.expect("there is room"), 64);
            let (result, received) = other.recv_msg(received, 1).await;
            assert_eq!(result.expect("a datagram").length, 64);
            buffers = Some((sent, received));
        })
        .await
    });
    assert_eq!(counted, 0);
}

#[test]
fn a_yield_allocates_nothing() {
    assert_eq!(count(task::yield_now), 0);
}

/// A waker that is never dropped is all that is kept of its task: the next one gets its cell.
#[test]
fn f6_a_leaked_waker_keeps_no_task() {
    let allocations = count_spawns(async |n| {
        let child = n.spawn(async {
            let large = black_box([0_u8; 512]);
            poll_fn(|cx| {
                std::mem::forget(cx.waker().clone());
                Poll::Ready(())
            })
            .await;
            black_box(large);
            Ok::<_, Cancelled>(())
        });
        child.await.expect("nobody cancels");
    });
    assert_eq!(allocations, ROUNDS as u64, "one for each waker");
}

/// Sends a message and waits until it is back.
async fn round_trip(stream: &TcpStream, buffer: Vec<u8>) -> io::Result<Vec<u8>> {
    let (result, buffer) = stream.write_all(buffer).await;
    result?;
    let (result, buffer) = stream.read_exact(buffer).await;
    result?;
    Ok(buffer)
}

async fn echo(stream: &TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 64];
    loop {
        let (result, received) = stream.read(buffer).await;
        let length = result?;
        if length == 0 {
            return Ok(());
        }
        let (result, sent) = stream.write_all(received.slice(..length)).await;
        result?;
        buffer = sent.into_inner();
    }
}

#[test]
fn an_echoed_message_allocates_nothing_on_either_side() {
    assert_eq!(count_echoes(async |_| {}), 0);
}

/// A stream that has once kept something for the next read is as cheap as any when that is over.
#[test]
fn an_echoed_message_allocates_nothing_after_a_dropped_read() {
    let allocations = count_echoes(async |stream| {
        let mut read = Box::pin(stream.read(vec![0; 64]));
        assert!(poll_once(read.as_mut()).await.is_pending());
        nop().await.expect("it does not fail");
    });
    assert_eq!(allocations, 0);
}

/// Counts over echoed messages, on a stream with which something was done before.
fn count_echoes(before: impl AsyncFn(&TcpStream)) -> u64 {
    let _one = one_at_a_time();
    let mut runtime = Runtime::builder().build().expect("a runtime");
    let counted: io::Result<u64> = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        nursery(async |n| {
            n.spawn(async {
                let (stream, _) = listener.accept().await?;
                echo(&stream).await
            });
            let stream = TcpStream::connect(address).await?;
            before(&stream).await;
            let mut buffer = vec![7; 64];
            let counted = count_here(async || {
                let message = std::mem::take(&mut buffer);
                buffer = round_trip(&stream, message).await.expect("it comes back");
            });
            Ok(counted.await)
        })
        .await
    });
    counted.expect("the loopback works")
}

#[test]
fn a_child_that_does_nothing_allocates_nothing() {
    let allocations = count_spawns(async |n| n.spawn(async {}).await.expect("it ends"));
    assert_eq!(allocations, 0);
}

#[test]
fn a_child_that_yields_allocates_nothing() {
    let allocations = count_spawns(async |n| n.spawn(task::yield_now()).await.expect("it ends"));
    assert_eq!(allocations, 0);
}

#[test]
fn a_child_with_an_operation_allocates_nothing() {
    let allocations = count_spawns(async |n| {
        n.spawn(async { nop().await.map_err(|_| Cancelled::new()) }).await.expect("it ends");
    });
    assert_eq!(allocations, 0);
}

#[test]
fn fifty_children_at_once_allocate_nothing() {
    let allocations = count_spawns(async |n| {
        for _ in 0..50 {
            n.spawn(task::yield_now());
        }
        while !n.is_empty() {
            task::yield_now().await;
        }
    });
    assert_eq!(allocations, 0);
}

#[test]
fn a_lock_that_is_free_allocates_nothing() {
    let (mutex, lock, semaphore) = (Mutex::new(0), RwLock::new(0), Semaphore::new(2));
    let allocations = count(async || {
        *mutex.lock().await += 1;
        let seen = *lock.read().await;
        *lock.write().await = seen + 1;
        drop(semaphore.acquire_many(2).await);
    });
    assert_eq!(allocations, 0);
}

/// Runs a loop beside a child that runs one of its own until it is cut.
fn count_beside(other: impl AsyncFn(), round: impl AsyncFnMut()) -> u64 {
    let _one = one_at_a_time();
    let mut runtime = Runtime::builder().build().expect("a runtime");
    let counted: Result<u64, Cancelled> = runtime.block_on(nursery(async |n| {
        n.spawn(async {
            loop {
                other().await;
            }
        });
        let counted = count_here(round).await;
        n.cancel();
        Ok(counted)
    }));
    counted.expect("nothing fails")
}

#[test]
fn a_wait_for_a_message_or_for_room_allocates_nothing() {
    let (there, here) = channel(1);
    let (back, answers) = unbounded();
    let echo = async || {
        let message: u32 = here.recv().await.expect("the sender is there");
        back.send(message).expect("the receiver is there");
    };
    let round = async || {
        // The second waits for room, then for both answers.
        there.send(1).await.expect("the receiver is there");
        there.send(2).await.expect("the receiver is there");
        assert_eq!((answers.recv().await, answers.recv().await), (Some(1), Some(2)));
    };
    assert_eq!(count_beside(echo, round), 0);
}

#[test]
fn a_wait_for_a_lock_or_a_notification_allocates_nothing() {
    let (mutex, lock, barrier) = (Mutex::new(0), RwLock::new(0), Barrier::new(2));
    let (notify, other) = (Notify::new(), Notify::new());
    let contend = async || {
        barrier.wait().await;
        let guards = (mutex.lock().await, lock.write().await);
        task::yield_now().await;
        drop(guards);
    };
    let round = async || contend().await;
    assert_eq!(count_beside(contend, round), 0);

    let answer = async || {
        notify.notified().await;
        other.notify_one();
    };
    let ask = async || {
        notify.notify_one();
        other.notified().await;
    };
    assert_eq!(count_beside(answer, ask), 0);
}

#[test]
fn a_channel_for_one_message_is_one_allocation_and_its_wait_none() {
    let (there, here) = channel(1);
    let serve = async || {
        let reply: oneshot::Sender<u32> = here.recv().await.expect("the sender is there");
        reply.send(1).expect("the receiver is there");
    };
    let ask = async || {
        let (reply, answer) = oneshot();
        there.send(reply).await.expect("the receiver is there");
        assert_eq!(answer.await, Ok(1));
    };
    assert_eq!(count_beside(serve, ask), ROUNDS as u64);
}

#[test]
fn an_address_is_not_looked_up() {
    let allocations = count(async || {
        let found = lookup_host(black_box("127.0.0.1:80")).await.expect("an address");
        assert_eq!(black_box(found).count(), 1);
    });
    assert_eq!(allocations, 0);
}
