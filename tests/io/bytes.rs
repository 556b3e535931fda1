//! The buffers of the crate `bytes`, lent to sockets.

use crate::run;
use crate::support::{pair, poll_once, turn};
use bytes::{BufMut, Bytes, BytesMut};
use nestling::buf::IoBuf;
use std::io::{Read, Write};
use std::pin::pin;

/// An owner whose bytes are inside of it.
struct Inline([u8; 5]);

impl AsRef<[u8]> for Inline {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[test]
fn a_socket_sends_bytes() {
    run(async || {
        let (stream, mut peer) = pair();
        let shared = Bytes::from(b"xxhello".to_vec());
        stream.write_all(Bytes::slice(&shared, 2..)).await.0.unwrap();
        stream.write_all(Bytes::from_static(b", ")).await.0.unwrap();
        stream.write_all(Bytes::from_owner(Inline(*b"world"))).await.0.unwrap();
        stream.write_all(BytesMut::from("!??").slice(..1)).await.0.unwrap();
        let mut seen = [0; 13];
        peer.read_exact(&mut seen).unwrap();
        assert_eq!(&seen, b"hello, world!");
        assert_eq!(shared, "xxhello");
    });
}

/// A part that was split off is filled up to its own end.
#[test]
fn a1_a_socket_fills_one_part_of_shared_memory() {
    run(async || {
        let (stream, mut peer) = pair();
        let mut first = BytesMut::with_capacity(1024);
        first.put_slice(b"abcdef");
        let rest = first.split_off(6);
        let middle = first.split_off(3);
        assert_eq!((middle.len(), middle.io_capacity()), (3, 3));
        peer.write_all(b"12345").unwrap();
        let (result, middle) = stream.read(middle).await;
        assert_eq!((result.unwrap(), &middle[..]), (3, &b"123"[..]));
        let (result, rest) = stream.read(rest).await;
        assert_eq!((result.unwrap(), &rest[..]), (2, &b"45"[..]));
        assert_eq!(first, "abc");
    });
}

/// What was lent stays as long as the kernel has it, although the future is dropped.
#[test]
fn a1_a_dropped_read_keeps_the_memory() {
    run(async || {
        let (stream, mut peer) = pair();
        {
            let mut read = pin!(stream.read(BytesMut::with_capacity(64)));
            assert!(poll_once(read.as_mut()).await.is_pending());
            turn().await;
            peer.write_all(b"abc").unwrap();
        }
        let (result, buffer) = stream.read_exact(BytesMut::zeroed(3)).await;
        result.unwrap();
        assert_eq!(buffer, "abc");
    });
}
