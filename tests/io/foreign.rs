//! Streams and halves as what the crate `tokio` reads from and writes to; and what features bring.
//!
//! What polled reads and writes promise is in `tests/net/polled.rs`; here it is that the traits
//! hand on to them. `foreign_futures.rs` has the crate `futures`.

use crate::run;
use crate::support::{pair, poll_once, sees_the_end, tcp_pair, turn};
use nestling::io::nursery;
use nestling::is_cancelled;
use nestling::net::UnixStream;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::pin::pin;
use std::process::Command;
use std::thread;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

/// Sends back what it reads, to its end, as a peer that blocks.
pub(crate) fn echo(mut peer: std::net::TcpStream) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut back = peer.try_clone().unwrap();
        std::io::copy(&mut peer, &mut back).unwrap();
        back.shutdown(Shutdown::Write).unwrap();
    })
}

/// From 1 B to 1 MiB, through the foreign crates' own loops; `polled.rs` has 64 MiB.
#[test]
fn tokio_bytes_are_exact() {
    run(async || {
        for length in [1, 1000, 65_537, 1 << 20] {
            let (stream, peer) = tcp_pair("127.0.0.1:0").await;
            let peer = echo(peer);
            let sent = pattern(length);
            nursery(async |n| {
                n.spawn(async {
                    let mut writes = &stream;
                    AsyncWriteExt::write_all(&mut writes, &sent).await?;
                    AsyncWriteExt::flush(&mut writes).await?;
                    AsyncWriteExt::shutdown(&mut writes).await
                });
                let mut back = Vec::new();
                AsyncReadExt::read_to_end(&mut &stream, &mut back).await?;
                assert!(back == sent, "{length} bytes");
                Ok(())
            })
            .await
            .unwrap();
            peer.join().unwrap();
        }
    });
}

/// Tokio's own split locks the stream for each poll, and has one task for each half.
#[test]
fn f4_split_by_tokio_and_copied_by_tokio() {
    run(async || {
        let (left, mut client) = tcp_pair("127.0.0.1:0").await;
        let (right, server) = tcp_pair("127.0.0.1:0").await;
        let server = echo(server);
        let sent = pattern(300_000);
        let talk = thread::spawn(move || {
            let mut writes = client.try_clone().unwrap();
            let sending = thread::spawn(move || {
                writes.write_all(&pattern(300_000)).unwrap();
                writes.shutdown(Shutdown::Write).unwrap();
            });
            let mut back = Vec::new();
            client.read_to_end(&mut back).unwrap();
            sending.join().unwrap();
            back
        });
        let (mut from_left, mut to_left) = tokio::io::split(left);
        let (mut from_right, mut to_right) = tokio::io::split(right);
        nursery(async |n| {
            n.spawn(async {
                let there = tokio::io::copy(&mut from_left, &mut to_right).await?;
                assert_eq!(there, 300_000);
                to_right.shutdown().await
            });
            let back = tokio::io::copy(&mut from_right, &mut to_left).await?;
            assert_eq!(back, 300_000);
            to_left.shutdown().await
        })
        .await
        .unwrap();
        assert!(talk.join().unwrap() == sent);
        server.join().unwrap();
    });
}

/// The parts go as one send, or in as many as it takes; and memory that is received into was never
/// initialised.
#[test]
fn several_buffers_and_memory_without_bytes() {
    run(async || {
        let (mut stream, mut peer) = pair();
        assert!(tokio::io::AsyncWrite::is_write_vectored(&stream));
        let parts = [IoSlice::new(b"head"), IoSlice::new(b""), IoSlice::new(b"body")];
        assert_eq!(AsyncWriteExt::write_vectored(&mut stream, &parts).await.unwrap(), 8);
        let mut seen = [0; 8];
        peer.read_exact(&mut seen).unwrap();
        assert_eq!(&seen, b"headbody");
        peer.write_all(b"answer").unwrap();
        let mut buffer = Vec::with_capacity(16);
        buffer.push(b'>');
        assert_eq!(AsyncReadExt::read_buf(&mut stream, &mut buffer).await.unwrap(), 6);
        assert_eq!(buffer, b">answer");
    });
}

/// Reads of both kinds in turn, some of them dropped: each byte once, in order.
#[test]
fn r17_owned_and_polled_reads_share_a_stream() {
    run(async || {
        let (mut stream, mut peer) = pair();
        for round in 0..3_u8 {
            {
                let mut buffer = [0; 4];
                let mut polled = pin!(AsyncReadExt::read(&mut stream, &mut buffer));
                assert!(poll_once(polled.as_mut()).await.is_pending());
            }
            {
                let mut owned = Box::pin(stream.read(vec![0; 4]));
                assert!(poll_once(owned.as_mut()).await.is_pending());
                turn().await;
            }
            peer.write_all(&[round, 10, 20, 30, 40, 50]).unwrap();
            let mut buffer = [0; 2];
            assert_eq!(AsyncReadExt::read_exact(&mut stream, &mut buffer).await.unwrap(), 2);
            assert_eq!(buffer, [round, 10]);
            assert_eq!(stream.read_exact(vec![0; 2]).await.1, [20, 30]);
            assert_eq!(AsyncReadExt::read_exact(&mut stream, &mut buffer).await.unwrap(), 2);
            assert_eq!(buffer, [40, 50]);
        }
    });
}

/// A half that closes by a trait ends its direction, and not the other one.
#[test]
fn b8_a_half_close_sends_the_end() {
    run(async || {
        let (one, mut peer) = pair();
        peer.write_all(b"late").unwrap();
        let (mut read, mut write) = one.split();
        AsyncWriteExt::shutdown(&mut write).await.unwrap();
        assert!(sees_the_end(&mut peer));
        AsyncWriteExt::shutdown(&mut write).await.unwrap();
        let mut buffer = [0; 4];
        AsyncReadExt::read_exact(&mut read, &mut buffer).await.unwrap();
        assert_eq!(&buffer, b"late");
        drop(peer);
        let error = AsyncWriteExt::write(&mut write, b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        let (mut one, mut other) = UnixStream::pair().unwrap();
        AsyncWriteExt::shutdown(&mut one).await.unwrap();
        assert_eq!(AsyncReadExt::read(&mut other, &mut buffer).await.unwrap(), 0);
    });
}

#[test]
fn r06_a_foreign_loop_hears_of_a_cancel_once() {
    run(async || {
        let (mut stream, _peer) = pair();
        let mut heard = None;
        nursery(async |n| {
            n.spawn(async {
                let error = AsyncReadExt::read_u8(&mut stream).await.unwrap_err();
                assert!(heard.replace(error).is_none());
                let _ = AsyncWriteExt::shutdown(&mut stream).await;
                unreachable!("the next wait does not return");
            });
            turn().await;
            n.cancel();
            Ok(())
        })
        .await
        .unwrap();
        assert!(is_cancelled(&heard.unwrap()));
    });
}

/// Crates that a feature brings, by the crate; none of them comes without.
#[test]
fn features_bring_their_crates() {
    let tree = |feature: &str| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
        cargo.args(["tree", "--offline", "--locked", "-p", "nestling", "-e", "normal"]);
        cargo.args(["--prefix", "none", "--no-default-features", "--features", feature]);
        let output = cargo.output().expect("cargo");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let has =
        |tree: &str, name: &str| tree.lines().any(|line| line.split(' ').next() == Some(name));
    // What users get who ask for nothing.
    let bare = tree("default");
    for (feature, crates) in [
        ("bytes", &["bytes"][..]),
        ("chrome-trace", &["serde_json"]),
        ("console", &["tracing"]),
        ("futures-io", &["futures-io"]),
        ("hyper", &["hyper", "send_wrapper"]),
        ("prometheus", &["prometheus-client"]),
        ("tokio-io", &["tokio"]),
        ("tracing", &["tracing"]),
    ] {
        let with = tree(feature);
        for name in crates {
            assert!(has(&with, name), "{feature} brings no {name}:\n{with}");
            assert!(!has(&bare, name), "{name} is there without {feature}:\n{bare}");
        }
    }
}
