//! Sources and sinks: sockets, memory, references; and what the default of `write_all` promises.

use crate::pieces::Pieces;
use crate::run;
use crate::support::pair;
use crate::support::random::{Random, seeds};
use nestling::buf::{BufResult, IoBuf};
use nestling::io::{AsyncRead, AsyncWrite};
use nestling::net::transferred;
use std::io::{self, Cursor, ErrorKind, Read, Write};

/// Reads to the end, in buffers of so many bytes.
async fn all(mut reader: impl AsyncRead, capacity: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let (result, buffer) = reader.read(Vec::with_capacity(capacity)).await;
        match result.unwrap() {
            0 => return bytes,
            length => {
                assert_eq!(length, buffer.len());
                bytes.extend(buffer);
            }
        }
    }
}

#[test]
fn memory_is_read_to_its_end() {
    run(async || {
        let bytes = Vec::from_iter(0..100_u8);
        assert_eq!(all(&bytes[..], 7).await, bytes);
        let mut cursor = Cursor::new(&bytes);
        assert_eq!(all(&mut cursor, 7).await, bytes);
        assert_eq!(cursor.position(), 100);
        cursor.set_position(98);
        assert_eq!(all(&mut cursor, 7).await, [98, 99]);
        for beyond in [101, u64::MAX] {
            cursor.set_position(beyond);
            assert!(all(&mut cursor, 7).await.is_empty());
            assert_eq!(cursor.position(), beyond);
        }
    });
}

/// What was in the buffer is overwritten from its start, and no more of it than was read.
#[test]
fn memory_is_read_over_what_was_there() {
    run(async || {
        let (result, buffer) = AsyncRead::read(&mut &b"ab"[..], b"wxyz".to_vec()).await;
        assert_eq!((result.unwrap(), &buffer[..]), (2, &b"abyz"[..]));
    });
}

/// Each direction has a reference to the stream of its own.
#[test]
fn both_directions_of_a_socket() {
    run(async || {
        let (stream, mut peer) = pair();
        let (mut reader, mut writer) = (&stream, &stream);
        peer.write_all(b"ping").unwrap();
        let (result, buffer) = AsyncRead::read(&mut reader, vec![0; 8]).await;
        assert_eq!(&buffer[..result.unwrap()], b"ping");
        AsyncWrite::write_all(&mut writer, "po").await.0.unwrap();
        assert_eq!(AsyncWrite::write(&mut writer, "ng").await.0.unwrap(), 2);
        writer.flush().await.unwrap();
        AsyncWrite::shutdown(&mut writer).await.unwrap();
        let mut seen = String::new();
        peer.read_to_string(&mut seen).unwrap();
        assert_eq!(seen, "pong");
        // The other direction is still open.
        peer.write_all(b"more").unwrap();
        drop(peer);
        assert_eq!(all(reader, 3).await, b"more");
    });
}

/// The stream itself, and a reference to a reference.
#[test]
fn a_socket_is_a_source_and_a_sink() {
    async fn talk<S: AsyncRead + AsyncWrite>(mut stream: S) {
        stream.write_all("hello").await.0.unwrap();
        assert_eq!(stream.write("!").await.0.unwrap(), 1);
        stream.flush().await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(all(&mut stream, 2).await, b"hi");
    }
    run(async || {
        for owned in [false, true] {
            let (mut stream, mut peer) = pair();
            peer.write_all(b"hi").unwrap();
            peer.shutdown(std::net::Shutdown::Write).unwrap();
            match owned {
                true => talk(stream).await,
                false => talk(&mut &mut stream).await,
            }
            let mut seen = String::new();
            peer.read_to_string(&mut seen).unwrap();
            assert_eq!(seen, "hello!");
        }
    });
}

/// A sink that takes one byte less each time, and at last fails or takes none.
struct Failing(Vec<u8>, usize, Option<ErrorKind>);

impl AsyncWrite for Failing {
    async fn write<B: IoBuf>(&mut self, buffer: B) -> BufResult<usize, B> {
        let length = self.1.min(buffer.io_len());
        self.1 -= length.min(1);
        if let (0, Some(kind)) = (length, self.2) {
            return (Err(kind.into()), buffer);
        }
        self.0.extend(&buffer.as_bytes()[..length]);
        (Ok(length), buffer)
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    async fn shutdown(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A failed `write_all` tells how many bytes had gone.
#[test]
fn write_all_tells_what_had_gone() {
    run(async || {
        for (failure, kind) in
            [(None, ErrorKind::WriteZero), (Some(ErrorKind::BrokenPipe), ErrorKind::BrokenPipe)]
        {
            let mut sink = Failing(Vec::new(), 3, failure);
            let (result, buffer) = sink.write_all(b"abcdefgh".to_vec()).await;
            let error = result.unwrap_err();
            assert_eq!((transferred(&error), error.kind()), (Some(6), kind));
            assert_eq!((&sink.0[..], &buffer[..]), (&b"abcdef"[..], &b"abcdefgh"[..]));
        }
    });
}

/// Whatever pieces are taken, all goes, in order; of a slice, what is in it.
#[test]
fn write_all_in_any_pieces() {
    for seed in seeds(0..100) {
        let mut random = Random::new(seed);
        let bytes = Vec::from_iter((0..random.below(300)).map(|at| at as u8));
        let most = 1 + random.below(20);
        let start = random.below(bytes.len() + 1);
        let written = run(async || {
            let mut sink = Pieces::new(Vec::new(), &mut random, most);
            let (result, part) = sink.write_all(bytes.clone().slice(start..)).await;
            result.unwrap();
            assert_eq!(part.into_inner(), bytes);
            sink.into_inner()
        });
        assert_eq!(written, bytes[start..], "seed {seed}");
    }
}

/// After a failure, the count says where to go on.
#[test]
fn write_all_that_fails_goes_on_from_its_count() {
    for seed in seeds(0..100) {
        let mut random = Random::new(seed);
        let bytes = Vec::from_iter((0..random.below(300)).map(|at| at as u8));
        let written = run(async || {
            let mut sink = Pieces::new(Vec::new(), &mut random, 20).failing(20);
            let mut done = 0;
            while let Err(error) = sink.write_all(bytes.clone().slice(done..)).await.0 {
                done += transferred(&error).unwrap();
            }
            sink.into_inner()
        });
        assert_eq!(written, bytes, "seed {seed}");
    }
}

/// Whatever pieces come, and whatever the buffers hold, all is read, in order.
#[test]
fn reads_in_any_pieces() {
    for seed in seeds(0..100) {
        let mut random = Random::new(seed);
        let bytes = Vec::from_iter((0..random.below(300)).map(|at| at as u8));
        let (most, capacity) = (1 + random.below(20), 1 + random.below(30));
        let read = run(async || all(Pieces::new(&bytes[..], &mut random, most), capacity).await);
        assert_eq!(read, bytes, "seed {seed}");
    }
}
