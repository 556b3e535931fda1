//! Halves: two owners of one connection, and what the end of each means.

use crate::support::{pair, sees_the_end, tcp_pair, turn};
use crate::{answered, run};
use nestling::net::{TcpListener, TcpStream};
use nestling::nursery;
use std::io::{self, ErrorKind, Read, Write};

/// FAILURES I3: a client that has said all still hears the answer.
#[test]
fn i3_a_dropped_write_half_ends_its_direction_alone() {
    run(async || {
        let (stream, mut peer) = tcp_pair("127.0.0.1:0").await;
        let (read, write) = stream.into_split();
        write.write_all("question").await.0.unwrap();
        drop(write);
        let mut heard = String::new();
        peer.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "question");
        peer.write_all(b"answer").unwrap();
        assert_eq!(read.read_exact(vec![0; 6]).await.1, b"answer");
    });
}

#[test]
fn i3_a_dropped_read_half_ends_nothing() {
    run(async || {
        let (stream, mut peer) = pair();
        let (read, write) = stream.into_split();
        drop(read);
        write.write_all("still").await.0.unwrap();
        let mut heard = [0; 5];
        peer.read_exact(&mut heard).unwrap();
        peer.write_all(b"and back").unwrap();
        drop(write);
        assert!(sees_the_end(&mut peer));
    });
}

#[test]
fn i3_a_forgotten_write_half_leaves_its_direction_open() {
    run(async || {
        let (stream, mut peer) = pair();
        let (read, write) = stream.into_split();
        write.forget();
        peer.set_nonblocking(true).unwrap();
        let open = peer.read(&mut [0; 8]).unwrap_err();
        assert_eq!(open.kind(), ErrorKind::WouldBlock);
        drop(read);
        turn().await;
        assert_eq!(peer.read(&mut [0; 8]).unwrap(), 0);
    });
}

/// FAILURES B7: halves that are together again are one stream, which is closed once, and what they
/// had received for a read that was dropped is still there.
#[test]
fn b7_reunited_halves_are_the_stream_that_they_were() {
    run(async || {
        for from_reader in [true, false] {
            let (stream, mut peer) = pair();
            let (read, write) = stream.into_split();
            drop(answered(read.read(vec![0; 8]), || peer.write_all(b"abc").unwrap()).await);
            let stream = match from_reader {
                true => read.reunite(write).unwrap(),
                false => write.reunite(read).unwrap(),
            };
            assert_eq!(stream.read_exact(vec![0; 3]).await.1, b"abc");
            stream.write_all("open").await.0.unwrap();
            let mut heard = [0; 4];
            peer.read_exact(&mut heard).unwrap();
            assert_eq!(&heard, b"open");
            stream.close().await.unwrap();
            assert!(sees_the_end(&mut peer));
        }
    });
}

#[test]
fn b7_halves_of_two_streams_come_back() {
    run(async || {
        let ((one, _peer), (two, mut other)) = (pair(), pair());
        let (read, write) = one.into_split();
        let (read_two, write_two) = two.into_split();
        let error = read.reunite(write_two).unwrap_err();
        assert!(error.to_string().contains("two connections"), "{error}");
        let (read, write_two) = (error.0, error.1);
        write_two.write_all("open").await.0.unwrap();
        let mut heard = [0; 4];
        other.read_exact(&mut heard).unwrap();
        read.reunite(write).unwrap();
        write_two.reunite(read_two).unwrap();
    });
}

/// Two children own a direction each.
#[test]
fn halves_go_to_two_children() {
    run(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let result = nursery(async |n| {
            let (read, write) = client.into_split();
            let received = n.spawn(async move {
                let mut all = Vec::new();
                loop {
                    let (result, buffer) = read.read(vec![0; 1024]).await;
                    match result? {
                        0 => return Ok::<_, io::Error>(all),
                        length => all.extend_from_slice(&buffer[..length]),
                    }
                }
            });
            n.spawn(async move {
                for part in 0..100u8 {
                    write.write_all(vec![part; 1000]).await.0?;
                }
                Ok(())
            });
            n.spawn(async {
                let (from, to) = server.split();
                loop {
                    let (result, mut buffer) = from.read(vec![0; 4096]).await;
                    let length = result?;
                    buffer.truncate(length);
                    if length == 0 {
                        return to.shutdown().await;
                    }
                    to.write_all(buffer).await.0?;
                }
            });
            received.await.map_err(io::Error::from)
        });
        let expected: Vec<u8> = (0..100u8).flat_map(|part| [part; 1000]).collect();
        assert!(result.await.unwrap() == expected);
    });
}
