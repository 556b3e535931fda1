//! Streams and halves as what the crate `futures` reads from and writes to.

use crate::foreign::{echo, pattern};
use crate::run;
use crate::support::{pair, poll_once, sees_the_end, tcp_pair};
use futures_util::{AsyncReadExt, AsyncWriteExt};
use nestling::io::nursery;
use nestling::net::UnixStream;
use std::io::{IoSlice, Read, Write};
use std::pin::pin;

/// From 1 B to 1 MiB.
#[test]
fn futures_bytes_are_exact() {
    run(async || {
        for length in [1, 1000, 65_537, 1 << 20] {
            let (stream, peer) = tcp_pair("127.0.0.1:0").await;
            let peer = echo(peer);
            let sent = pattern(length);
            let (mut reads, mut writes) = stream.into_split();
            nursery(async |n| {
                n.spawn(async {
                    AsyncWriteExt::write_all(&mut writes, &sent).await?;
                    writes.flush().await?;
                    writes.close().await
                });
                let mut back = Vec::new();
                reads.read_to_end(&mut back).await?;
                assert!(back == sent, "{length} bytes");
                Ok(())
            })
            .await
            .unwrap();
            peer.join().unwrap();
        }
    });
}

#[test]
fn several_buffers_go_at_once() {
    run(async || {
        let (mut stream, mut peer) = pair();
        let parts = [IoSlice::new(b"head"), IoSlice::new(b""), IoSlice::new(b"body")];
        assert_eq!(AsyncWriteExt::write_vectored(&mut stream, &parts).await.unwrap(), 8);
        let mut seen = [0; 8];
        peer.read_exact(&mut seen).unwrap();
        assert_eq!(&seen, b"headbody");
    });
}

#[test]
fn b8_a_close_is_a_half_close() {
    run(async || {
        let (mut stream, mut peer) = pair();
        peer.write_all(b"late").unwrap();
        AsyncWriteExt::close(&mut stream).await.unwrap();
        assert!(sees_the_end(&mut peer));
        let mut buffer = [0; 4];
        AsyncReadExt::read_exact(&mut stream, &mut buffer).await.unwrap();
        assert_eq!(&buffer, b"late");
        let (one, mut other) = UnixStream::pair().unwrap();
        AsyncWriteExt::close(&mut &one).await.unwrap();
        assert_eq!(AsyncReadExt::read(&mut other, &mut buffer).await.unwrap(), 0);
    });
}

/// The trait's `split` takes the stream, before the stream's own one is looked for; each half is
/// dropped in the middle of a wait.
#[test]
fn r17_a_dropped_read_loses_nothing() {
    run(async || {
        let (stream, mut peer) = pair();
        let (mut read, _write) = AsyncReadExt::split(stream);
        for byte in 0..3 {
            let mut buffer = [0; 4];
            assert!(poll_once(pin!(read.read(&mut buffer))).await.is_pending());
            peer.write_all(&[byte]).unwrap();
            assert_eq!(read.read(&mut buffer).await.unwrap(), 1);
            assert_eq!(buffer[0], byte);
        }
    });
}
