//! Random writes through a buffer, some of which fail or are dropped, and what the other side has:
//! each byte that was taken, once, in order; or a part of them, and an error for each further call.

use crate::pieces::{Pieces, for_a_while};
use crate::run;
use crate::support::random::{Random, seeds};
use crate::support::{pair, poll_once, turn};
use nestling::buf::{BufResult, IoBuf};
use nestling::io::{AsyncWrite, BufWriter};
use nestling::net::transferred;
use nestling::{is_cancelled, nursery};
use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::pin::pin;

type Writer = BufWriter<Pieces<Vec<u8>>>;

/// A writer, and what it has taken.
struct Written {
    writer: Writer,
    taken: Vec<u8>,
    random: Random,
    is_broken: bool,
}

impl Written {
    fn sent(&self) -> &[u8] {
        self.writer.get_ref().get_ref()
    }

    /// What has gone and what is in the buffer: all that was taken, unless it is broken.
    fn check(&self) {
        let sent = self.sent();
        match self.is_broken {
            true => assert_eq!(sent, &self.taken[..sent.len()]),
            false => assert_eq!([sent, self.writer.buffer()].concat(), self.taken),
        }
    }

    /// A call was dropped: either the writer is broken, or nothing was taken.
    async fn dropped(&mut self, bytes: &[u8]) {
        if self.writer.write_all(b"").await.is_err() {
            self.is_broken = true;
            self.taken.extend(bytes);
        }
    }

    async fn step(&mut self) {
        let bytes = Vec::from_iter((0..self.random.below(60)).map(|_| self.random.next() as u8));
        let (writer, random) = (&mut self.writer, &mut self.random);
        let result = match random.below(4) {
            0 => for_a_while(random, writer.write_all(&bytes)).await,
            1 => {
                let write = AsyncWrite::write_all(writer, bytes.clone());
                for_a_while(random, write).await.map(|(result, _)| result)
            }
            2 => {
                let write = AsyncWrite::write(writer, bytes.clone());
                match for_a_while(random, write).await {
                    Some((Ok(length), _)) => {
                        assert!(length > 0 || bytes.is_empty());
                        return self.taken.extend(&bytes[..length]);
                    }
                    Some((Err(error), _)) => return assert_eq!(transferred(&error), None),
                    None => None,
                }
            }
            _ => {
                match for_a_while(random, writer.flush()).await {
                    Some(Ok(())) => assert!(self.writer.buffer().is_empty()),
                    Some(Err(error)) => assert!(transferred(&error).is_some()),
                    None => self.dropped(b"").await,
                }
                return;
            }
        };
        match result {
            Some(Ok(())) => self.taken.extend(bytes),
            Some(Err(error)) => self.taken.extend(&bytes[..transferred(&error).unwrap()]),
            None => self.dropped(&bytes).await,
        }
    }
}

#[test]
fn b_random_writes_and_what_was_sent() {
    let mut broken = 0;
    for seed in seeds(0..400) {
        let mut random = Random::new(seed);
        println!("seed {seed}");
        run(async || {
            let most = 1 + random.below(40);
            let failing = [0, 10][random.below(2)];
            let sink = Pieces::new(Vec::new(), &mut random, most).failing(failing);
            let writer = BufWriter::with_capacity(random.below(50), sink);
            let mut written = Written { writer, taken: Vec::new(), random, is_broken: false };
            for _ in 0..50 {
                written.step().await;
                written.check();
                if written.is_broken {
                    break;
                }
            }
            if written.is_broken {
                broken += 1;
                all_calls_fail(&mut written.writer).await;
            } else {
                while written.writer.flush().await.is_err() {}
                assert_eq!(written.sent(), written.taken);
            }
            written.check();
        });
    }
    assert!(broken > 0, "some are to be dropped half-way");
}

/// Each call is a clear error, and sends nothing.
async fn all_calls_fail<W: AsyncWrite>(writer: &mut BufWriter<W>) {
    let large = vec![7; 100_000];
    let results = [
        writer.write_all(b"x").await,
        writer.write_all(b"").await,
        writer.flush().await,
        writer.shutdown().await,
        AsyncWrite::write(writer, "x").await.0.map(drop),
        AsyncWrite::write_all(writer, large).await.0,
        AsyncWrite::flush(writer).await,
        AsyncWrite::shutdown(writer).await,
    ];
    for result in results {
        let error = result.unwrap_err().to_string();
        assert!(error.contains("close the stream"), "{error}");
    }
}

/// All that std's writer sends is what ours sends, however it is given.
#[test]
fn writes_are_those_of_std() {
    for seed in seeds(0..100) {
        let mut random = Random::new(seed);
        let mut std = io::BufWriter::with_capacity(16, Vec::new());
        let sent = run(async || {
            let mut ours = BufWriter::with_capacity(1 + random.below(40), Vec::new());
            for _ in 0..30 {
                let bytes = vec![random.next() as u8; random.below(50)];
                std.write_all(&bytes).unwrap();
                ours.write_all(&bytes).await.unwrap();
            }
            ours.shutdown().await.unwrap();
            ours.into_inner()
        });
        assert_eq!(sent, std.into_inner().unwrap(), "seed {seed}");
    }
}

/// Small writes go as one.
#[test]
fn a_flush_sends_once() {
    let seen = run(async || {
        let (stream, mut peer) = pair();
        let mut writer = BufWriter::new(&stream);
        let before = nestling::stats().submitted;
        for _ in 0..100 {
            writer.write_all(b"ten bytes.").await.unwrap();
        }
        assert_eq!(nestling::stats().submitted, before);
        writer.flush().await.unwrap();
        assert_eq!(nestling::stats().submitted, before + 1);
        let mut seen = [0; 1000];
        peer.read_exact(&mut seen).unwrap();
        stream.close().await.unwrap();
        seen
    });
    assert_eq!(&seen[..], b"ten bytes.".repeat(100));
}

/// What the peer has by now.
fn seen(peer: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    match peer.read_to_end(&mut bytes) {
        Ok(_) => bytes,
        Err(error) if error.kind() == ErrorKind::WouldBlock => bytes,
        Err(error) => panic!("{error}"),
    }
}

/// A flush into a socket that takes no more is cancelled: the writer keeps exactly what has not
/// gone, and the next flush sends that.
#[test]
fn b_a_cancelled_flush_keeps_what_has_not_gone() {
    run(async || {
        let (stream, mut peer) = pair();
        peer.set_nonblocking(true).unwrap();
        let bytes = Vec::from_iter((0..1 << 20).map(|at: u32| (at / 7) as u8));
        let mut writer = BufWriter::with_capacity(bytes.len(), &stream);
        writer.write_all(&bytes).await.unwrap();
        let gone = Cell::new(0);
        let result = nursery(async |n| {
            n.spawn(async {
                let error = writer.flush().await.unwrap_err();
                assert!(is_cancelled(&error));
                gone.set(transferred(&error).unwrap());
                Ok(())
            });
            for _ in 0..100 {
                turn().await;
            }
            n.cancel();
            Ok::<_, io::Error>(())
        });
        result.await.unwrap();
        assert!((1..bytes.len()).contains(&gone.get()));
        assert_eq!(writer.buffer(), &bytes[gone.get()..]);
        let mut all = seen(&mut peer);
        assert_eq!(all.len(), gone.get());
        let mut flush = pin!(writer.flush());
        while poll_once(flush.as_mut()).await.is_pending() {
            turn().await;
            all.extend(seen(&mut peer));
        }
        all.extend(seen(&mut peer));
        assert!(all == bytes);
    });
}

/// A flush whose future is dropped half-way: the peer has a part of the bytes, and never more.
#[test]
fn b_a_dropped_flush_breaks_the_writer() {
    run(async || {
        let (stream, mut peer) = pair();
        peer.set_nonblocking(true).unwrap();
        let bytes = Vec::from_iter((0..1 << 20).map(|at: u32| (at / 7) as u8));
        let mut writer = BufWriter::with_capacity(bytes.len(), &stream);
        writer.write_all(&bytes).await.unwrap();
        {
            let mut flush = pin!(writer.flush());
            for _ in 0..10 {
                assert!(poll_once(flush.as_mut()).await.is_pending());
                turn().await;
            }
        }
        all_calls_fail(&mut writer).await;
        assert!(format!("{writer:?}").contains("broken: true"));
        stream.close().await.unwrap();
        let all = seen(&mut peer);
        assert!(!all.is_empty() && all == bytes[..all.len()]);
    });
}

/// The same for what goes to the sink itself, because it is larger than the buffer.
#[test]
fn b_a_dropped_large_write_breaks_the_writer() {
    run(async || {
        for all in [false, true] {
            let (stream, _peer) = pair();
            let mut writer = BufWriter::with_capacity(16, &stream);
            let bytes = vec![7; 1 << 20];
            if all {
                let mut write = pin!(AsyncWrite::write_all(&mut writer, bytes));
                assert!(poll_once(write.as_mut()).await.is_pending());
            } else {
                let mut write = pin!(AsyncWrite::write(&mut writer, bytes));
                assert!(poll_once(write.as_mut()).await.is_pending());
            }
            all_calls_fail(&mut writer).await;
        }
    });
}

/// A flush that was not polled has taken nothing.
#[test]
fn a_flush_that_never_began_breaks_nothing() {
    run(async || {
        let mut writer = BufWriter::new(Vec::new());
        writer.write_all(b"abc").await.unwrap();
        drop(writer.flush());
        writer.flush().await.unwrap();
        assert_eq!(writer.into_inner(), b"abc");
    });
}

/// A sink that does not say how much had gone.
struct Mute;

impl AsyncWrite for Mute {
    async fn write<B: IoBuf>(&mut self, buffer: B) -> BufResult<usize, B> {
        (Err(ErrorKind::BrokenPipe.into()), buffer)
    }

    async fn write_all<B: IoBuf>(&mut self, buffer: B) -> BufResult<(), B> {
        (Err(ErrorKind::BrokenPipe.into()), buffer)
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    async fn shutdown(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where the count is not known, nothing is sent again.
#[test]
fn b_a_failure_without_a_count_breaks_the_writer() {
    run(async || {
        let mut writer = BufWriter::with_capacity(4, Mute);
        writer.write_all(b"abc").await.unwrap();
        assert_eq!(writer.flush().await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        all_calls_fail(&mut writer).await;
        let mut writer = BufWriter::with_capacity(4, Mute);
        let error = AsyncWrite::write_all(&mut writer, "abcd").await.0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        all_calls_fail(&mut writer).await;
    });
}
