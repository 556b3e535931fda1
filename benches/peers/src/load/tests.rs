//! The open loop hides no stall of a server.

use super::h2load::figures;
use super::{LENGTH, Watch, open};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process;
use std::thread;
use std::time::Duration;

const RATE: f64 = 5_000.0;
const STALL: Duration = Duration::from_millis(100);

/// Echoes on one connection, and stalls once, after as many messages as come in so long.
fn stalling(mut stream: TcpStream) {
    let mut message = [0; LENGTH];
    let mut messages = 0;
    while stream.read_exact(&mut message).is_ok() {
        stream.write_all(&message).expect("the load reads");
        messages += 1;
        if messages == (RATE * 0.1) as usize {
            thread::sleep(STALL);
        }
    }
}

#[test]
fn what_is_due_in_a_stall_counts_from_when_it_was_due() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let (stream, _) = listener.accept().expect("a connection");
    let serving = thread::spawn(move || stalling(stream));
    let mut watch = Watch::new(process::id(), false);
    let loaded = open(vec![client], RATE, Duration::from_millis(400), &mut watch);
    let times = loaded.expect("it serves").latency.expect("there are some");
    serving.join().expect("no panic");
    let half = STALL.as_nanos() as u64 / 2;
    let slow = times.count_between(half, times.max());
    // One message in a closed loop; here, what is due in the first half of the stall.
    assert!(slow >= (RATE * 0.04) as u64, "{slow} messages were slow");
}

#[test]
fn what_h2load_says_is_read_and_what_has_failed_is_no_figure() {
    let said = |requests: &str| {
        format!(
            "starting benchmark...\n\nfinished in 419.51ms, 4880.00 req/s, 155.16KB/s\n\
             requests: 1952 total, 2464 started, {requests}\nstatus codes: 1952 2xx, 0 3xx\n"
        )
    };
    let all = said("1952 done, 1952 succeeded, 0 failed, 0 errored, 0 timeout");
    assert_eq!(figures(&all), Some((1952.0, 4880.0)));
    for some in [
        "1952 done, 1951 succeeded, 1 failed, 0 errored, 0 timeout",
        "1952 done, 1951 succeeded, 0 failed, 1 errored, 0 timeout",
        "0 done, 0 succeeded, 0 failed, 0 errored, 0 timeout",
        "1952 done",
    ] {
        assert_eq!(figures(&said(some)), None, "{some}");
    }
    assert_eq!(figures("the host was not found"), None);
}
