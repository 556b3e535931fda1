//! Clients that behave badly harm no other client.

use crate::client::pattern;
use crate::process::eventually;
use crate::server::Server;

#[test]
fn i3_half_close_is_echoed_to_the_end() {
    let server = Server::start(&[]);
    server.client().send_and_half_close(b"");
    server.client().send_and_half_close(b"x");
    server.client().send_and_half_close(&pattern(1 << 20, 1));
    server.finish();
}

#[test]
fn i4_a_reset_ends_its_connection_alone() {
    let server = Server::start(&[]);
    let mut bystander = server.client();
    for round in 0..20 {
        // The server waits for it to send,
        let mut idle = server.client();
        idle.round_trip(b"hello");
        idle.reset();
        // or has something to send to it,
        let mut busy = server.client();
        busy.send(&pattern(100_000, round));
        busy.reset();
        // or has not accepted it yet.
        server.client().reset();
        bystander.round_trip(&pattern(1000, round));
    }
    eventually("only the bystander is left", || server.clients() == 1);
    drop(bystander);
    server.finish();
}

#[test]
fn i4_a_reset_while_the_server_sends_ends_its_connection_alone() {
    let server = Server::start(&[]);
    let mut stalled = server.client();
    stalled.send_until_full();
    assert_eq!(server.clients(), 1);
    stalled.reset();
    eventually("its child has ended", || server.clients() == 0);
    server.finish();
}

#[test]
fn a_client_that_reads_nothing_stalls_itself_alone() {
    let server = Server::start(&["--cores", "1"]);
    let mut stalled = server.client();
    let sent = stalled.send_until_full();
    // On the one core there is.
    for seed in 0..50 {
        server.client().round_trip(&pattern(10_000, seed));
    }
    // It was slow, not wrong: all is there when it reads at last.
    stalled.expect(&sent);
    stalled.round_trip(b"and more");
    drop(stalled);
    server.finish();
}

#[test]
fn i7_clients_that_send_byte_by_byte_hold_nobody_up() {
    let server = Server::start(&["--cores", "1"]);
    let mut slow: Vec<_> = (0..20).map(|_| server.client()).collect();
    for byte in pattern(10, 1) {
        for client in &mut slow {
            // Each byte is answered before the next is sent.
            client.round_trip(&[byte]);
        }
        // All this while the next byte is not there yet.
        server.assert_serves();
    }
    drop(slow);
    server.finish();
}

#[test]
fn b1_clients_that_connect_and_vanish_leave_nothing_behind() {
    let server = Server::start(&[]);
    for _ in 0..300 {
        drop(server.client());
        server.client().reset();
    }
    server.assert_serves();
    eventually("all are closed", || server.clients() == 0);
    server.finish();
}
