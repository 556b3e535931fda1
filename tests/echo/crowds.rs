//! Thousands of clients: at once, and one after the other.
//!
//! `NESTLING_CYCLES=1000000 cargo test --test echo crowds::` is for longer.

use crate::client::{Client, pattern};
use crate::crowded::most_descriptors;
use crate::process::eventually;
use crate::random::{self, Random};
use crate::server::Server;
use socket2::{Domain, SockRef, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

#[test]
fn ten_thousand_connections_are_held() {
    let server = Server::start(&[]);
    // This process and the server have one descriptor each for every client.
    let count = most_descriptors().saturating_sub(500).min(10_000);
    let mut clients: Vec<Client> = (0..count).map(|_| server.client()).collect();
    eventually("all are accepted", || server.clients() == count);
    let message = |seed: usize| pattern(64, seed as u32);
    for (seed, client) in clients.iter_mut().enumerate() {
        client.send(&message(seed));
    }
    for (seed, client) in clients.iter_mut().enumerate() {
        client.expect(&message(seed));
    }
    assert_eq!(server.clients(), count, "all are open at the same time");
    drop(clients);
    eventually("all are closed", || server.clients() == 0);
    server.finish();
}

/// One client, from an address of its own: ports of one address last for 28,000 a minute.
fn cycle(server: SocketAddr, random: &mut Random) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let [a, b, c, how] = (random.next() as u32).to_be_bytes();
    let from = Ipv4Addr::new(127, a, b, c.clamp(1, 254));
    socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
    socket.connect(&server.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    match how % 16 {
        // It has nothing to say.
        0 => return,
        // It breaks off before the answer.
        1 => SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap(),
        _ => {}
    }
    let question = [a, b, c, how].repeat(4);
    stream.write_all(&question).unwrap();
    if how % 16 > 1 {
        let mut answer = vec![0; question.len()];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, question);
    }
}

fn cycles(server: SocketAddr, count: u64, seed: u64) {
    thread::scope(|scope| {
        for part in 0..4 {
            let mut random = Random::new(seed * 4 + part);
            scope.spawn(move || (0..count / 4).for_each(|_| cycle(server, &mut random)));
        }
    });
}

#[test]
fn r16_connections_that_come_and_go_leave_no_memory_and_no_descriptor() {
    let server = Server::start(&[]);
    let count = random::number("NESTLING_CYCLES").unwrap_or(10_000);
    // Tables grow to what four clients at once need.
    cycles(server.address(), 4_000, 1);
    eventually("all are closed", || server.clients() == 0);
    let before = server.resident();
    cycles(server.address(), count, 2);
    eventually("all are closed", || server.clients() == 0);
    let after = server.resident();
    if count > 10_000 {
        println!("{count} cycles: resident {before} KiB before, {after} KiB after");
    }
    assert!(after < before + 1024, "{before} KiB before, {after} KiB after");
    server.finish();
}

/// They do not close: the kernel does it for them, whatever they were about to do.
#[test]
fn b5_clients_that_are_killed_half_way_leave_nothing() {
    let server = Server::start(&[]);
    let port = server.address().port();
    // It sends without an end, and reads nothing.
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; while :; do echo $$ >&3; done");
    for _ in 0..5 {
        let mut clients: Vec<_> = (0..4)
            .map(|_| {
                let mut client = Command::new("bash");
                client.args(["-c", &script]).stdin(Stdio::null()).stderr(Stdio::null());
                client.spawn().unwrap()
            })
            .collect();
        eventually("they are connected", || server.clients() == clients.len());
        for client in &mut clients {
            client.kill().unwrap();
            client.wait().unwrap();
        }
        eventually("all are closed", || server.clients() == 0);
    }
    server.finish();
}

/// The other way round: the server is killed, and each client sees it.
#[test]
fn b5_clients_of_a_server_that_is_killed_see_it() {
    let server = Server::start(&[]);
    let mut clients: Vec<Client> = (0..100).map(|_| server.client()).collect();
    clients.iter_mut().for_each(|client| client.round_trip(b"hello"));
    let address = server.address();
    server.signal("KILL");
    assert!(!server.ended().status.success());
    clients.iter_mut().for_each(Client::expect_gone);
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}
