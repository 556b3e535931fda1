//! Lines: their limit, their ends, and sockets whose reads are dropped.

use crate::run;
use crate::support::random::{Random, seeds};
use crate::support::{pair, poll_once, turn};
use nestling::io::BufReader;
use nestling::net::TcpStream;
use nestling::{nursery, timeout};
use std::cell::Cell;
use std::future::pending;
use std::io::{self, ErrorKind, Write};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// The ends of lines are those of std.
#[test]
fn lines_are_those_of_std() {
    let texts = ["", "\n", "\r\n", "a", "a\r", "a\r\n\r\nb\n\rc\r\r\nd", "\u{1f41d}\n"];
    for text in texts {
        for capacity in 1..10 {
            run(async || {
                let reader = BufReader::with_capacity(capacity, text.as_bytes());
                let (mut lines, mut ours) = (reader.lines(), Vec::new());
                while let Some(line) = lines.next_line().await.unwrap() {
                    ours.push(line);
                }
                assert_eq!(ours, Vec::from_iter(text.lines()), "{text:?}");
            });
        }
    }
}

/// A line of exactly the limit is one; a longer one is an error, whether its end was seen or not,
/// and stays one. It can be read all the same.
#[test]
fn b_a_line_has_a_limit() {
    for text in ["1234\n12345\n", "1234\n1234567890"] {
        for capacity in 1..20 {
            run(async || {
                let mut reader = BufReader::with_capacity(capacity, text.as_bytes());
                reader.set_max_line(5);
                let mut line = String::new();
                assert_eq!(reader.read_line(&mut line).await.unwrap(), 5);
                for _ in 0..2 {
                    let error = reader.read_line(&mut line).await.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::InvalidData);
                    assert!(error.to_string().contains("set_max_line"), "{error}");
                    let error = reader.read_until(b'\n', &mut Vec::new()).await.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::InvalidData);
                }
                assert_eq!(line, "1234\n");
                let mut rest = Vec::new();
                reader.read_to_end(&mut rest).await.unwrap();
                assert_eq!(rest, text.as_bytes()[5..]);
            });
        }
    }
}

/// No peer takes memory without end: the default limit.
#[test]
fn b_an_endless_line_ends() {
    run(async || {
        let endless = vec![b'x'; (1 << 20) + 1];
        let mut reader = BufReader::new(&endless[..]);
        let error = reader.read_line(&mut String::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let mut reader = BufReader::new(&endless[1..]);
        assert_eq!(reader.read_line(&mut String::new()).await.unwrap(), 1 << 20);
    });
}

/// What is not UTF-8 is an error, and the next line comes next.
#[test]
fn a_line_that_is_not_text_is_skipped() {
    for capacity in [2, 100] {
        run(async || {
            let mut reader = BufReader::with_capacity(capacity, &b"one\n\xfftwo\nthree\n"[..]);
            let mut line = String::new();
            reader.read_line(&mut line).await.unwrap();
            let error = reader.read_line(&mut line).await.unwrap_err();
            assert_eq!((error.kind(), &line[..]), (ErrorKind::InvalidData, "one\n"));
            assert_eq!(reader.lines().next_line().await.unwrap().unwrap(), "three");
        });
    }
}

/// Lines over a socket, each call polled a random number of times and dropped: all lines come.
#[test]
fn r17_lines_of_dropped_calls() {
    for seed in seeds(0..30) {
        let mut random = Random::new(seed);
        let sent =
            Vec::from_iter((0..20).map(|line| "ab".repeat(random.below(20)) + &line.to_string()));
        run(async || {
            let (stream, mut peer) = pair();
            let bytes = sent.join("\n") + "\n";
            let mut rest = bytes.as_bytes();
            let mut lines = BufReader::with_capacity(1 + random.below(16), &stream).lines();
            let mut seen = Vec::new();
            while seen.len() < sent.len() {
                let piece = rest.len().min(random.below(30));
                peer.write_all(&rest[..piece]).unwrap();
                rest = &rest[piece..];
                let mut next = pin!(lines.next_line());
                for _ in 0..random.below(8) {
                    if let Poll::Ready(line) = poll_once(next.as_mut()).await {
                        seen.push(line.unwrap().unwrap());
                        break;
                    }
                    if random.percent(50) {
                        turn().await;
                    }
                }
            }
            assert_eq!(seen, sent, "seed {seed}");
        });
    }
}

/// The same for parts of a known length.
#[test]
fn r17_exact_reads_of_dropped_calls() {
    for seed in seeds(0..30) {
        let mut random = Random::new(seed);
        run(async || {
            let (stream, mut peer) = pair();
            let sent = Vec::from_iter((0..200).map(|at| at as u8));
            let mut rest = &sent[..];
            let mut reader = BufReader::with_capacity(1 + random.below(16), &stream);
            let mut seen = Vec::new();
            while seen.len() < sent.len() {
                let piece = rest.len().min(random.below(30));
                peer.write_all(&rest[..piece]).unwrap();
                rest = &rest[piece..];
                let mut part = vec![0; (1 + random.below(20)).min(sent.len() - seen.len())];
                let is_read = {
                    let mut read = pin!(reader.read_exact(&mut part));
                    let mut is_read = false;
                    for _ in 0..random.below(8) {
                        if let Poll::Ready(result) = poll_once(read.as_mut()).await {
                            result.unwrap();
                            is_read = true;
                            break;
                        }
                        turn().await;
                    }
                    is_read
                };
                if is_read {
                    seen.extend(part);
                }
            }
            assert_eq!(seen, sent, "seed {seed}");
        });
    }
}

/// The time is up in the middle of a line, and a child is cut there: the next call has all of it.
#[test]
fn r17_half_a_line_outlives_a_cancelled_call() {
    async fn half(reader: &mut BufReader<&TcpStream>) {
        let late = timeout(Duration::ZERO, reader.read_line(&mut String::new())).await;
        assert!(late.is_err() || late.is_ok_and(|line| line.is_err()));
    }
    run(async || {
        let (stream, mut peer) = pair();
        let mut reader = BufReader::new(&stream);
        peer.write_all(b"hel").unwrap();
        half(&mut reader).await;
        let began = Cell::new(false);
        let result = nursery(async |n| {
            n.spawn(async {
                began.set(true);
                let mut line = String::new();
                let _ = reader.read_line(&mut line).await;
                assert_eq!(line, "");
                pending::<()>().await;
                Ok(())
            });
            turn().await;
            turn().await;
            n.cancel();
            Ok::<_, io::Error>(())
        });
        result.await.unwrap();
        assert!(began.get());
        peer.write_all(b"lo\n").unwrap();
        let mut line = String::new();
        reader.read_line(&mut line).await.unwrap();
        assert_eq!(line, "hello\n");
    });
}
