//! Descriptors that are passed along, by every kind of Unix socket. None is lost, none is left.
//!
//! | | `recv_msg` | `send_msg`, `send_msg_to` |
//! |---|---|---|
//! | success | `descriptors_go_…`, `another_process_…` | `descriptors_go_…`, `what_is_passed_…` |
//! | short | `what_there_is_no_room_for_…` | `a_full_stream_…` |
//! | error | `a_reset_…`, `a_peer_that_is_gone_…` | `errors_of_…`, `a_peer_that_is_gone_…` |
//! | cancelled in flight | `b1_…` | `b1_…`, and of `unix_datagram.rs` |
//! | dropped, raced | `r17_…`, `b1_a_message_that_races_…` | `b1_…`; `dropped.rs` |
//! | resumed | `r17_…` | nothing comes |

use crate::support::again::{again, is_inside};
use crate::support::{Count, fill, poll_counted, sees_the_end, turn};
use crate::unix::abstract_name;
use crate::{answered, at_once, run, start};
use nestling::buf::BufResult;
use nestling::net::{TcpListener, UnixDatagram, UnixMessage, UnixSeqpacket, UnixStream};
use nestling::{is_cancelled, timeout};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr,
    recvmsg, sendmsg, socketpair,
};
use std::cell::Cell;
use std::fs::File;
use std::io::{ErrorKind, IoSlice, IoSliceMut, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net;
use std::process::Stdio;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const KINDS: [SockType; 3] = [SockType::Stream, SockType::Datagram, SockType::SeqPacket];

/// A socket of any kind.
enum Socket {
    Stream(UnixStream),
    Datagram(UnixDatagram),
    Packets(UnixSeqpacket),
}

/// One, and a blocking peer without our code.
fn pair(kind: SockType) -> (Socket, OwnedFd) {
    let flags = SockFlag::SOCK_CLOEXEC;
    let (ours, theirs) = socketpair(AddressFamily::Unix, kind, None, flags).unwrap();
    let socket = match kind {
        SockType::Stream => Socket::Stream(UnixStream::from_std(ours.into()).unwrap()),
        SockType::Datagram => Socket::Datagram(UnixDatagram::from_std(ours.into()).unwrap()),
        _ => Socket::Packets(UnixSeqpacket::from_fd(ours).unwrap()),
    };
    (socket, theirs)
}

impl Socket {
    async fn recv_msg(&self, most_fds: usize) -> BufResult<UnixMessage, Vec<u8>> {
        let buffer = Vec::with_capacity(8);
        match self {
            Self::Stream(socket) => socket.recv_msg(buffer, most_fds).await,
            Self::Datagram(socket) => socket.recv_msg(buffer, most_fds).await,
            Self::Packets(socket) => socket.recv_msg(buffer, most_fds).await,
        }
    }

    async fn recv(&self) -> BufResult<usize, Vec<u8>> {
        let buffer = Vec::with_capacity(8);
        match self {
            Self::Stream(socket) => socket.read(buffer).await,
            Self::Datagram(socket) => socket.recv(buffer).await,
            Self::Packets(socket) => socket.recv(buffer).await,
        }
    }

    async fn send_msg<F: AsFd + 'static>(
        &self,
        bytes: &'static str,
        fds: Vec<F>,
    ) -> BufResult<usize, Vec<F>> {
        let (result, (buffer, fds)) = match self {
            Self::Stream(socket) => socket.send_msg(bytes, fds).await,
            Self::Datagram(socket) => socket.send_msg(bytes, fds).await,
            Self::Packets(socket) => socket.send_msg(bytes, fds).await,
        };
        assert_eq!(buffer, bytes);
        (result, fds)
    }

    fn set_passcred(&self) {
        match self {
            Self::Stream(socket) => {
                socket.set_passcred(true).unwrap();
                assert!(socket.passcred().unwrap());
            }
            Self::Datagram(socket) => {
                socket.set_passcred(true).unwrap();
                assert!(socket.passcred().unwrap());
            }
            Self::Packets(socket) => {
                socket.set_passcred(true).unwrap();
                assert!(socket.passcred().unwrap());
            }
        }
    }
}

/// Pipes, of which the ends that write are to be passed along: when all copies of one are closed,
/// its reader comes to the end.
fn pipes(number: usize) -> (Vec<PipeReader>, Vec<PipeWriter>) {
    (0..number).map(|_| std::io::pipe().unwrap()).unzip()
}

/// Sends from the peer, and closes what was passed along.
fn pass(peer: &OwnedFd, bytes: &[u8], writers: Vec<PipeWriter>) {
    let fds: Vec<_> = writers.iter().map(AsRawFd::as_raw_fd).collect();
    let (bytes, along) = ([IoSlice::new(bytes)], [ControlMessage::ScmRights(&fds)]);
    sendmsg::<()>(peer.as_raw_fd(), &bytes, &along, MsgFlags::empty(), None).unwrap();
}

/// Receives at the peer: bytes, and descriptors for somebody to close.
fn take(peer: &impl AsRawFd) -> (Vec<u8>, Vec<RawFd>) {
    let (mut bytes, mut control) = ([0; 64], nix::cmsg_space!([RawFd; 8]));
    let mut buffers = [IoSliceMut::new(&mut bytes)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let received = recvmsg::<()>(peer.as_raw_fd(), &mut buffers, Some(&mut control), flags);
    let received = received.unwrap();
    let fds = received.cmsgs().unwrap().flat_map(|message| match message {
        ControlMessageOwned::ScmRights(fds) => fds,
        other => panic!("{other:?}"),
    });
    let (length, fds) = (received.bytes, fds.collect());
    (bytes[..length].to_vec(), fds)
}

fn closes_on_exec(fd: &OwnedFd) -> bool {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    i32::from_str_radix(flags.trim(), 8).unwrap() & libc::O_CLOEXEC != 0
}

/// Writes through descriptors that came, in order, and closes them.
fn write_through(fds: Vec<OwnedFd>, readers: Vec<PipeReader>) {
    for (at, (fd, mut reader)) in fds.into_iter().zip(readers).enumerate() {
        let text = format!("through {at}");
        File::from(fd).write_all(text.as_bytes()).unwrap();
        assert_eq!(std::io::read_to_string(&mut reader).unwrap(), text);
    }
}

fn all_closed(readers: Vec<PipeReader>) -> bool {
    readers.into_iter().all(|mut reader| sees_the_end(&mut reader))
}

#[test]
fn descriptors_go_both_ways() {
    run(async || {
        for kind in KINDS {
            for number in [0, 1, 2, 7] {
                let (socket, peer) = pair(kind);
                let (readers, writers) = pipes(number);
                pass(&peer, b"abc", writers);
                let (result, buffer) = socket.recv_msg(7).await;
                let message = result.unwrap();
                assert_eq!((message.length, &buffer[..]), (3, &b"abc"[..]), "{kind:?}");
                assert!(!message.truncated && !message.control_truncated, "{message:?}");
                assert!(message.from.is_unnamed() && message.credentials.is_none());
                assert_eq!(message.fds.len(), number, "{kind:?}");
                assert!(message.fds.iter().all(closes_on_exec));
                write_through(message.fds, readers);

                let (readers, writers) = pipes(number);
                let (result, writers) = socket.send_msg("xyz", writers).await;
                assert_eq!((result.unwrap(), writers.len()), (3, number));
                let (bytes, fds) = take(&peer);
                assert_eq!((&bytes[..], fds.len()), (&b"xyz"[..], number), "{kind:?}");
                fds.into_iter().for_each(|fd| nix::unistd::close(fd).unwrap());
                drop(writers);
                assert!(all_closed(readers));
            }
        }
    });
}

/// Whatever owns a descriptor, shared too; nothing is duplicated for it.
#[test]
fn what_is_passed_may_be_shared() {
    run(async || {
        let (one, other) = UnixStream::pair().unwrap();
        let listener = Rc::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let mut send = Box::pin(one.send_msg("x", vec![Rc::clone(&listener)]));
        start(send.as_mut()).await;
        let address = listener.local_addr().unwrap();
        drop(listener);
        let (result, (_, listeners)) = send.await;
        result.unwrap();
        drop(listeners);
        let mut message = other.recv_msg(vec![0; 8], 1).await.0.unwrap();
        let same = TcpListener::from_std(message.fds.remove(0).into()).unwrap();
        assert_eq!(same.local_addr().unwrap(), address);
    });
}

/// The others are closed, by the kernel or by us.
#[test]
fn what_there_is_no_room_for_is_closed() {
    run(async || {
        for kind in KINDS {
            // More than there is asked for, and more than there is any room for.
            for (number, most) in [(1, 0), (3, 1), (100, 2), (253, 0)] {
                let (socket, peer) = pair(kind);
                let (mut readers, writers) = pipes(number);
                pass(&peer, b"abcdefghijk", writers);
                let message = socket.recv_msg(most).await.0.unwrap();
                assert_eq!((message.length, message.fds.len()), (8, most), "{kind:?}");
                assert!(message.control_truncated, "{kind:?}, {number}");
                assert_eq!(message.truncated, !matches!(socket, Socket::Stream(_)));
                turn().await;
                assert!(all_closed(readers.split_off(most)));
                write_through(message.fds, readers);
            }
            let (socket, peer) = pair(kind);
            let (readers, writers) = pipes(253);
            pass(&peer, b"abc", writers);
            let message = socket.recv_msg(usize::MAX).await.0.unwrap();
            assert_eq!(message.fds.len(), 253, "{kind:?}");
            write_through(message.fds, readers);
        }
    });
}

#[test]
fn a_receive_of_bytes_closes_what_came_along() {
    run(async || {
        for kind in KINDS {
            let (socket, peer) = pair(kind);
            let (readers, writers) = pipes(2);
            pass(&peer, b"abc", writers);
            assert_eq!(socket.recv().await.0.unwrap(), 3);
            assert!(all_closed(readers), "{kind:?}");
            // Nor is what no task receives left.
            let (readers, writers) = pipes(2);
            pass(&peer, b"abc", writers);
            drop(socket);
            turn().await;
            drop(peer);
            assert!(all_closed(readers), "{kind:?}");
        }
    });
}

/// The next `recv_msg` gets them; any other receive closes them, and so does the socket.
#[test]
fn r17_a_dropped_receive_leaves_its_descriptors() {
    let stats = run(async || {
        for kind in KINDS {
            let (socket, peer) = pair(kind);
            for most in [7, 1, 0] {
                let (mut readers, writers) = pipes(2);
                drop(answered(socket.recv_msg(7), || pass(&peer, b"abc", writers)).await);
                let (result, buffer) = at_once(socket.recv_msg(most)).await;
                let message = result.unwrap();
                assert_eq!((message.length, &buffer[..]), (3, &b"abc"[..]));
                assert_eq!(message.fds.len(), most.min(2));
                assert_eq!(message.control_truncated, most < 2);
                turn().await;
                assert!(all_closed(readers.split_off(most.min(2))));
                write_through(message.fds, readers);
            }
            let (readers, writers) = pipes(2);
            drop(answered(socket.recv_msg(7), || pass(&peer, b"abc", writers)).await);
            assert_eq!(at_once(socket.recv()).await.0.unwrap(), 3);
            turn().await;
            assert!(all_closed(readers));
            let (readers, writers) = pipes(2);
            drop(answered(socket.recv_msg(7), || pass(&peer, b"abc", writers)).await);
            drop(socket);
            turn().await;
            assert!(all_closed(readers));
        }
    });
    assert_eq!(stats.resumed, 15, "{stats:?}");
}

/// In the kernel still, when it is dropped: what comes for it goes to the next.
#[test]
fn r17_a_receive_in_flight_leaves_its_descriptors() {
    run(async || {
        for kind in KINDS {
            let (socket, peer) = pair(kind);
            for _ in 0..100 {
                let (readers, writers) = pipes(1);
                let mut receive = Box::pin(socket.recv_msg(7));
                start(receive.as_mut()).await;
                pass(&peer, b"abc", writers);
                drop(receive);
                let message = socket.recv_msg(7).await.0.unwrap();
                assert_eq!((message.length, message.fds.len()), (3, 1), "{kind:?}");
                write_through(message.fds, readers);
            }
        }
    });
}

/// Has messages come for receives that are dropped then, in the same order.
async fn leave_each(socket: &Socket, peer: &OwnedFd, messages: Vec<(&[u8], Vec<PipeWriter>)>) {
    let mut receives = Vec::new();
    for _ in &messages {
        let (mut receive, count) = (Box::pin(socket.recv_msg(7)), Arc::new(Count::default()));
        assert!(poll_counted(receive.as_mut(), &count).is_pending());
        receives.push((receive, count));
    }
    turn().await;
    for (bytes, writers) in messages {
        pass(peer, bytes, writers);
        // Which of them gets it, the kernel says.
        while receives.iter().all(|(_, count)| count.get() == 0) {
            turn().await;
        }
        receives.retain(|(_, count)| count.get() == 0);
    }
}

/// Kept bytes of a stream, some with descriptors and some without, by pieces.
#[test]
fn r17_kept_descriptors_stay_with_their_bytes() {
    run(async || {
        let (socket, peer) = pair(SockType::Stream);
        let Socket::Stream(stream) = &socket else { unreachable!() };
        let (readers, mut writers) = pipes(2);
        let last = vec![writers.pop().unwrap()];
        let messages = [(&b"ab"[..], vec![]), (b"cd", writers), (b"ef", last)];
        leave_each(&socket, &peer, messages.into()).await;
        let mut got = Vec::new();
        while got.len() < 5 {
            let (result, buffer) = stream.recv_msg(vec![0; 1], 7).await;
            let message = result.unwrap();
            got.push((buffer[0], message.fds));
        }
        let along: Vec<_> = got.iter().map(|(byte, fds)| (*byte, fds.len())).collect();
        assert_eq!(along, [(b'a', 0), (b'b', 0), (b'c', 1), (b'd', 0), (b'e', 1)]);
        write_through(got.into_iter().flat_map(|(_, fds)| fds).collect(), readers);
        assert_eq!(stream.read(vec![0; 8]).await.1[..1], *b"f");
        // Whole, too: a receive ends where the next descriptors are.
        let (readers, writers) = pipes(2);
        let messages = writers.into_iter().map(|writer| (&b"gh"[..], vec![writer]));
        leave_each(&socket, &peer, messages.collect()).await;
        let mut fds = Vec::new();
        for _ in 0..2 {
            let message = socket.recv_msg(7).await.0.unwrap();
            assert_eq!((message.length, message.fds.len()), (2, 1));
            fds.extend(message.fds);
        }
        write_through(fds, readers);
    });
}

#[test]
fn b1_a_cancelled_receive_gives_its_buffer_back() {
    run(async || {
        for kind in KINDS {
            let (socket, _peer) = pair(kind);
            let (result, buffer) =
                timeout(Duration::from_millis(1), socket.recv_msg(1)).await.unwrap();
            assert!(is_cancelled(&result.unwrap_err()));
            assert_eq!(buffer.capacity(), 8);
        }
    });
}

/// Either it is delivered, or it stays for the next.
#[test]
fn b1_a_message_that_races_with_a_cancel_is_not_lost() {
    run(async || {
        for kind in KINDS {
            let (socket, peer) = pair(kind);
            for _ in 0..200 {
                let (readers, writers) = pipes(1);
                let message = nestling::nursery(async |n| {
                    let child =
                        n.spawn(async { Ok::<_, std::io::Error>(socket.recv_msg(1).await) });
                    turn().await;
                    pass(&peer, b"abc", writers);
                    child.cancel();
                    child.await.map_err(std::io::Error::from)
                });
                let message = match message.await {
                    Ok((Ok(message), _)) => message,
                    Ok((Err(error), _)) | Err(error) => {
                        assert!(is_cancelled(&error), "{error}");
                        socket.recv_msg(1).await.0.unwrap()
                    }
                };
                assert_eq!((message.length, message.fds.len()), (3, 1));
                write_through(message.fds, readers);
            }
        }
    });
}

#[test]
fn errors_of_sends_give_everything_back() {
    run(async || {
        for kind in KINDS {
            let (socket, peer) = pair(kind);
            let (_readers, writers) = pipes(1);
            let writer = Rc::new(writers.into_iter().next().unwrap());
            let many = vec![Rc::clone(&writer); 254];
            let (result, many) = socket.send_msg("x", many).await;
            let error = result.unwrap_err();
            assert_eq!((error.kind(), many.len()), (ErrorKind::InvalidInput, 254));
            assert!(error.to_string().contains("253"), "{error}");
            if let Socket::Stream(stream) = &socket {
                let (result, (_, fds)) = stream.send_msg("", vec![Rc::clone(&writer)]).await;
                let error = result.unwrap_err();
                assert_eq!((error.kind(), fds.len()), (ErrorKind::InvalidInput, 1));
            }
            drop(peer);
            let (result, fds) = socket.send_msg("x", vec![writer]).await;
            let kind = result.unwrap_err().kind();
            assert!([ErrorKind::BrokenPipe, ErrorKind::ConnectionRefused].contains(&kind));
            assert_eq!(Rc::strong_count(&fds[0]), 255);
        }
    });
}

#[test]
fn a_peer_that_is_gone_is_the_end() {
    run(async || {
        for kind in [SockType::Stream, SockType::SeqPacket] {
            let (socket, peer) = pair(kind);
            drop(peer);
            for _ in 0..2 {
                let message = socket.recv_msg(1).await.0.unwrap();
                assert_eq!((message.length, message.fds.len()), (0, 0));
            }
        }
    });
}

/// The peer has gone, and has not received all.
#[test]
fn a_reset_is_an_error_and_then_the_end() {
    run(async || {
        for kind in [SockType::Stream, SockType::SeqPacket] {
            let (socket, peer) = pair(kind);
            let (readers, writers) = pipes(1);
            assert_eq!(socket.send_msg("x", writers).await.0.unwrap(), 1);
            drop(peer);
            assert!(all_closed(readers), "what was on its way is closed");
            let error = socket.recv_msg(1).await.0.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            assert_eq!(socket.recv_msg(1).await.0.unwrap().length, 0);
        }
    });
}

/// It is cancelled when there is room again: then bytes and descriptors were sent, or neither, and
/// it says which.
#[test]
fn b1_a_send_that_races_its_cancel_tells_what_was_sent() {
    run(async || {
        for turns in [0, 1, 2].repeat(10) {
            let (ours, mut theirs) = net::UnixStream::pair().unwrap();
            ours.set_nonblocking(true).unwrap();
            fill(&mut &ours);
            let stream = UnixStream::from_std(ours).unwrap();
            let (readers, writers) = pipes(1);
            let is_sent = Cell::new(false);
            let result = nestling::io::nursery(async |n| {
                n.spawn(async {
                    match stream.send_msg("abc", writers).await.0 {
                        Err(error) => assert!(is_cancelled(&error), "{error}"),
                        Ok(sent) => is_sent.set(sent == 3),
                    }
                    Ok(())
                });
                turn().await;
                turn().await;
                theirs.set_nonblocking(true)?;
                while theirs.read(&mut [0; 1 << 16]).is_ok() {}
                for _ in 0..turns {
                    turn().await;
                }
                n.cancel();
                Ok(())
            });
            result.await.unwrap();
            stream.close().await.unwrap();
            theirs.set_nonblocking(false).unwrap();
            let (bytes, fds) = take(&theirs);
            match is_sent.get() {
                true => assert_eq!((&bytes[..], fds.len()), (&b"abc"[..], 1)),
                false => assert_eq!((bytes.len(), fds.len()), (0, 0)),
            }
            fds.into_iter().for_each(|fd| nix::unistd::close(fd).unwrap());
            assert!(all_closed(readers));
        }
    });
}

/// A send in flight keeps what it passes open; when it is dropped or cancelled, nothing is left.
#[test]
fn b1_a_send_that_waits_is_cancelled_or_dropped() {
    run(async || {
        let (ours, theirs) = net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        fill(&mut &ours);
        let stream = UnixStream::from_std(ours).unwrap();
        let (readers, writers) = pipes(1);
        let (result, (buffer, writers)) =
            timeout(Duration::from_millis(1), stream.send_msg("abc", writers)).await.unwrap();
        assert!(is_cancelled(&result.unwrap_err()));
        assert_eq!((buffer, writers.len()), ("abc", 1));
        let mut dropped = Box::pin(stream.send_msg("abc", writers));
        start(dropped.as_mut()).await;
        drop(dropped);
        while nestling::stats().in_flight > 0 {
            turn().await;
        }
        assert!(all_closed(readers));
        // One that waits on goes through, with what it passes.
        let (readers, writers) = pipes(1);
        let mut waits = Box::pin(stream.send_msg("abc", writers));
        start(waits.as_mut()).await;
        let drain = std::thread::spawn(move || {
            loop {
                let (bytes, fds) = take(&theirs);
                if !fds.is_empty() {
                    return (bytes, fds);
                }
            }
        });
        let (result, (_, writers)) = waits.await;
        assert_eq!(result.unwrap(), 3);
        let (bytes, fds) = drain.join().unwrap();
        assert!(bytes.ends_with(b"abc") && fds.len() == 1);
        fds.into_iter().for_each(|fd| nix::unistd::close(fd).unwrap());
        drop(writers);
        assert!(all_closed(readers));
    });
}

#[test]
fn credentials_are_told() {
    run(async || {
        let own = (std::process::id(), nix::unistd::getuid(), nix::unistd::getgid());
        for kind in KINDS {
            let (socket, peer) = pair(kind);
            socket.set_passcred();
            for number in [0, 2] {
                let (readers, writers) = pipes(number);
                pass(&peer, b"abc", writers);
                let message = socket.recv_msg(number).await.0.unwrap();
                let sender = message.credentials.unwrap();
                assert_eq!(sender.pid, Some(own.0), "{kind:?}");
                assert_eq!((sender.uid, sender.gid), (own.1.as_raw(), own.2.as_raw()));
                assert!(!message.control_truncated);
                assert_eq!(message.fds.len(), number);
                write_through(message.fds, readers);
            }
        }
    });
}

const OTHER_PROCESS: &str = "passing::another_process_passes_a_descriptor";
const NAME_OF_IT: &str = "NESTLING_PASSES_TO";

#[test]
fn another_process_passes_a_descriptor() {
    if is_inside(OTHER_PROCESS) {
        return the_other_process(&std::env::var(NAME_OF_IT).unwrap());
    }
    run(async || {
        let name = abstract_name("process");
        let socket = UnixDatagram::bind_addr(&name).unwrap();
        socket.set_passcred(true).unwrap();
        let text = std::str::from_utf8(name.as_abstract_name().unwrap()).unwrap();
        let mut child = again(OTHER_PROCESS);
        let mut child = child.env(NAME_OF_IT, text).stdout(Stdio::null()).spawn().unwrap();
        let (result, buffer) = socket.recv_msg(vec![0; 64], 1).await;
        let mut message = result.unwrap();
        assert_eq!(&buffer[..message.length], b"a pipe of mine");
        assert_eq!(message.credentials.unwrap().pid, Some(child.id()));
        let mut pipe = PipeReader::from(message.fds.remove(0));
        let mut written = String::new();
        pipe.read_to_string(&mut written).unwrap();
        assert_eq!(written, "hello from over there");
        assert!(child.wait().unwrap().success());
    });
}

fn the_other_process(name: &str) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let socket = net::UnixDatagram::unbound().unwrap();
    let (bytes, fds) = ([IoSlice::new(b"a pipe of mine")], [reader.as_raw_fd()]);
    let (along, to) = ([ControlMessage::ScmRights(&fds)], UnixAddr::new_abstract(name.as_bytes()));
    let (fd, none) = (socket.as_raw_fd(), MsgFlags::empty());
    sendmsg(fd, &bytes, &along, none, Some(&to.unwrap())).unwrap();
    writer.write_all(b"hello from over there").unwrap();
}
