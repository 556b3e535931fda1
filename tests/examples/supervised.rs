//! A worker that crashes is started again while the other serves, until it crashes too often.

use crate::process::{PATIENCE, Process, build, eventually};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// Longer than any test waits, in milliseconds or in seconds.
const FOR_EVER: &str = "1000000";

/// The example, with two workers.
struct Supervised {
    process: Process,
    status: SocketAddr,
    workers: [SocketAddr; 2],
    /// Descriptors that it had open before the first client.
    at_start: usize,
}

fn example() -> Command {
    static EXAMPLE: OnceLock<PathBuf> = OnceLock::new();
    Command::new(EXAMPLE.get_or_init(|| build("supervised")))
}

impl Supervised {
    fn start(arguments: &[&str]) -> Self {
        let mut command = example();
        let mut process = Process::start(command.args(["--listen", "127.0.0.1:0"]).args(arguments));
        let mut address = |name: &str| {
            let line = process.line();
            let address = line.strip_prefix(name).unwrap_or_else(|| panic!("{line:?}"));
            address.parse().unwrap()
        };
        let status = address("status on ");
        let workers = [address("worker 1 listens on "), address("worker 2 listens on ")];
        assert_eq!(process.line(), "ready");
        let mut this = Self { process, status, workers, at_start: 0 };
        this.at_start = this.descriptors();
        this
    }

    fn client(&self, worker: usize) -> TcpStream {
        let stream = TcpStream::connect(self.workers[worker - 1]).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn descriptors(&self) -> usize {
        self.process.descriptors()
    }

    /// What the daemon tells.
    fn status(&self) -> String {
        let mut text = String::new();
        TcpStream::connect(self.status).unwrap().read_to_string(&mut text).unwrap();
        text
    }
}

#[track_caller]
fn round_trip(client: &mut TcpStream, text: &[u8]) {
    client.write_all(text).unwrap();
    let mut echo = vec![0; text.len()];
    client.read_exact(&mut echo).unwrap();
    assert_eq!(echo, text);
}

/// Its end, or a reset.
#[track_caller]
fn assert_gone(client: &mut TcpStream) {
    let received = client.read(&mut [0; 64]);
    assert!(
        matches!(received, Ok(0)) || received.is_err_and(|error| error.raw_os_error() == Some(104))
    );
}

#[test]
fn a_crashed_worker_comes_back_and_the_other_serves_on() {
    let mut server = Supervised::start(&["--backoff", "1", "--crashes", "1000"]);
    let mut neighbour = server.client(2);
    round_trip(&mut neighbour, b"hello");
    for (word, error) in
        [("panic", "the task panicked: a client said so"), ("fail", "it failed: a client said so")]
    {
        let (mut bystander, mut culprit) = (server.client(1), server.client(1));
        round_trip(&mut bystander, b"hello");
        culprit.write_all(word.as_bytes()).unwrap();
        // The crash takes all connections of its worker with it, and none of the other's.
        assert_gone(&mut culprit);
        assert_gone(&mut bystander);
        round_trip(&mut neighbour, b"still there?");
        let line = server.process.line();
        assert!(line.starts_with(&format!("worker 1: {error}; again in ")), "{line}");
        round_trip(&mut server.client(1), b"back again");
    }
    let status = server.status();
    assert!(status.starts_with("worker 1: up, started 3 times, 4 messages\n"), "{status}");
    assert!(status.ends_with("worker 2: up, started 1 times, 3 messages\n"), "{status}");
    drop(neighbour);
    eventually("its descriptors are back", || server.descriptors() == server.at_start);
    server.process.signal("TERM");
    let ended = server.process.ended();
    assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(0), ""), "{ended:?}");
}

#[test]
fn too_many_crashes_end_it_with_the_last_one() {
    let arguments = ["--backoff", "1", "--crashes", "3", "--window", FOR_EVER];
    let mut server = Supervised::start(&arguments);
    let mut neighbour = server.client(2);
    round_trip(&mut neighbour, b"hello");
    for pause in ["1ms", "2ms"] {
        server.client(1).write_all(b"fail").unwrap();
        let line = server.process.line();
        assert_eq!(line, format!("worker 1: it failed: a client said so; again in {pause}"));
    }
    server.client(1).write_all(b"fail").unwrap();
    // The nursery fails, and ends all that is left in it: the other worker, and the daemon.
    assert_gone(&mut neighbour);
    let ended = server.process.ended();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let error = "worker 1 crashed 3 times in 1000000s: it failed: a client said so";
    assert_eq!(ended.stderr, format!("supervised: {error}\n"));
}

#[test]
fn crashes_that_are_long_past_do_not_count() {
    let mut server = Supervised::start(&["--backoff", "1", "--crashes", "2", "--window", "0"]);
    for _ in 0..5 {
        server.client(1).write_all(b"fail").unwrap();
        assert!(server.process.line().ends_with("again in 1ms"));
    }
    round_trip(&mut server.client(1), b"back again");
}

#[test]
fn a_signal_ends_it_while_a_worker_is_down() {
    for signal in ["INT", "TERM"] {
        let mut server = Supervised::start(&["--backoff", FOR_EVER]);
        let mut neighbour = server.client(2);
        round_trip(&mut neighbour, b"hello");
        server.client(1).write_all(b"fail").unwrap();
        assert!(server.process.line().starts_with("worker 1: it failed"));
        server.process.signal(signal);
        assert_gone(&mut neighbour);
        let ended = server.process.ended();
        assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    }
}

#[test]
fn more_clients_than_the_limit_wait_for_their_turn() {
    let server = Supervised::start(&["--limit", "1"]);
    let mut first = server.client(1);
    round_trip(&mut first, b"in");
    let mut second = server.client(1);
    second.write_all(b"waits").unwrap();
    // A round trip later the second has still not been served.
    round_trip(&mut first, b"still in");
    assert!(server.status().starts_with("worker 1: up, started 1 times, 2 messages\n"));
    drop(first);
    let mut echo = [0; 5];
    second.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, b"waits");
}

#[test]
fn a_port_in_use_is_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = Process::start(example().args(["--listen", &address])).ended();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let error = format!("supervised: cannot listen on {address}");
    assert!(ended.stderr.starts_with(&error), "{}", ended.stderr);
}

#[test]
fn the_daemon_holds_nobody_up() {
    let ended =
        Process::start(example().args(["--listen", "127.0.0.1:0", "--workers", "0"])).ended();
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
}
