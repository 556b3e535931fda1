//! Servers in turn, and servers that are down, gone or silent.

use crate::front::{Front, accept, assert_reset, server};
use crate::process::eventually;
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

#[test]
fn connections_go_to_the_servers_in_turn() {
    let ((one, first), (other, second)) = (server(), server());
    let front = Front::start(&[first, second], &[]);
    for listener in [&one, &other, &one, &other] {
        let (mut client, mut server) = (front.client(), accept(listener));
        client.write_all(b"x").unwrap();
        server.read_exact(&mut [0]).unwrap();
    }
    assert_eq!(front.stopped(), "");
}

#[test]
fn a_server_that_is_down_is_passed_over_and_found_again() {
    let ((one, first), (other, second)) = (server(), server());
    let front = Front::start(&[first, second], &[]);
    drop(one);
    for _ in 0..4 {
        let (client, _server) = (front.client(), accept(&other));
        drop(client);
    }
    let one = TcpListener::bind(first).unwrap();
    one.set_nonblocking(true).unwrap();
    other.set_nonblocking(true).unwrap();
    eventually("it is found again", || {
        let _client = front.client();
        one.accept().is_ok()
    });
    front.stopped();
}

#[test]
fn without_any_server_the_client_is_reset() {
    let (listener, address) = server();
    drop(listener);
    let front = Front::start(&[address], &[]);
    assert_reset(&front.client());
    let said = front.stopped();
    assert!(said.contains(&format!("cannot connect to {address}")), "{said}");
}

/// An orderly end would tell the client that all of the answer has come.
#[test]
fn b5_a_server_that_is_killed_half_way_resets_the_client() {
    let (listener, address) = server();
    let front = Front::start(&[address], &[]);
    let (mut client, mut server) = (front.client(), accept(&listener));
    server.write_all(b"half of the ans").unwrap();
    client.read_exact(&mut [0; 15]).unwrap();
    // As the kernel does for a process that is killed with data unread.
    SockRef::from(&server).set_linger(Some(Duration::ZERO)).unwrap();
    drop(server);
    assert_reset(&client);
    assert!(front.stopped().contains("reset"), "it says so");
}

#[test]
fn b5_a_client_that_resets_resets_the_server() {
    let (listener, address) = server();
    let front = Front::start(&[address], &[]);
    let (client, server) = (front.client(), accept(&listener));
    SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    assert_reset(&server);
    front.stopped();
}

#[test]
fn a_connection_on_which_no_byte_goes_is_ended() {
    let (listener, address) = server();
    let front = Front::start(&[address], &["--idle", "0.05"]);
    let (client, server) = (front.client(), accept(&listener));
    assert_reset(&client);
    assert_reset(&server);
    assert!(front.stopped().contains("no byte has gone"));
}

#[test]
fn a_limit_is_for_all_connections() {
    let (listener, address) = server();
    let front = Front::start(&[address], &["--limit", "1"]);
    let (first, mut second) = (front.client(), front.client());
    let server = accept(&listener);
    second.write_all(b"waits").unwrap();
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "the first has the only place");
    drop((first, server));
    listener.set_nonblocking(false).unwrap();
    accept(&listener).read_exact(&mut [0; 5]).unwrap();
    drop(second);
    front.stopped();
}
