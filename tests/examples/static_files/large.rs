//! Large files, which go past the memory of the server: to clients of every kind, byte for byte.

use super::Server;
use super::folders::Root;
use socket2::SockRef;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Bytes of a large file that differ from those at any other place near.
fn large(root: &Root) -> Vec<u8> {
    let bytes = Vec::from_iter((0..9_000_000_u32).map(|at| (at ^ at >> 8 ^ at >> 16) as u8));
    fs::write(root.path.join("large"), &bytes).unwrap();
    bytes
}

/// A client that has asked for a large file, of which it has read no more than the head.
fn with_head(server: &Server, headers: &str) -> TcpStream {
    let mut client = server.client();
    // Little of it is under way.
    SockRef::from(&client).set_recv_buffer_size(64 << 10).unwrap();
    write!(client, "GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n").unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    client
}

/// Clients that read slowly, that break off, and that want a part, all of the same file: each gets
/// its bytes, and those that are left nothing of others'.
#[test]
fn clients_of_every_pace_get_their_own_bytes() {
    let root = Root::new("paces");
    let bytes = large(&root);
    let server = root.server(&[]);
    let mut slow = with_head(&server, "");
    for _ in 0..40 {
        // More than a core has pipes, all of them full: it resets.
        let broken = with_head(&server, "");
        SockRef::from(&broken).set_linger(Some(Duration::ZERO)).unwrap();
    }
    let mut part = with_head(&server, "Range: bytes=1234567-7654321\r\n");
    let mut received = vec![0; 1_000];
    slow.read_exact(&mut received).unwrap();
    let mut ranged = Vec::new();
    part.read_to_end(&mut ranged).unwrap();
    assert!(ranged == bytes[1_234_567..=7_654_321]);
    slow.read_to_end(&mut received).unwrap();
    assert!(received == bytes);
    server.stopped();
}

/// It is told a length, and the file has become shorter since: the connection ends early.
#[test]
fn a_file_that_is_cut_while_it_is_sent_ends_the_connection() {
    let root = Root::new("cut");
    let bytes = large(&root);
    let server = root.server(&[]);
    let mut client = with_head(&server, "");
    let file = fs::File::options().write(true).open(root.path.join("large")).unwrap();
    file.set_len(8_500_000).unwrap();
    let mut received = Vec::new();
    client.read_to_end(&mut received).unwrap();
    assert!(received == bytes[..8_500_000]);
    server.stopped();
}
