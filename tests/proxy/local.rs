//! Unix sockets on either side.

use crate::front::{accept, example, server};
use crate::process::{PATIENCE, Process};
use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{self, Command, Stdio};
use std::thread;

/// A path that goes with the test.
struct Local(PathBuf);

impl Local {
    fn new(name: &str) -> Self {
        Self(env::temp_dir().join(format!("nestling-proxy-{name}-{}", process::id())))
    }

    /// As the command line has it.
    fn address(&self) -> String {
        format!("unix:{}", self.0.display())
    }

    fn listen(&self) -> UnixListener {
        UnixListener::bind(&self.0).unwrap()
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A proxy from one address to another one, and the line that it says.
fn front(listen: &str, to: &str) -> (Process, String) {
    let mut command = Command::new(example());
    command.args(["--cores", "2", "--listen", listen, "--to", to]);
    let mut process = Process::start(&mut command);
    let line = process.line();
    (process, line.strip_prefix("listening on ").unwrap().to_owned())
}

#[track_caller]
fn stop(front: Process) -> String {
    front.signal("TERM");
    let ended = front.ended();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    ended.stderr
}

fn patient(stream: UnixStream) -> UnixStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Megabytes in both directions at once, each with its end.
fn exchange<C, S>(client: &C, server: &S, end: (impl Fn(&C) + Sync, impl Fn(&S) + Sync))
where
    C: Sync,
    S: Sync,
    for<'a> &'a C: Read + Write,
    for<'a> &'a S: Read + Write,
{
    let bytes = |seed: u8| -> Vec<u8> {
        (0..3_000_000_u32)
            .map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[3] ^ seed)
            .collect()
    };
    let (question, answer) = (bytes(1), bytes(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            (&*client).write_all(&question).unwrap();
            end.0(client);
        });
        scope.spawn(|| {
            let mut received = Vec::new();
            (&*server).read_to_end(&mut received).unwrap();
            assert!(received == question, "{} bytes for the question", received.len());
        });
        scope.spawn(|| {
            (&*server).write_all(&answer).unwrap();
            end.1(server);
        });
        let mut received = Vec::new();
        (&*client).read_to_end(&mut received).unwrap();
        assert!(received == answer, "{} bytes for the answer", received.len());
    });
}

fn end_of_unix(stream: &UnixStream) {
    stream.shutdown(Shutdown::Write).unwrap();
}

fn end_of_tcp(stream: &TcpStream) {
    stream.shutdown(Shutdown::Write).unwrap();
}

#[test]
fn all_bytes_arrive_between_unix_sockets() {
    let (here, there) = (Local::new("here"), Local::new("there"));
    let listener = there.listen();
    let (front, address) = front(&here.address(), &there.address());
    assert_eq!(address, here.address());
    for _ in 0..3 {
        let client = patient(UnixStream::connect(&here.0).unwrap());
        let server = patient(listener.accept().unwrap().0);
        exchange(&client, &server, (end_of_unix, end_of_unix));
    }
    assert_eq!(stop(front), "");
    assert!(!here.0.exists(), "the proxy removes its path");
}

#[test]
fn all_bytes_arrive_from_unix_to_tcp_and_back() {
    let here = Local::new("mixed");
    let (listener, address) = server();
    let (front, _) = front(&here.address(), &address.to_string());
    let client = patient(UnixStream::connect(&here.0).unwrap());
    let server = accept(&listener);
    exchange(&client, &server, (end_of_unix, end_of_tcp));
    drop((client, server));
    assert_eq!(stop(front), "");
}

#[test]
fn all_bytes_arrive_from_tcp_to_unix_and_back() {
    let there = Local::new("behind");
    let listener = there.listen();
    let (front, address) = front("127.0.0.1:0", &there.address());
    let client = TcpStream::connect(address.parse::<SocketAddr>().unwrap()).unwrap();
    let server = patient(listener.accept().unwrap().0);
    exchange(&client, &server, (end_of_tcp, end_of_unix));
    drop((client, server));
    assert_eq!(stop(front), "");
}

/// As systemd hands it over: as number 3, with the process that it is for. The tests of the echo
/// server have the rest of that.
#[test]
fn a_listener_of_systemd_is_taken_over() {
    let there = Local::new("handed");
    let listener = there.listen();
    let (handed, address) = server();
    let mut command = Command::new("sh");
    command.args(["-c", "exec 3<&0 0</dev/null; LISTEN_PID=$$ exec \"$0\" \"$@\""]);
    command.arg(example()).env("LISTEN_FDS", "1");
    command.args(["--listen", "systemd", "--to", &there.address()]);
    // It waits in the backlog until there is a proxy.
    let client = TcpStream::connect(address).unwrap();
    let stdin = Stdio::from(OwnedFd::from(handed.try_clone().unwrap()));
    let mut front = Process::start_with(stdin, &mut command);
    assert_eq!(front.line(), format!("listening on {address}"));
    let server = patient(listener.accept().unwrap().0);
    exchange(&client, &server, (end_of_tcp, end_of_unix));
    drop((client, server));
    assert_eq!(stop(front), "");
}

/// The client is told of it by an end, and the operator by a line with the path.
#[test]
fn a_unix_server_that_is_not_there_is_named() {
    let (here, there) = (Local::new("lonely"), Local::new("nowhere"));
    let (front, _) = front(&here.address(), &there.address());
    let mut client = patient(UnixStream::connect(&here.0).unwrap());
    assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);
    let said = stop(front);
    assert!(said.contains(&format!("cannot connect to {}", there.address())), "{said}");
}

#[test]
fn a_malformed_target_is_refused() {
    for target in ["localhost", "unix:", "1.2.3.4"] {
        let mut command = Command::new(example());
        let ended = Process::start(command.args(["--to", target])).ended();
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        assert!(ended.stderr.contains(&format!("'{target}' is no host and port")), "{ended:?}");
    }
}
