//! All bytes come back: of any number, and to any number of clients.

use crate::client::{Client, pattern};
use crate::process::eventually;
use crate::server::{Server, example};
use std::process::Command;

/// Around the powers of two at which buffers end, up to 4 MiB.
const SIZES: [usize; 13] =
    [1, 2, 127, 4095, 4096, 4097, 8191, 8192, 8193, 65_536, 100_003, 1 << 20, 4 << 20];

#[test]
fn every_size_comes_back_byte_for_byte() {
    let server = Server::start(&[]);
    let mut one = server.client();
    for (seed, size) in (0..).zip(SIZES) {
        let bytes = pattern(size, seed);
        one.round_trip(&bytes);
        server.client().send_and_half_close(&bytes);
    }
    drop(one);
    server.finish();
}

#[test]
fn a_thousand_connections_are_served_at_once() {
    let server = Server::start(&[]);
    let mut clients: Vec<Client> = (0..1000).map(|_| server.client()).collect();
    let messages: Vec<_> = (0..1000).map(|number| pattern(100, number)).collect();
    for (client, message) in clients.iter_mut().zip(&messages) {
        client.send(message);
    }
    for (client, message) in clients.iter_mut().zip(&messages) {
        client.expect(message);
    }
    assert_eq!(server.clients(), 1000, "all are open at the same time");
    drop(clients);
    eventually("all are closed", || server.clients() == 0);
    server.finish();
}

#[test]
fn every_address_is_listened_on_and_named_once() {
    let listen = ["127.0.0.1:0", "127.0.0.2:0", "127.0.0.1:0"];
    let server = Server::start_on(&listen, Command::new(example()), &[]);
    let mut addresses = server.addresses.clone();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), 3);
    // That each is named once is what `finish` finds: nothing more is printed.
    server.finish();
}
