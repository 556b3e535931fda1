//! Files that are sent in bulk, past the buffer: the order of the bytes, counts, ends, and what is
//! left when one is cut.

use crate::run;
use crate::spliced::{bytes, counting, narrow, receive};
use crate::support::again::alone;
use crate::support::{pair, poll_once, tcp_pair, turn, watched};
use nestling::fs::{self, File, TempDir};
use nestling::io::{BufWriter, nursery, send_file};
use nestling::net::{TcpStream, transferred};
use nestling::{Runtime, is_cancelled};
use nix::fcntl::OFlag;
use std::cell::Cell;
use std::io::{ErrorKind, Read};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::thread;

/// More than two pipes hold.
const MANY: usize = (5 << 19) + 4321;

/// A file of [`MANY`] bytes, and the folder that it is in.
async fn file() -> (TempDir, File, Vec<u8>) {
    let folder = TempDir::new().await.unwrap();
    let (path, all) = (folder.path().join("file"), bytes(MANY));
    fs::write(&path, all.clone()).await.unwrap();
    let file = File::options().read(true).write(true).open(path).await.unwrap();
    (folder, file, all)
}

#[test]
fn every_byte_of_a_range_arrives_in_order() {
    counting("sent_files::every_byte_of_a_range_arrives_in_order", async |pipes| {
        let (_folder, file, all) = file().await;
        let (sink, receiver) = tcp_pair("127.0.0.1:0").await;
        let receiving = receive(receiver);
        let mut expected = Vec::new();
        for (range, is_spliced) in [
            (10..5000, false),
            (7..7 + (1 << 20) - 1, false),
            (7..7 + (1 << 20), true),
            (1..MANY - 1, true),
        ] {
            let sent = send_file(&file, range.start as u64..range.end as u64, &mut &sink).await;
            assert_eq!(sent.unwrap(), range.len() as u64);
            assert_eq!(pipes(), if is_spliced { 2 } else { 0 }, "{range:?}");
            expected.extend_from_slice(&all[range]);
        }
        // Behind the end, and none.
        let behind = MANY as u64 - 10..u64::MAX;
        assert_eq!(send_file(&file, behind, &mut &sink).await.unwrap(), 10);
        expected.extend_from_slice(&all[MANY - 10..]);
        for range in [MANY as u64..2 * MANY as u64, 5..5] {
            assert_eq!(send_file(&file, range, &mut &sink).await.unwrap(), 0);
        }
        #[expect(clippy::reversed_empty_ranges, reason = "it has no bytes")]
        let reversed = 9..5;
        assert_eq!(send_file(&file, reversed, &mut &sink).await.unwrap(), 0);
        // Beyond what a file can hold, where a place may look like none.
        for start in [u64::MAX - (1 << 20), u64::MAX - 1] {
            let error = send_file(&file, start..u64::MAX, &mut &sink).await.unwrap_err();
            assert_eq!((error.kind(), transferred(&error)), (ErrorKind::InvalidInput, Some(0)));
        }
        sink.shutdown(Shutdown::Write).await.unwrap();
        assert!(receiving.join().unwrap() == expected);
    });
}

/// Local sockets, halves, and writers that cannot be spliced to.
#[test]
fn writers_of_every_kind_get_the_same_bytes() {
    run(async || {
        let (_folder, file, all) = file().await;
        let (sink, receiver) = pair();
        let receiving = receive(receiver);
        let (_, mut to) = sink.split();
        assert_eq!(send_file(&file, 0..MANY as u64, &mut to).await.unwrap(), MANY as u64);
        let mut writer = BufWriter::new(&sink);
        assert_eq!(send_file(&file, 3..MANY as u64, &mut writer).await.unwrap(), MANY as u64 - 3);
        sink.shutdown(Shutdown::Write).await.unwrap();
        assert!(receiving.join().unwrap() == [&all, &all[3..]].concat());
        let mut memory = Vec::new();
        assert_eq!(send_file(&file, 0..MANY as u64, &mut memory).await.unwrap(), MANY as u64);
        assert!(memory == all);
    });
}

/// What has no places gives what comes next, as a read of it does.
#[test]
fn a_file_that_cannot_be_spliced_is_read() {
    run(async || {
        let (reader, writer) = std::io::pipe().unwrap();
        let sending = thread::spawn(move || {
            std::io::Write::write_all(&mut { writer }, &bytes(MANY)).unwrap();
        });
        let file = File::from_std(std::os::fd::OwnedFd::from(reader).into());
        let (sink, receiver) = pair();
        let receiving = receive(receiver);
        assert_eq!(send_file(&file, 0..u64::MAX, &mut &sink).await.unwrap(), MANY as u64);
        sink.shutdown(Shutdown::Write).await.unwrap();
        assert!(receiving.join().unwrap() == bytes(MANY));
        sending.join().unwrap();
        // A folder is none at all.
        let folder = TempDir::new().await.unwrap();
        let file = File::open(folder.path()).await.unwrap();
        let error = send_file(&file, 0..u64::MAX, &mut &sink).await.unwrap_err();
        assert_eq!(transferred(&error), Some(0));
        assert_eq!(error.kind(), ErrorKind::IsADirectory);
    });
}

/// A pipe of packets, of which a read takes one: so it is known how many operations there are.
#[test]
fn a_file_that_cannot_be_spliced_is_not_asked_again() {
    const PACKETS: u64 = 16;
    watched(|| {
        let (reader, writer) = nix::unistd::pipe2(OFlag::O_DIRECT).unwrap();
        let mut writer = std::fs::File::from(writer);
        (0..PACKETS).for_each(|_| std::io::Write::write_all(&mut writer, b"x").unwrap());
        drop(writer);
        let mut runtime = Runtime::builder().entries(8).build().unwrap();
        let (file, (sink, _receiver)) = (File::from_std(reader.into()), pair());
        let before = runtime.stats().submitted;
        let sent = runtime.block_on(send_file(&file, 0..u64::MAX, &mut &sink)).unwrap();
        assert_eq!(sent, PACKETS);
        // A splice; the reads, of which the last one finds the end; and the sends.
        assert_eq!(runtime.stats().submitted - before, 1 + (PACKETS + 1) + PACKETS);
    });
}

/// A file that is sent to a peer that does not read: the pipe is full, and so is the socket.
async fn held_up(file: &File, sink: &TcpStream, test: impl AsyncFnOnce()) -> std::io::Result<u64> {
    narrow(sink);
    let ended = Cell::new(Ok(0));
    nursery(async |n| {
        n.spawn(async {
            ended.set(send_file(file, 0..MANY as u64, &mut &*sink).await);
            Ok(())
        });
        fill(sink).await;
        test().await;
        n.cancel();
        Ok(())
    })
    .await
    .unwrap();
    ended.into_inner()
}

/// Waits until something was sent, and the socket takes no more.
async fn fill(sink: &TcpStream) {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd;
    loop {
        turn().await;
        let mut asked = [PollFd::new(sink.as_fd(), PollFlags::POLLOUT)];
        if poll(&mut asked, PollTimeout::ZERO).unwrap() == 0 {
            return;
        }
    }
}

/// The peer has as many bytes as the error says, and the pipe with the rest is gone.
#[test]
fn r17_a_cancelled_file_tells_what_the_peer_has() {
    counting("sent_files::r17_a_cancelled_file_tells_what_the_peer_has", async |pipes| {
        let (_folder, file, all) = file().await;
        let (sink, receiver) = pair();
        let error = held_up(&file, &sink, async || assert_eq!(pipes(), 2)).await.unwrap_err();
        assert!(is_cancelled(&error));
        assert_eq!(pipes(), 0, "a pipe with something in it is not used again");
        let gone = transferred(&error).unwrap();
        assert!((1..MANY).contains(&gone));
        // The rest follows later.
        let receiving = receive(receiver);
        let rest = gone as u64..MANY as u64;
        assert_eq!(
            send_file(&file, rest.clone(), &mut &sink).await.unwrap(),
            rest.end - rest.start
        );
        sink.close().await.unwrap();
        assert!(receiving.join().unwrap() == all);
    });
}

/// Whenever the future is dropped: the peer has a beginning of the file, and the next peer, whose
/// file goes through the pipes that are left, has its own alone.
#[test]
fn b2_a_file_that_is_dropped_at_any_poll_leaves_nothing_in_a_pipe() {
    counting(
        "sent_files::b2_a_file_that_is_dropped_at_any_poll_leaves_nothing_in_a_pipe",
        async |pipes| {
            let (_folder, file, all) = file().await;
            for polls in 1.. {
                let (sink, receiver) = pair();
                narrow(&sink);
                let receiving = receive(receiver);
                let mut ended = false;
                {
                    let mut to = &sink;
                    let mut sending = pin!(send_file(&file, 0..MANY as u64, &mut to));
                    for _ in 0..polls {
                        ended = poll_once(sending.as_mut()).await.is_ready();
                        if ended {
                            break;
                        }
                        turn().await;
                    }
                    // What is in flight is dropped while the kernel has it, in half of the cases.
                    if !ended && polls % 2 == 0 {
                        ended = poll_once(sending.as_mut()).await.is_ready();
                    }
                }
                sink.close().await.unwrap();
                assert!(all.starts_with(&receiving.join().unwrap()), "after {polls} polls");
                let (sink, receiver) = pair();
                let receiving = receive(receiver);
                let sent = send_file(&file, 1..MANY as u64, &mut &sink).await.unwrap();
                assert_eq!(sent, MANY as u64 - 1);
                sink.close().await.unwrap();
                assert!(receiving.join().unwrap() == all[1..], "after {polls} polls");
                assert!(pipes() <= 2 * 2, "after {polls} polls");
                if ended {
                    return;
                }
            }
        },
    );
}

/// A file that becomes shorter while it is sent: the count says so, and what went before is right.
#[test]
fn a_file_that_is_cut_meanwhile_is_sent_to_its_new_end() {
    run(async || {
        let (_folder, file, all) = file().await;
        let (sink, mut receiver) = pair();
        narrow(&sink);
        nursery(async |n| {
            let sending = n.spawn(async { send_file(&file, 0..MANY as u64, &mut &sink).await });
            fill(&sink).await;
            // Behind what is in the pipe.
            let end = (1 << 20) + 77;
            file.set_len(end).await?;
            let receiving = thread::spawn(move || {
                let mut received = Vec::new();
                receiver.read_to_end(&mut received).map(|_| received)
            });
            assert_eq!(sending.await?, end);
            sink.shutdown(Shutdown::Write).await?;
            assert!(receiving.join().unwrap()? == all[..end as usize]);
            Ok(())
        })
        .await
        .unwrap();
    });
}

/// A file that is held up, and then its receiver goes.
async fn to_a_peer_that_goes() {
    let (_folder, file, _) = file().await;
    let (sink, receiver): (TcpStream, UnixStream) = pair();
    narrow(&sink);
    nursery(async |n| {
        let sending = n.spawn(async { Ok(send_file(&file, 0..MANY as u64, &mut &sink).await) });
        fill(&sink).await;
        drop(receiver);
        let error = sending.await?.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert!(transferred(&error).is_some_and(|gone| (1..MANY).contains(&gone)));
        Ok(())
    })
    .await
    .unwrap();
}

/// It is an error, and what had gone before is counted.
#[test]
fn a_file_to_a_peer_that_goes_fails() {
    run(to_a_peer_that_goes);
}

/// In a process that has not ignored SIGPIPE, as programs in other languages do not.
#[test]
#[expect(unsafe_code, reason = "no crate sets the default")]
fn a_file_to_a_peer_that_goes_raises_no_signal() {
    alone("sent_files::a_file_to_a_peer_that_goes_raises_no_signal", || {
        // SAFETY: no handler is set.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        run(to_a_peer_that_goes);
    });
}

/// More peers that do not read than a core has pipes: the others get theirs through a buffer.
#[test]
fn i2_held_up_files_have_so_many_pipes_and_no_more() {
    counting("sent_files::i2_held_up_files_have_so_many_pipes_and_no_more", async |pipes| {
        let (_folder, file, all) = file().await;
        let pairs = Vec::from_iter((0..40).map(|_| pair()));
        pairs.iter().for_each(|(sink, _)| narrow(sink));
        nursery(async |n| {
            let sends = Vec::from_iter(pairs.iter().map(|(sink, _)| {
                let file = &file;
                n.spawn(async move { send_file(file, 0..MANY as u64, &mut &*sink).await })
            }));
            for (sink, _) in &pairs {
                fill(sink).await;
            }
            assert_eq!(pipes(), 2 * 32);
            let receivers =
                Vec::from_iter(pairs.iter().map(|(_, receiver)| receiver.try_clone().unwrap()));
            let expected = all.clone();
            let receiving = thread::spawn(move || {
                for mut receiver in receivers {
                    let mut received = vec![0; MANY];
                    receiver.read_exact(&mut received).unwrap();
                    assert!(received == expected);
                }
            });
            for send in sends {
                assert_eq!(send.await?, MANY as u64);
            }
            receiving.join().unwrap();
            assert_eq!(pipes(), 2 * 4, "a few are kept");
            Ok(())
        })
        .await
        .unwrap();
    });
}
