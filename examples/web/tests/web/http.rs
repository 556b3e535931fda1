//! The example `http` before foreign clients: curl, wrk and h2load.

use crate::alone;
use crate::foreign::{CURL, Server, TWO, is_installed};
use crate::process::Process;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

const HTTP: &str = env!("CARGO_BIN_EXE_http");

#[test]
fn curl_speaks_both() {
    if !is_installed("curl") {
        return;
    }
    let server = Server::start(HTTP, &[]);
    for how in [&CURL[..], &TWO] {
        assert_eq!(server.ask("curl", how, "/hello"), "hello\n");
        let version = [how, &["-o", "/dev/null", "-w", "%{http_version}"]].concat();
        let spoken = server.ask("curl", &version, "/hello");
        assert_eq!(spoken, if how.len() == TWO.len() { "2" } else { "1.1" });
        assert_eq!(server.ask("curl", how, "/bytes/3000000").len(), 3_000_000);
        let echo = [how, &["--data-binary", "some words"]].concat();
        assert_eq!(server.ask("curl", &echo, "/echo"), "some words");
    }
    // Two of one connection; by HTTP/2, curl 7.88 breaks such a connection itself, also to nginx.
    let url = server.url("/hello");
    let twice = [&CURL[..], &["-w", "%{num_connects}", &url]].concat();
    assert_eq!(server.ask("curl", &twice, "/hello"), "hello\n1hello\n0");
    let metrics = server.ask("curl", &CURL, "/metrics");
    assert!(metrics.contains("\nnestling_in_flight "), "{metrics}");
    assert!(metrics.contains("\nrequests_total 11\n"), "{metrics}");
    server.stop();
}

/// Each request has its deadline, and a panic is its connection's alone.
#[test]
fn requests_that_are_late_or_panic() {
    if !is_installed("curl") {
        return;
    }
    let server = Server::start(HTTP, &["--limit", "50"]);
    for how in [&CURL[..], &TWO] {
        let status = &[&how[..3], &how[4..], &["-o", "/dev/null", "-w", "%{http_code}"]].concat();
        assert_eq!(server.ask("curl", status, "/wait/60000"), "503");
        assert_eq!(server.ask("curl", status, "/nowhere"), "404");
        let mut panics = Command::new("curl");
        let panics = panics.args(how).arg(server.url("/panic")).output().unwrap();
        assert!(!panics.status.success());
        assert_eq!(server.ask("curl", how, "/hello"), "hello\n");
    }
    server.stop();
}

/// What has begun is answered after the stop, new ones are refused, and what is idle ends.
#[test]
fn a_stop_drains() {
    if !is_installed("curl") {
        return;
    }
    let _alone = alone();
    let server = Server::start(HTTP, &["--head", "3600000", "--drain", "3600000"]);
    // It keeps its connection, and says nothing any more.
    let mut idle = TcpStream::connect(server.address).unwrap();
    idle.write_all(b"GET /hello HTTP/1.1\r\nhost: here\r\n\r\n").unwrap();
    let mut heard = [0; 12];
    idle.read_exact(&mut heard).unwrap();
    // It has asked for nothing yet.
    let mut silent = TcpStream::connect(server.address).unwrap();
    let asking = [&CURL[..], &TWO].map(|how| {
        let mut command = Command::new("curl");
        let command = command.args(how).arg(server.url("/wait/1500")).stdout(Stdio::piped());
        command.spawn().unwrap()
    });
    crate::process::eventually("both have begun", || {
        server.ask("curl", &CURL, "/metrics").lines().any(|line| {
            let count = line.strip_prefix("requests_waiting ");
            count.is_some_and(|count| count == "2")
        })
    });
    let address = server.address;
    server.stop();
    for child in asking {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.stdout, b"waited\n", "{output:?}");
    }
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).unwrap();
    assert_eq!(silent.read(&mut heard).unwrap(), 0);
    TcpStream::connect(address).unwrap_err();
}

#[test]
fn wrk_and_h2load_keep_their_connections() {
    let server = Server::start(HTTP, &[]);
    if is_installed("wrk") {
        let said = server.ask("wrk", &["-t1", "-c50", "-d1"], "/hello");
        assert!(said.contains("requests in") && !said.contains("Socket errors"), "{said}");
        assert!(!said.contains("Non-2xx"), "{said}");
    }
    if is_installed("h2load") {
        for how in [&["-p", "h2c"][..], &["--h1"]] {
            let how = &[how, &["-n2000", "-c10", "-m10"]].concat();
            let said = server.ask("h2load", how, "/hello");
            assert!(said.contains("2000 succeeded, 0 failed, 0 errored"), "{said}");
        }
    }
    server.stop();
}

#[test]
fn a_client_that_never_begins_is_left() {
    let _alone = alone();
    let server = Server::start(HTTP, &["--head", "100"]);
    server.closes_silent_clients();
    server.stop();
}

/// A client asks for much and takes nothing: its answer is not in memory.
#[test]
fn a_long_answer_takes_little_memory() {
    if !is_installed("curl") {
        return;
    }
    let _alone = alone();
    let server = Server::start(HTTP, &["--drain", "0"]);
    let mut clients = Vec::new();
    for _ in 0..2 {
        let ask = format!("GET /bytes/{} HTTP/1.1\r\nhost: here\r\n\r\n", 1 << 28);
        let mut client = server.client(ask.as_bytes());
        let mut heard = [0; 15];
        client.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"HTTP/1.1 200 OK");
        clients.push(client);
    }
    for how in [&CURL[..], &TWO] {
        let length = [how, &["-o", "/dev/null", "-w", "%{size_download}"]].concat();
        assert_eq!(server.ask("curl", &length, "/bytes/268435456"), "268435456");
        let head = [how, &["-o", "/dev/null", "-D", "-"]].concat();
        let head = server.ask("curl", &head, "/bytes/70000");
        assert!(head.contains("content-length: 70000"), "{head}");
    }
    assert!(server.peak() < 100 << 10, "{} KiB", server.peak());
    server.stop();
}

#[test]
fn a_wrong_call_is_refused() {
    let ended = Process::start(Command::new(HTTP).arg("--soon")).ended();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.starts_with("http: "), "{ended:?}");
}
