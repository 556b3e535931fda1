//! The drain, and the demonstration.

use crate::front::{Front, accept, example, server};
use crate::process::{eventually, run};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

#[test]
fn after_a_signal_connections_finish_and_new_ones_are_refused() {
    let (listener, address) = server();
    let front = Front::start(&[address], &["--drain", "1000"]);
    let (mut client, mut server) = (front.client(), accept(&listener));
    front.signal("TERM");
    eventually("it refuses", || TcpStream::connect(front.address).is_err());
    client.write_all(b"still").unwrap();
    server.read_exact(&mut [0; 5]).unwrap();
    server.write_all(b"here").unwrap();
    client.read_exact(&mut [0; 4]).unwrap();
    // With the listener go connections that came before the proxy refused them.
    drop((client, server, listener));
    assert_eq!(front.ended().status.code(), Some(0));
}

#[test]
fn what_is_left_after_the_drain_is_cut() {
    let (listener, address) = server();
    let front = Front::start(&[address], &["--drain", "0.01"]);
    let (_client, _server) = (front.client(), accept(&listener));
    front.signal("INT");
    let ended = front.ended();
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn the_demo_prints_a_table() {
    let mut demo = Command::new(example());
    demo.args(["--demo", "--seconds", "1"]);
    let ended = run(demo, &["--connections", "8"]);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    for row in ["straight  ", "through the proxy  "] {
        let line = ended.stdout.lines().find_map(|line| line.trim().strip_prefix(row));
        let rate = line.and_then(|line| line.split_whitespace().next());
        let rate: f64 = rate.unwrap_or_else(|| panic!("{}", ended.stdout)).parse().unwrap();
        assert!(rate > 0.0, "{}", ended.stdout);
    }
}

#[test]
fn what_it_is_not_told_it_asks_for() {
    let ended = run(Command::new(example()), &[]);
    assert_eq!(ended.status.code(), Some(2));
    assert!(ended.stderr.starts_with("proxy: --to is missing"), "{}", ended.stderr);
    let ended = run(Command::new(example()), &["--to", "nowhere"]);
    assert!(ended.stderr.contains("'nowhere' is no host and port"), "{}", ended.stderr);
}
