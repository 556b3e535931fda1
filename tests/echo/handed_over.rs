//! Listeners that systemd hands over, played by the test: it has the socket, starts the server with
//! it, hears that it is ready and that it stops, and starts it again.

use crate::FOR_EVER;
use crate::client::{Client, pattern};
use crate::process::{PATIENCE, Process, eventually, run};
use crate::server::{Server, example};
use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// What systemd has of a service: where the service tells of itself.
struct Unit {
    path: PathBuf,
    told: UnixDatagram,
}

impl Unit {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("nestling-echo-{name}-{}", process::id()));
        let told = UnixDatagram::bind(&path).unwrap();
        told.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { path, told }
    }

    /// A command that has its standard input as the one descriptor that is handed over: number 3.
    fn command(&self) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", "exec 3<&0 0</dev/null; LISTEN_PID=$$ exec \"$0\" \"$@\""]);
        command.arg(example()).env("LISTEN_FDS", "1").env("NOTIFY_SOCKET", &self.path);
        command
    }

    fn expect(&self, state: &str) {
        let mut buffer = [0; 64];
        let length = self.told.recv(&mut buffer).unwrap();
        assert_eq!(String::from_utf8_lossy(&buffer[..length]).trim_end(), state);
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// One connection after the other, each with its question and answer, until the end.
fn customer(address: std::net::SocketAddr, served: &AtomicUsize, ended: &AtomicBool) {
    for seed in 0.. {
        if ended.load(Ordering::SeqCst) {
            break;
        }
        let question = pattern(500, seed);
        let mut stream = TcpStream::connect(address).expect("it is never refused");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&question).expect("it is never reset");
        let mut answer = vec![0; question.len()];
        stream.read_exact(&mut answer).expect("it is answered");
        assert_eq!(answer, question);
        served.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn k2_a_restart_loses_no_connection() {
    let unit = Unit::new("restart");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (served, ended) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let customers: Vec<_> =
            (0..8).map(|_| scope.spawn(|| customer(address, &served, &ended))).collect();
        for limit in [&[][..], &["--limit", "1000"]].repeat(3) {
            let arguments = [&["--drain", FOR_EVER], limit].concat();
            let stdin = Stdio::from(OwnedFd::from(listener.try_clone().unwrap()));
            let server = Server::start_with(stdin, &["systemd"], unit.command(), &arguments);
            assert_eq!(server.address(), address);
            unit.expect("READY=1");
            let before = served.load(Ordering::SeqCst);
            eventually("it serves", || {
                customers.iter().any(|customer| customer.is_finished())
                    || served.load(Ordering::SeqCst) >= before + 200
            });
            server.signal("TERM");
            unit.expect("STOPPING=1");
            server.ended().assert_clean();
            if customers.iter().any(|customer| customer.is_finished()) {
                break;
            }
        }
        // The last of them wait in the backlog.
        ended.store(true, Ordering::SeqCst);
        let stdin = Stdio::from(OwnedFd::from(listener.try_clone().unwrap()));
        let server = Server::start_with(stdin, &["systemd"], unit.command(), &[]);
        let lost = customers.into_iter().filter_map(|customer| customer.join().err()).count();
        server.signal("TERM");
        server.ended().assert_clean();
        assert_eq!(lost, 0, "customers that were not served");
    });
}

#[test]
fn a_unix_listener_is_taken_over_and_left() {
    let unit = Unit::new("local");
    let path = unit.path.with_extension("socket");
    let listener = UnixListener::bind(&path).unwrap();
    for _ in 0..2 {
        let stdin = Stdio::from(OwnedFd::from(listener.try_clone().unwrap()));
        let mut command = unit.command();
        command.args(["--listen", "systemd", "--cores", "1"]);
        let mut server = Process::start_with(stdin, &mut command);
        assert_eq!(server.line(), format!("listening on unix:{}", path.display()));
        unit.expect("READY=1");
        let mut client = UnixStream::connect(&path).unwrap();
        client.write_all(b"hello").unwrap();
        let mut back = [0; 5];
        client.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"hello");
        drop(client);
        server.signal("TERM");
        unit.expect("STOPPING=1");
        server.ended().assert_clean();
    }
    fs::remove_file(path).unwrap();
}

#[test]
fn without_a_listener_from_systemd_it_says_so() {
    let ended = run(Command::new(example()), &["--listen", "systemd"]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("no listener was handed over (LISTEN_FDS"), "{}", ended.stderr);
}

/// A descriptor that is no listener of a kind that it knows.
#[test]
fn what_is_no_listener_is_refused() {
    let unit = Unit::new("wrong");
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut command = unit.command();
    command.args(["--listen", "systemd"]);
    let stdin = Stdio::from(OwnedFd::from(socket));
    let ended = Process::start_with(stdin, &mut command).ended();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("fd 3 is not a valid unix"), "{}", ended.stderr);
}

/// Both families beside each other, and a path that a server which was killed has left.
#[test]
fn a_path_is_listened_on_and_removed() {
    let path = env::temp_dir().join(format!("nestling-echo-path-{}", process::id()));
    drop(UnixListener::bind(&path).unwrap());
    let arguments = [&*format!("unix:{}", path.display()), "127.0.0.1:0"];
    let mut command = Command::new(example());
    command.args(["--cores", "2", "--listen", arguments[0], "--listen", arguments[1]]);
    let mut server = Process::start(&mut command);
    assert_eq!(server.line(), format!("listening on unix:{}", path.display()));
    let line = server.line();
    let address = line.strip_prefix("listening on ").unwrap().parse().unwrap();
    Client::connect(address).round_trip(b"over TCP");
    for seed in 0..20 {
        let mut client = UnixStream::connect(&path).unwrap();
        let sent = pattern(100_000, seed);
        thread::scope(|scope| {
            let (mut to, sent) = (client.try_clone().unwrap(), &sent);
            scope.spawn(move || to.write_all(sent).unwrap());
            let mut back = vec![0; sent.len()];
            client.read_exact(&mut back).unwrap();
            assert!(&back == sent, "it has changed");
        });
    }
    let in_use = run(Command::new(example()), &["--listen", arguments[0]]);
    assert_eq!(in_use.status.code(), Some(1));
    assert!(in_use.stderr.contains(&format!("cannot listen on {}", path.display())));
    server.signal("TERM");
    server.ended().assert_clean();
    assert!(!path.exists(), "it is left");
}
