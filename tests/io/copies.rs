//! Copies: their count, their flushes, and what is left when one fails or is cut.

use crate::pieces::Pieces;
use crate::run;
use crate::support::random::{Random, seeds};
use crate::support::{pair, poll_once, turn};
use nestling::buf::{BufResult, IoBuf};
use nestling::io::{AsyncWrite, copy, copy_with};
use nestling::net::transferred;
use nestling::{is_cancelled, nursery};
use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::pin::pin;

/// Whatever pieces are read and written, all comes, in order, and is counted.
#[test]
fn a_copy_in_any_pieces() {
    for seed in seeds(0..100) {
        let mut random = Random::new(seed);
        let bytes = Vec::from_iter((0..random.below(500)).map(|at| at as u8));
        let most = 1 + random.below(40);
        let size = random.below(50);
        let copied = run(async || {
            let mut reader = Pieces::new(&bytes[..], &mut random, most);
            let mut writer = Pieces::new(Vec::new(), &mut random, most);
            let copied = match size {
                0 => copy(&mut reader, &mut writer).await.unwrap(),
                _ => copy_with(&mut reader, &mut writer, size).await.unwrap(),
            };
            assert_eq!(copied, bytes.len() as u64);
            writer.into_inner()
        });
        assert_eq!(copied, bytes, "seed {seed}");
    }
}

/// A buffer of no size would take every source for empty.
#[test]
fn a_copy_with_no_buffer_has_one_of_one_byte() {
    run(async || {
        let mut copied = Vec::new();
        assert_eq!(copy_with(&mut &b"abc"[..], &mut copied, 0).await.unwrap(), 3);
        assert_eq!(copied, b"abc");
    });
}

/// Whichever side fails, the count is that of the bytes which the writer has taken.
#[test]
fn a_copy_that_fails_tells_what_the_writer_has() {
    let mut failed = 0;
    for seed in seeds(0..100) {
        let mut random = Random::new(seed);
        let bytes = Vec::from_iter((0..200).map(|at| at as u8));
        let most = 1 + random.below(40);
        let (reading, writing) = (random.below(10), random.below(10));
        run(async || {
            let mut reader = Pieces::new(&bytes[..], &mut random, most).failing(reading);
            let mut writer = Pieces::new(Vec::new(), &mut random, most).failing(writing);
            let result = copy_with(&mut reader, &mut writer, 30).await;
            let copied = writer.into_inner();
            assert_eq!(copied, bytes[..copied.len()], "seed {seed}");
            match result {
                Ok(count) => assert_eq!(count, 200, "seed {seed}"),
                Err(error) => {
                    failed += 1;
                    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                    assert_eq!(transferred(&error), Some(copied.len()), "seed {seed}");
                }
            }
        });
    }
    assert!(failed > 0, "some are to fail");
}

/// A sink with a buffer of its own, which is all that is to be seen in it.
#[derive(Default)]
struct Holding {
    held: Vec<u8>,
    flushed: Vec<u8>,
    fails: bool,
}

impl AsyncWrite for Holding {
    async fn write<B: IoBuf>(&mut self, buffer: B) -> BufResult<usize, B> {
        AsyncWrite::write(&mut self.held, buffer).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        match self.fails {
            true => Err(ErrorKind::BrokenPipe.into()),
            false => {
                self.flushed.append(&mut self.held);
                Ok(())
            }
        }
    }

    async fn shutdown(&mut self) -> io::Result<()> {
        self.flush().await
    }
}

/// What has come is flushed although more may come.
#[test]
fn a_copy_that_waits_has_flushed() {
    run(async || {
        let (stream, peer) = pair();
        let mut writer = Holding::default();
        (&peer).write_all(b"abc").unwrap();
        {
            let mut reader = &stream;
            let mut copying = pin!(copy(&mut reader, &mut writer));
            for _ in 0..3 {
                assert!(poll_once(copying.as_mut()).await.is_pending());
                turn().await;
            }
        }
        assert_eq!(writer.flushed, b"abc");
        // The copy was dropped while it read, and nothing is lost.
        (&peer).write_all(b"de").unwrap();
        drop(peer);
        assert_eq!(copy(&mut &stream, &mut writer).await.unwrap(), 2);
        assert_eq!(writer.flushed, b"abcde");
    });
}

#[test]
fn a_flush_that_fails_is_an_error_of_the_copy() {
    run(async || {
        let mut writer = Holding { fails: true, ..Holding::default() };
        let error = copy(&mut &b"abc"[..], &mut writer).await.unwrap_err();
        assert_eq!((error.kind(), transferred(&error)), (ErrorKind::BrokenPipe, Some(3)));
    });
}

/// A copy into a socket that takes no more is cancelled: the peer has as many bytes as the error
/// says.
#[test]
fn r17_a_cancelled_copy_tells_what_the_peer_has() {
    run(async || {
        let (stream, mut peer) = pair();
        let bytes = vec![7; 1 << 20];
        let told = Cell::new(0);
        let result = nursery(async |n| {
            n.spawn(async {
                let error = copy(&mut &bytes[..], &mut &stream).await.unwrap_err();
                assert!(is_cancelled(&error));
                told.set(transferred(&error).unwrap());
                Ok(())
            });
            for _ in 0..100 {
                turn().await;
            }
            n.cancel();
            Ok::<_, io::Error>(())
        });
        result.await.unwrap();
        stream.close().await.unwrap();
        let mut seen = Vec::new();
        peer.read_to_end(&mut seen).unwrap();
        assert!(told.get() > 0, "some has gone before the socket was full");
        assert_eq!(seen.len(), told.get());
    });
}
