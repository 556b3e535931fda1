//! Bytes in both directions at once, half-closes, and a client that does not read.

use crate::front::{Front, accept, server};
use crate::process::eventually;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

const MANY: usize = 64 << 20;

/// Bytes that differ from those at any other place, nearly.
fn piece(seed: u64, number: usize) -> Vec<u8> {
    let mut state = seed ^ (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let words = (0..8192).flat_map(|_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_le_bytes()
    });
    words.collect()
}

fn send(mut to: &TcpStream, seed: u64) {
    for number in 0..MANY / 65536 {
        to.write_all(&piece(seed, number)).unwrap();
    }
    to.shutdown(Shutdown::Write).unwrap();
}

/// Reads all that [`send`] sends, and the end.
fn expect(mut from: &TcpStream, seed: u64) {
    let mut received = vec![0; 65536];
    for number in 0..MANY / 65536 {
        from.read_exact(&mut received).unwrap();
        assert!(received == piece(seed, number), "piece {number} has changed");
    }
    assert_eq!(from.read(&mut received).unwrap(), 0, "and no more");
}

#[test]
fn all_bytes_arrive_in_both_directions_at_once() {
    let (listener, address) = server();
    let front = Front::start(&[address], &[]);
    let (client, server) = (front.client(), accept(&listener));
    thread::scope(|scope| {
        scope.spawn(|| send(&client, 1));
        scope.spawn(|| send(&server, 2));
        scope.spawn(|| expect(&server, 1));
        expect(&client, 2);
    });
    assert_eq!(front.stopped(), "");
}

#[test]
fn a_half_close_goes_through_and_the_answer_comes_after_it() {
    let (listener, address) = server();
    let front = Front::start(&[address], &[]);
    for _ in 0..3 {
        let (mut client, mut server) = (front.client(), accept(&listener));
        client.write_all(b"question").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut text = String::new();
        server.read_to_string(&mut text).unwrap();
        assert_eq!(text, "question");
        server.write_all(b"answer").unwrap();
        drop(server);
        text.clear();
        client.read_to_string(&mut text).unwrap();
        assert_eq!(text, "answer");
    }
    assert_eq!(front.stopped(), "");
}

/// The server is held up, not served from memory without a bound.
#[test]
fn i2_a_client_that_does_not_read_costs_bounded_memory() {
    let (listener, address) = server();
    let front = Front::start(&[address], &[]);
    let (mut client, mut server) = (front.client(), accept(&listener));
    client.write_all(b"go").unwrap();
    server.read_exact(&mut [0; 2]).unwrap();
    let before = front.resident();
    server.set_nonblocking(true).unwrap();
    let block = vec![7; 1 << 20];
    let mut sent = 0;
    // All buffers on the way are full when the kernel takes no more for a while.
    let mut refusals = 0;
    eventually("the server is held up", || {
        match server.write(&block) {
            Ok(bytes) => (sent, refusals) = (sent + bytes, 0),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                refusals += 1;
            }
        }
        refusals == 100
    });
    let grown = front.resident().saturating_sub(before);
    assert!(grown < 1024, "{grown} KiB more, after {sent} bytes");
    // Nothing is lost: the client reads now.
    let rest = thread::spawn(move || {
        let mut received = 0;
        let mut buffer = vec![0; 1 << 16];
        while received < sent {
            received += client.read(&mut buffer).unwrap();
        }
        received
    });
    assert_eq!(rest.join().unwrap(), sent);
    drop(server);
    assert_eq!(front.stopped(), "");
}
