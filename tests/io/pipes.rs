//! Pipes: whichever way an operation ends, the bytes that went in come out once, in order.

use crate::run;
use crate::support::again::{self, is_inside};
use crate::support::random::{Random, seeds};
use crate::support::{
    Count, descriptors, fill, one_at_a_time, poll_counted, poll_once, start, turn, until_woken,
};
use nestling::io::{AsyncWrite, BufReader, BufWriter, PipeReader, PipeWriter, pipe};
use nestling::net::transferred;
use nestling::task::yield_now;
use nestling::{Runtime, is_cancelled, nursery, timeout};
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::pin::pin;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// A reader, and the other end, which blocks.
fn reader() -> (PipeReader, io::PipeWriter) {
    let (reader, writer) = io::pipe().unwrap();
    (PipeReader::from_std(reader), writer)
}

/// A writer to a pipe that is full, and the other end, which blocks; and how many bytes it has.
fn full() -> (PipeWriter, io::PipeReader, usize) {
    let (reader, writer) = io::pipe().unwrap();
    let mut other = fs::File::from(OwnedFd::from(writer.try_clone().unwrap()));
    socket2::SockRef::from(&other).set_nonblocking(true).unwrap();
    fill(&mut other);
    socket2::SockRef::from(&other).set_nonblocking(false).unwrap();
    (PipeWriter::from_std(writer), reader, 64 << 10)
}

/// The threads of the kernel's that do what would stop ours.
fn workers() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.starts_with("iou-wrk")).count()
}

#[test]
fn what_is_written_is_read() {
    run(async || {
        let (reader, writer) = pipe().unwrap();
        writer.write_all("hello").await.0.unwrap();
        let (result, buffer) = reader.read(vec![0; 3]).await;
        assert_eq!((result.unwrap(), &buffer[..]), (3, &b"hel"[..]));
        writer.shutdown().await.unwrap();
        assert_eq!(writer.write("more").await.0.unwrap_err().kind(), ErrorKind::BrokenPipe);
        writer.shutdown().await.unwrap();
        let (result, rest) = reader.read_to_end().await;
        result.unwrap();
        assert_eq!(rest, b"lo");
        assert_eq!(reader.read(vec![0; 3]).await.0.unwrap(), 0);
        assert_eq!(reader.read(Vec::new()).await.0.unwrap(), 0);
    });
}

/// A write of more than there is room for is short; `write_all` goes on when there is room again.
#[test]
fn short_writes() {
    run(async || {
        let (reader, writer) = pipe().unwrap();
        let sent: Vec<u8> = (0..1_000_000_u32).map(|at| ((at * 13) >> 2) as u8).collect();
        let (written, _) = writer.write(sent.clone()).await;
        assert_eq!(written.unwrap(), 64 << 10);
        let (mut bytes, bytes_sent) = (Vec::new(), sent.clone());
        let result = nursery(async |n| {
            n.spawn(async {
                let writer = writer;
                writer.write_all(bytes_sent).await.0
            });
            let (result, received) = reader.read_to_end().await;
            bytes = received;
            result
        });
        result.await.unwrap();
        assert!(bytes[..64 << 10] == sent[..64 << 10] && bytes[64 << 10..] == sent);
    });
}

/// I2: without a reader a write is an error, and no signal ends this program.
#[test]
fn i2_a_write_without_a_reader_is_an_error() {
    run(async || {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        turn().await;
        let (result, buffer) = writer.write(vec![7; 9]).await;
        assert_eq!((result.unwrap_err().kind(), buffer), (ErrorKind::BrokenPipe, vec![7; 9]));
        // In flight.
        let (writer, reader, _) = full();
        let mut write = pin!(writer.write_all(vec![7; 9]));
        start(write.as_mut()).await;
        drop(reader);
        assert_eq!(write.await.0.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

/// Runs a test in a process of its own: it looks at what the process has.
fn alone(name: &str, test: impl FnOnce()) {
    let _others_wait = (!is_inside(name)).then(one_at_a_time);
    again::alone(name, test);
}

/// Neither keeps a thread of the kernel's busy, of which there are few.
#[test]
fn j3_waits_take_no_thread() {
    alone("pipes::j3_waits_take_no_thread", waits_take_no_thread);
}

fn waits_take_no_thread() {
    run(async || {
        let before = workers();
        let (reader, _peer) = reader();
        let (writer, _other, _) = full();
        let (mut read, mut write) = (pin!(reader.read(vec![0; 9])), pin!(writer.write("more")));
        start(read.as_mut()).await;
        start(write.as_mut()).await;
        assert_eq!(workers(), before);
    });
}

/// Rule 3: both are cancelled in flight, and give their buffers back. The pipe is as it was.
#[test]
fn r03_a_read_and_a_write_in_flight_are_cancelled() {
    run(async || {
        let (reader, mut peer) = reader();
        let (writer, mut other, length) = full();
        let result = nursery(async |n| {
            n.spawn(async {
                let (result, buffer) = reader.read(vec![7; 9]).await;
                assert!(is_cancelled(&result.unwrap_err()));
                assert_eq!(buffer, [7; 9]);
            });
            n.spawn(async {
                let (result, buffer) = writer.write_all(vec![9; 9]).await;
                let error = result.unwrap_err();
                assert!(is_cancelled(&error));
                assert_eq!((transferred(&error), buffer), (Some(0), vec![9; 9]));
            });
            turn().await;
            n.cancel();
            Ok::<_, io::Error>(())
        });
        result.await.unwrap();
        peer.write_all(b"abc").unwrap();
        assert_eq!(reader.read(vec![0; 9]).await.0.unwrap(), 3);
        drop(writer);
        turn().await;
        let mut bytes = Vec::new();
        other.read_to_end(&mut bytes).unwrap();
        assert!(bytes == vec![0; length]);
    });
}

/// E5: `write_all` is cancelled half-way: the error says how much has gone.
#[test]
fn e5_a_cancelled_write_all_says_how_much_has_gone() {
    run(async || {
        let (reader, writer) = pipe().unwrap();
        let (result, _) = timeout(Duration::from_millis(1), writer.write_all(vec![1; 100_000]))
            .await
            .expect("it is delivered");
        assert_eq!(transferred(&result.unwrap_err()), Some(64 << 10));
        drop(writer);
        assert_eq!(reader.read_to_end().await.1.len(), 64 << 10);
    });
}

/// E1, R17: a read that had won is dropped: the next one gets its bytes, and what follows them.
#[test]
fn e1_a_dropped_read_leaves_its_bytes() {
    run(async || {
        let (reader, mut peer) = reader();
        let mut read = Box::pin(reader.read(vec![0; 9]));
        let count = Arc::new(Count::default());
        assert!(poll_counted(read.as_mut(), &count).is_pending());
        peer.write_all(b"abc").unwrap();
        until_woken(&count).await;
        drop(read);
        peer.write_all(b"de").unwrap();
        let (result, buffer) = reader.read(vec![0; 2]).await;
        assert_eq!((result.unwrap(), &buffer[..]), (2, &b"ab"[..]));
        drop(peer);
        assert_eq!(reader.read_to_end().await.1, b"cde");
    });
}

/// What was read for a read that was dropped is not lost to the standard library either.
#[test]
fn e1_a_reader_with_bytes_is_not_given_away() {
    run(async || {
        let (reader, mut peer) = reader();
        let mut read = Box::pin(reader.read(vec![0; 9]));
        let count = Arc::new(Count::default());
        assert!(poll_counted(read.as_mut(), &count).is_pending());
        peer.write_all(b"abc").unwrap();
        until_woken(&count).await;
        drop(read);
        assert_eq!(reader.into_std().unwrap_err().kind(), ErrorKind::ResourceBusy);
    });
}

/// E1: a counter goes through a pipe; many of its reads, of all kinds, are dropped at some moment.
#[test]
fn e1_random_drops_lose_nothing() {
    for seed in seeds(0..5) {
        run(async || {
            let mut random = Random::new(seed);
            let sent: Vec<u8> = (0..20_000_u32).map(|at| (at % 251) as u8).collect();
            let (reader, writer) = pipe().unwrap();
            let (mut writes, bytes) = (Random::new(random.next()), &sent);
            let result = nursery(async |n| {
                n.spawn(async move {
                    let mut rest = &bytes[..];
                    while !rest.is_empty() {
                        let (now, later) = rest.split_at(rest.len().min(1 + writes.below(99)));
                        writer.write_all(now.to_vec()).await.0?;
                        rest = later;
                        yield_now().await;
                    }
                    Ok(())
                });
                let mut received = Vec::new();
                loop {
                    let mut read = Box::pin(reader.read(Vec::with_capacity(1 + random.below(200))));
                    let mut all = Box::pin(reader.read_to_end());
                    if random.percent(10) {
                        drop(poll_once(all.as_mut()).await);
                    }
                    drop(all);
                    let polls = 1 + random.below(4);
                    for _ in 0..polls {
                        if let std::task::Poll::Ready((result, part)) =
                            poll_once(read.as_mut()).await
                        {
                            if result? == 0 {
                                return Ok::<_, io::Error>(received);
                            }
                            received.extend(part);
                            break;
                        }
                        yield_now().await;
                    }
                }
            });
            assert!(result.await.unwrap() == sent, "seed {seed}");
        });
    }
}

/// B8: operations that are dropped in flight, and the ends themselves, leave no descriptor.
#[test]
fn b8_dropped_operations_leave_nothing() {
    alone("pipes::b8_dropped_operations_leave_nothing", dropped_operations);
}

fn dropped_operations() {
    let mut runtime = Runtime::builder().entries(8).build().unwrap();
    runtime.block_on(yield_now());
    let before = descriptors();
    runtime.block_on(async {
        for round in 0..500 {
            let (reader, _peer) = reader();
            let (writer, _other, _) = full();
            let mut read = Box::pin(reader.read(vec![0; 9]));
            let mut write = Box::pin(writer.write_all(vec![0; 9]));
            if round % 3 > 0 {
                assert!(poll_once(read.as_mut()).await.is_pending());
                assert!(poll_once(write.as_mut()).await.is_pending());
            }
            if round % 3 > 1 {
                turn().await;
            }
            drop((read, write));
        }
    });
    crate::support::assert_balanced(&runtime);
    assert_eq!(descriptors(), before);
}

#[test]
fn buffered_lines_through_a_pipe() {
    run(async || {
        let (reader, writer) = pipe().unwrap();
        let mut writer = BufWriter::new(writer);
        writer.write_all(b"one\ntwo\n").await.unwrap();
        AsyncWrite::shutdown(&mut writer).await.unwrap();
        let mut lines = BufReader::new(reader).lines();
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("one"));
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("two"));
        assert_eq!(lines.next_line().await.unwrap(), None);
    });
}

/// A named pipe, which goes with the test.
struct Named(PathBuf);

impl Named {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nestling-{test}-{}", std::process::id()));
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        Self(path)
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// I12, J3: neither end waits for the other in the kernel, and no thread does. The first read waits
/// for a writer.
#[test]
fn i12_a_named_pipe_that_nobody_has_open() {
    alone("pipes::i12_a_named_pipe_that_nobody_has_open", unopened);
}

fn unopened() {
    let named = Named::new("unopened");
    run(async || {
        let before = workers();
        let mut open = pin!(PipeWriter::open(&named.0));
        start(open.as_mut()).await;
        let cancelled = nursery(async |n| {
            n.spawn(async { PipeWriter::open(&named.0).await.map(drop) });
            turn().await;
            n.cancel();
            Ok::<_, io::Error>(())
        });
        cancelled.await.unwrap();
        let reader = PipeReader::open(&named.0).unwrap();
        let mut read = pin!(reader.read(vec![0; 9]));
        start(read.as_mut()).await;
        assert_eq!(workers(), before);
        let writer = open.await.unwrap();
        turn().await;
        assert!(poll_once(read.as_mut()).await.is_pending());
        writer.write_all("hello").await.0.unwrap();
        assert_eq!(read.await.0.unwrap(), 5);
        let mut again = pin!(reader.read(vec![0; 9]));
        start(again.as_mut()).await;
        assert_eq!(workers(), before);
        drop(writer);
        assert_eq!(again.await.0.unwrap(), 0);
    });
}

/// The other ends are the standard library's, and block.
#[test]
fn a_named_pipe_to_threads_that_block() {
    let named = Named::new("blocking");
    run(async || {
        let (path, path_too) = (named.0.clone(), named.0.clone());
        let other = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            OpenOptions::new().read(true).open(path).unwrap().read_to_end(&mut bytes).unwrap();
            bytes
        });
        let writer = PipeWriter::open(&named.0).await.unwrap();
        let sent: Vec<u8> = (0..300_000_u32).map(|at| (at % 241) as u8).collect();
        writer.write_all(sent.clone()).await.0.unwrap();
        drop(writer);
        turn().await;
        assert!(other.join().unwrap() == sent);

        let reader = PipeReader::open(&named.0).unwrap();
        let sending = sent.clone();
        let other = std::thread::spawn(move || {
            OpenOptions::new().write(true).open(path_too).unwrap().write_all(&sending).unwrap();
        });
        let (result, received) = reader.read_to_end().await;
        result.unwrap();
        assert!(received == sent);
        other.join().unwrap();
    });
}

#[test]
fn what_is_no_named_pipe() {
    run(async || {
        let error = PipeReader::open("/etc/passwd").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("mkfifo"), "{error}");
        let error = PipeWriter::open("/nowhere/pipe").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("/nowhere/pipe"), "{error}");
    });
}
