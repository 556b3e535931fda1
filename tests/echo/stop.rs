//! Signals end the server: with a drain, with exit code 0, and the port free.

use crate::FOR_EVER;
use crate::client::{Client, pattern};
use crate::process::eventually;
use crate::server::{Server, with_descriptors};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt;

#[track_caller]
fn assert_free(address: SocketAddr) {
    TcpListener::bind(address).unwrap();
}

#[test]
fn sigterm_and_sigint_end_an_idle_server_at_once() {
    for signal in ["TERM", "INT"] {
        let server = Server::start(&["--drain", FOR_EVER]);
        server.assert_serves();
        let address = server.address();
        server.signal(signal);
        server.ended().assert_clean();
        assert_free(address);
    }
}

#[test]
fn the_drain_lets_connections_finish() {
    let server = Server::start(&["--drain", FOR_EVER]);
    let address = server.address();
    let mut clients: Vec<_> = (0..10).map(|_| server.client()).collect();
    clients.iter_mut().for_each(|client| client.round_trip(b"before"));
    server.signal("TERM");
    server.wait_until_it_refuses();
    for (seed, mut client) in (0..).zip(clients) {
        client.round_trip(b"after");
        client.send_and_half_close(&pattern(100_000, seed));
    }
    server.ended().assert_clean();
    assert_free(address);
}

#[test]
fn what_is_left_after_the_drain_is_cancelled() {
    for drain in ["0", "0.2"] {
        let server = Server::start(&["--drain", drain]);
        let address = server.address();
        // It waits for the one to send, for the other to read.
        let mut idle = server.client();
        idle.round_trip(b"hello");
        let mut busy = server.client();
        busy.send_until_full();
        server.signal("TERM");
        server.ended().assert_clean();
        idle.expect_gone();
        busy.expect_gone();
        assert_free(address);
    }
}

#[test]
fn a_server_at_its_limit_hears_the_signal() {
    let server = Server::start(&["--drain", FOR_EVER, "--limit", "1"]);
    let mut served = server.client();
    served.round_trip(b"in");
    let mut waiting: Vec<_> = (0..10).map(|_| server.client()).collect();
    server.signal("TERM");
    server.wait_until_it_refuses();
    waiting.iter_mut().for_each(Client::expect_gone);
    served.round_trip(b"still in");
    drop(served);
    server.ended().assert_clean();
}

#[test]
fn a_server_without_descriptors_hears_the_signal() {
    let server = Server::start_by(with_descriptors(32), &["--drain", FOR_EVER, "--cores", "1"]);
    let clients: Vec<_> = (0..50).map(|_| server.client()).collect();
    eventually("it has no descriptor left", || server.uses_all_below(32));
    server.signal("TERM");
    server.wait_until_it_refuses();
    drop(clients);
    server.ended().assert_clean();
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    for (signal, number) in [("TERM", 15), ("INT", 2)] {
        let server = Server::start(&["--drain", FOR_EVER]);
        let mut client = server.client();
        client.round_trip(b"hello");
        server.signal("TERM");
        server.wait_until_it_refuses();
        server.signal(signal);
        assert_eq!(server.ended().status.signal(), Some(number));
    }
}
