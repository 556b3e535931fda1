//! Thousands of connections at once.

use crate::crowded::{allow_crowds, most_descriptors};
use crate::front::{Front, accept, server};
use socket2::SockRef;
use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

/// Each has two descriptors here, and two in the proxy.
#[test]
fn ten_thousand_connections_are_held() {
    allow_crowds();
    let count = (most_descriptors().saturating_sub(500) / 2).min(10_000);
    let (listener, address) = server();
    // A connection that does not come is an error of the accept.
    SockRef::from(&listener).set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let front = Front::start(&[address], &[]);
    let accepting = thread::spawn(move || {
        let accepted = (0..count).map(|_| accept(&listener));
        accepted.collect::<Vec<_>>()
    });
    let mut clients: Vec<_> = (0..count).map(|_| front.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.write_all(&(number as u32).to_le_bytes()).unwrap();
    }
    // In which order they come to the server is the kernel's affair.
    let mut servers = accepting.join().unwrap();
    for server in &mut servers {
        let mut number = [0; 4];
        server.read_exact(&mut number).unwrap();
        server.write_all(&number).unwrap();
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let mut answer = [0; 4];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(u32::from_le_bytes(answer), number as u32);
    }
    drop(clients);
    for mut server in servers {
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
    }
    assert_eq!(front.stopped(), "");
}
