//! `static_files`: requests in pieces and in a row, those that are refused, and the drain; in
//! `folders.rs`, files below a folder; in `large.rs`, those that are spliced.

mod folders;
mod large;

use crate::process::{PATIENCE, Process, build};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| build("static_files"));

const GET: &str = "GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n";
const LAST: &str = "GET /hello.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

struct Server {
    process: Process,
    address: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(&*PROGRAM);
        let mut process = Process::start(command.args(["--listen", "127.0.0.1:0"]).args(arguments));
        let line = process.line();
        let address = line.strip_prefix("listening on ").unwrap().to_owned();
        Self { process, address }
    }

    fn client(&self) -> TcpStream {
        let client = TcpStream::connect(&self.address).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client
    }

    /// All that comes for a request, to the end.
    fn asked(&self, request: &str) -> String {
        let mut client = self.client();
        client.write_all(request.as_bytes()).unwrap();
        rest(client)
    }

    fn stopped(self) {
        self.process.signal("TERM");
        let ended = self.process.ended();
        assert_eq!((ended.status.code(), &ended.stderr[..]), (Some(0), ""));
    }
}

fn rest(mut client: TcpStream) -> String {
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    answer
}

/// Reads one answer with a body of so many bytes.
fn one(client: &mut TcpStream, body: usize) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
    let mut rest = vec![0; body];
    client.read_exact(&mut rest).unwrap();
    String::from_utf8([answer, rest].concat()).unwrap()
}

#[test]
fn requests_in_pieces_and_in_a_row_are_answered_in_order() {
    let server = Server::start(&[]);
    let mut client = server.client();
    for byte in GET.bytes() {
        client.write_all(&[byte]).unwrap();
    }
    let answer = one(&mut client, 6);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\nContent-Length: 6\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nhello\n"), "{answer}");
    let head = GET.replace("GET", "HEAD");
    client.write_all([GET, &head, GET, LAST, GET].concat().as_bytes()).unwrap();
    assert!(one(&mut client, 6).ends_with("hello\n"));
    let head = one(&mut client, 0);
    assert!(head.contains("\r\nContent-Length: 6\r\n"), "{head}");
    assert!(one(&mut client, 6).ends_with("hello\n"));
    let last = rest(client);
    assert!(last.contains("\r\nConnection: close\r\n"), "{last}");
    assert_eq!(last.matches("HTTP/1.1").count(), 1, "none follows the last: {last}");
    server.stopped();
}

#[test]
fn what_is_no_request_for_it_is_refused_with_a_status() {
    let server = Server::start(&[]);
    let long = "x".repeat(9_000);
    let many: String = (0..70).map(|n| format!("H{n}: x\r\n")).collect();
    let cases = [
        (400, "nonsense\r\n\r\n".to_owned()),
        (400, "GET / HTTP/1.1\r\n\r\n".to_owned()),
        (400, "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n".to_owned()),
        (400, "GET /../x HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
        (400, "GET /%2e%2e/x HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
        (400, "GET /%2 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
        (400, "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
        (400, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nGET /".to_owned()),
        (400, "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()),
        (404, "GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned()),
        (405, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".to_owned()),
        (414, format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n")),
        (431, format!("GET / HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n")),
        (431, format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n")),
    ];
    for (status, request) in cases {
        let answer = server.asked(&request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}\n{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{request}\n{answer}");
        assert_eq!(answer.contains("\r\nAllow: GET, HEAD\r\n"), status == 405);
    }
    // HTTP/1.0 needs no host, and ends unless asked not to.
    assert!(server.asked("GET / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200 OK\r\n"));
    server.stopped();
}

fn missing(program: &str) {
    assert!(std::env::var_os("NESTLING_REAL_SERVERS").is_none(), "{program} is required");
    eprintln!("WARNING: NOT TESTED with {program}, which is not installed");
}

#[test]
fn a_client_that_is_silent_is_left() {
    let server = Server::start(&["--idle", "0.2"]);
    assert_eq!(rest(server.client()), "");
    assert_eq!(server.asked("GET / HT"), "");
    let mut client = server.client();
    client.write_all(GET.as_bytes()).unwrap();
    assert!(rest(client).ends_with("hello\n"), "it was kept, and then left");
    server.stopped();
}

/// A connection that waits for a request ends at the stop; a request that has begun is answered.
#[test]
fn a_stop_lets_answers_finish_and_ends_what_is_idle() {
    let server = Server::start(&["--drain", "1000"]);
    let (mut idle, mut begun) = (server.client(), server.client());
    idle.write_all(GET.as_bytes()).unwrap();
    one(&mut idle, 6);
    begun.write_all(GET.as_bytes()).unwrap();
    one(&mut begun, 6);
    // What was sent before the stop is seen by the server before it, on a connection of one core.
    begun.write_all(&GET.as_bytes()[..10]).unwrap();
    let mut third = server.client();
    third.write_all(GET.as_bytes()).unwrap();
    one(&mut third, 6);
    server.process.signal("TERM");
    assert_eq!(rest(idle), "");
    begun.write_all(&GET.as_bytes()[10..]).unwrap();
    begun.shutdown(Shutdown::Write).unwrap();
    let last = rest(begun);
    assert!(last.ends_with("hello\n") && last.contains("\r\nConnection: close\r\n"), "{last}");
    assert_eq!(rest(third), "");
    assert_eq!(server.process.ended().status.code(), Some(0));
}
