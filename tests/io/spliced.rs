//! Copies in bulk from socket to socket, which go past the buffer: the order of the bytes, counts,
//! ends, and what is left when one is cut.

use crate::run;
use crate::support::again::alone;
use crate::support::{descriptors, pair, poll_once, tcp_pair, turn};
use nestling::io::{copy, copy_with, nursery};
use nestling::is_cancelled;
use nestling::net::{TcpStream, transferred};
use socket2::SockRef;
use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::net::{self, Shutdown};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::thread::{self, JoinHandle};

/// A buffer that is full soon.
const BUFFER: usize = 4 << 10;
const MANY: usize = 4 << 20;

/// Bytes that differ from those at any other place near.
pub(crate) fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at ^ at >> 8 ^ at >> 16) as u8).collect()
}

/// The ends of pipes that this process has open.
fn ends() -> usize {
    descriptors().values().filter(|what| what.starts_with("pipe:")).count()
}

/// Runs a test that counts ends of pipes, in a process of its own, which has a few from its start.
/// All end with their core.
pub(crate) fn counting(name: &str, test: impl AsyncFnOnce(&dyn Fn() -> usize)) {
    alone(name, || {
        let before = ends();
        run(async || test(&|| ends() - before).await);
        assert_eq!(ends(), before);
    });
}

/// Whether system calls on a socket wait (no `O_NONBLOCK`).
fn calls_wait(socket: &TcpStream) -> bool {
    let path = format!("/proc/self/fdinfo/{}", socket.as_raw_fd());
    let info = std::fs::read_to_string(path).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    i32::from_str_radix(flags.trim(), 8).unwrap() & libc::O_NONBLOCK == 0
}

/// Sends all that, and the end, from a thread.
fn send(mut peer: net::TcpStream, bytes: Vec<u8>) -> JoinHandle<()> {
    thread::spawn(move || peer.write_all(&bytes).unwrap())
}

/// Receives to the end on a thread.
pub(crate) fn receive(mut peer: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut received = Vec::new();
        peer.read_to_end(&mut received).unwrap();
        received
    })
}

/// A stream that has a lot to read, and whether more comes.
fn full() -> (TcpStream, UnixStream) {
    let (source, mut sender) = pair();
    sender.write_all(&bytes(128 << 10)).unwrap();
    (source, sender)
}

/// Room for what goes through a buffer until a copy is spliced, and not for all of [`full`].
pub(crate) fn narrow(sink: &TcpStream) {
    SockRef::from(sink).set_send_buffer_size(40 << 10).unwrap();
}

/// A copy that is held up, because nothing reads what it writes: it has a pipe.
async fn held_up(source: &TcpStream, sink: &TcpStream, test: impl AsyncFnOnce()) -> (usize, bool) {
    let told = Cell::new((0, false));
    nursery(async |n| {
        n.spawn(async {
            let error = copy_with(&mut &*source, &mut &*sink, BUFFER).await.unwrap_err();
            told.set((transferred(&error).unwrap(), is_cancelled(&error)));
            Ok(())
        });
        for _ in 0..50 {
            turn().await;
        }
        test().await;
        n.cancel();
        Ok(())
    })
    .await
    .unwrap();
    told.get()
}

#[test]
fn all_bytes_arrive_in_order_and_the_end_after_them() {
    counting("spliced::all_bytes_arrive_in_order_and_the_end_after_them", async |pipes| {
        let (source, sender) = tcp_pair("127.0.0.1:0").await;
        let (sink, receiver) = tcp_pair("127.0.0.1:0").await;
        let (sending, receiving) = (send(sender, bytes(MANY)), receive(receiver));
        assert_eq!(copy_with(&mut &source, &mut &sink, BUFFER).await.unwrap(), MANY as u64);
        assert_eq!(pipes(), 2, "it was spliced, and the pipe is kept");
        sink.shutdown(Shutdown::Write).await.unwrap();
        assert!(receiving.join().unwrap() == bytes(MANY));
        sending.join().unwrap();
    });
}

/// Local sockets and halves as well.
#[test]
fn halves_and_local_sockets_are_spliced() {
    counting("spliced::halves_and_local_sockets_are_spliced", async |pipes| {
        let ((source, sender), (sink, receiver)) = (full(), pair());
        drop(sender);
        let receiving = receive(receiver);
        let ((mut from, _), (_, mut to)) = (source.split(), sink.split());
        assert_eq!(copy_with(&mut from, &mut to, BUFFER).await.unwrap(), 128 << 10);
        assert_eq!(pipes(), 2);
        sink.shutdown(Shutdown::Write).await.unwrap();
        assert!(receiving.join().unwrap() == bytes(128 << 10));
    });
}

/// What a dropped read has taken comes before what is spliced.
#[test]
fn b2_bytes_of_a_dropped_read_come_first() {
    run(async || {
        let ((source, mut sender), (sink, receiver)) = (pair(), pair());
        let all = bytes(100 << 10);
        sender.write_all(&all).unwrap();
        assert_eq!(source.read(vec![0; 1]).await.0.unwrap(), 1);
        {
            let mut reading = pin!(source.read(vec![0; 64 << 10]));
            assert!(poll_once(reading.as_mut()).await.is_pending());
            // The kernel has given it bytes, which its future has not.
            turn().await;
        }
        drop(sender);
        let receiving = receive(receiver);
        assert_eq!(
            copy_with(&mut &source, &mut &sink, BUFFER).await.unwrap(),
            all.len() as u64 - 1
        );
        sink.shutdown(Shutdown::Write).await.unwrap();
        assert!(receiving.join().unwrap() == all[1..]);
    });
}

/// An urgent byte stops what can be spliced, and looks like an end; a receive passes over it.
#[test]
fn an_urgent_byte_is_no_end() {
    run(async || {
        for end in [false, true] {
            let (source, sender) = tcp_pair("127.0.0.1:0").await;
            let (sink, receiver) = tcp_pair("127.0.0.1:0").await;
            let receiving = receive(receiver);
            (&sender).write_all(&bytes(100_000)).unwrap();
            SockRef::from(&sender).send_out_of_band(b"!").unwrap();
            (&sender).write_all(&bytes(100_000)).unwrap();
            if end {
                // The end is there already when the copy comes to the byte.
                sender.shutdown(Shutdown::Write).unwrap();
            }
            nursery(async |n| {
                let copying = n.spawn(async { copy_with(&mut &source, &mut &sink, BUFFER).await });
                for _ in 0..50 {
                    turn().await;
                }
                if !end {
                    sender.shutdown(Shutdown::Write)?;
                }
                assert_eq!(copying.await?, 200_000);
                Ok(())
            })
            .await
            .unwrap();
            sink.shutdown(Shutdown::Write).await.unwrap();
            assert!(receiving.join().unwrap() == [bytes(100_000), bytes(100_000)].concat());
        }
    });
}

/// The peer has as many bytes as the error says, and the pipe with the rest is gone.
#[test]
fn r17_a_cancelled_splice_tells_what_the_peer_has() {
    counting("spliced::r17_a_cancelled_splice_tells_what_the_peer_has", async |pipes| {
        let (sink, receiver) = pair();
        narrow(&sink);
        let (source, sender) = full();
        let (gone, cancelled) = held_up(&source, &sink, async || {
            assert_eq!(pipes(), 2, "the copy has a pipe");
        })
        .await;
        assert!(cancelled);
        assert_eq!(pipes(), 0, "a pipe with something in it is not used again");
        sink.close().await.unwrap();
        assert!(receive(receiver).join().unwrap() == bytes(128 << 10)[..gone]);
        assert!(gone < 128 << 10);
        // The rest was in the pipe, or is still to be read; what comes later follows it.
        drop(sender);
        let mut rest = Vec::new();
        copy(&mut &source, &mut rest).await.unwrap();
        assert!(bytes(128 << 10).ends_with(&rest));
    });
}

/// A copy that waits for more has nothing, and the sockets wait for their next use.
#[test]
fn a_splice_that_is_dropped_while_it_waits_loses_nothing() {
    run(async || {
        let ((source, mut sender), (sink, mut receiver)) = (full(), pair());
        let reading = thread::spawn(move || {
            receiver.read_exact(&mut vec![0; 128 << 10]).unwrap();
            receiver
        });
        {
            let (mut from, mut to) = (&source, &sink);
            let mut copying = pin!(copy_with(&mut from, &mut to, BUFFER));
            while !reading.is_finished() {
                assert!(poll_once(copying.as_mut()).await.is_pending());
                turn().await;
            }
        }
        let mut receiver = reading.join().unwrap();
        assert!(calls_wait(&source) && calls_wait(&sink));
        let mut read = pin!(source.read(vec![0; 16]));
        assert!(poll_once(read.as_mut()).await.is_pending());
        turn().await;
        assert!(poll_once(read.as_mut()).await.is_pending(), "there is nothing to read yet");
        sender.write_all(b"later").unwrap();
        assert_eq!(read.await.0.unwrap(), 5);
        sink.write_all("answer").await.0.unwrap();
        receiver.read_exact(&mut [0; 6]).unwrap();
    });
}

/// A copy that is held up, and then its receiver goes.
async fn to_a_peer_that_goes() {
    let ((source, _sender), (sink, receiver)) = (full(), pair());
    narrow(&sink);
    nursery(async |n| {
        let copying = n.spawn(async { Ok(copy_with(&mut &source, &mut &sink, BUFFER).await) });
        for _ in 0..50 {
            turn().await;
        }
        assert!(!copying.is_finished());
        drop(receiver);
        let error = copying.await?.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert!(transferred(&error).is_some_and(|gone| (32 << 10..128 << 10).contains(&gone)));
        Ok(())
    })
    .await
    .unwrap();
}

/// It is an error, and what had gone before is counted.
#[test]
fn a_splice_to_a_peer_that_goes_fails() {
    run(to_a_peer_that_goes);
}

/// More copies that are held up than a core has pipes: the others go through their buffers.
#[test]
fn i2_held_up_copies_have_so_many_pipes_and_no_more() {
    counting("spliced::i2_held_up_copies_have_so_many_pipes_and_no_more", async |pipes| {
        let pairs = Vec::from_iter((0..70).map(|_| (full(), pair())));
        let sinks = pairs.iter().map(|(_, (sink, _))| sink);
        sinks.for_each(narrow);
        nursery(async |n| {
            let copies = Vec::from_iter(pairs.iter().map(|((source, _), (sink, _))| {
                n.spawn(async move { copy_with(&mut &*source, &mut &*sink, BUFFER).await })
            }));
            for _ in 0..50 {
                turn().await;
            }
            assert_eq!(pipes(), 2 * 64);
            for ((_, sender), _) in &pairs {
                sender.shutdown(Shutdown::Write)?;
            }
            let receivers = pairs.iter().map(|(_, (_, receiver))| receiver.try_clone().unwrap());
            let receivers = Vec::from_iter(receivers);
            let receiving = thread::spawn(|| {
                for mut receiver in receivers {
                    let mut received = vec![0; 128 << 10];
                    receiver.read_exact(&mut received).unwrap();
                    assert!(received == bytes(128 << 10));
                }
            });
            for copy in copies {
                assert_eq!(copy.await?, 128 << 10);
            }
            receiving.join().unwrap();
            assert_eq!(pipes(), 2 * 8, "a few are kept");
            Ok(())
        })
        .await
        .unwrap();
    });
}

/// In a process that has not ignored SIGPIPE, as programs in other languages do not.
#[test]
#[expect(unsafe_code, reason = "no crate sets the default")]
fn a_copy_to_a_peer_that_goes_raises_no_signal() {
    alone("spliced::a_copy_to_a_peer_that_goes_raises_no_signal", || {
        // SAFETY: no handler is set.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        run(to_a_peer_that_goes);
    });
}
