//! The example `http` before foreign clients: curl, wrk and h2load.
//!
//! Skipped, with a word, where a program is not installed; an error instead where
//! `NESTLING_REAL_SERVERS` is set, as `.ci/run` does once it has installed them.

use crate::process::Process;
use std::env;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

/// Whether a program is here.
fn is_installed(program: &str) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&folders).any(|folder| folder.join(program).exists());
    if !found {
        assert!(env::var_os("NESTLING_REAL_SERVERS").is_none(), "not installed: {program}");
        eprintln!("WARNING: SKIPPED, because {program} is not installed");
    }
    found
}

/// The example, and where it listens.
struct Server(Process, SocketAddr);

impl Server {
    fn start(options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_http"));
        let mut process = Process::start(command.args(["--listen", "127.0.0.1:0"]).args(options));
        let line = process.line();
        let address = line.strip_prefix("listening on ").expect("it says where");
        Self(process, address.parse().unwrap())
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.1)
    }

    /// What a client says to the end of its output.
    fn ask(&self, program: &str, arguments: &[&str], path: &str) -> String {
        let output = Command::new(program).args(arguments).arg(self.url(path)).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?} {path}: {complaint}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Stops it, and has it end well.
    fn stop(self) -> String {
        self.0.signal("TERM");
        let ended = self.0.ended();
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        ended.stdout
    }
}

const CURL: [&str; 4] = ["-sS", "--max-time", "30", "--fail"];
const TWO: [&str; 5] = ["-sS", "--max-time", "30", "--fail", "--http2-prior-knowledge"];

#[test]
fn curl_speaks_both() {
    if !is_installed("curl") {
        return;
    }
    let server = Server::start(&[]);
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
    let server = Server::start(&["--limit", "50"]);
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
    let server = Server::start(&[]);
    // It keeps its connection, and says nothing any more.
    let mut idle = TcpStream::connect(server.1).unwrap();
    idle.write_all(b"GET /hello HTTP/1.1\r\nhost: here\r\n\r\n").unwrap();
    let mut heard = [0; 12];
    idle.read_exact(&mut heard).unwrap();
    let asking = [&CURL[..], &TWO].map(|how| {
        let mut command = Command::new("curl");
        let command = command.args(how).arg(server.url("/wait/300")).stdout(Stdio::piped());
        command.spawn().unwrap()
    });
    crate::process::eventually("both have begun", || {
        server.ask("curl", &CURL, "/metrics").lines().any(|line| {
            let count = line.strip_prefix("requests_waiting ");
            count.is_some_and(|count| count == "2")
        })
    });
    let address = server.1;
    server.stop();
    for child in asking {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.stdout, b"waited\n", "{output:?}");
    }
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).unwrap();
    TcpStream::connect(address).unwrap_err();
}

#[test]
fn wrk_and_h2load_keep_their_connections() {
    let server = Server::start(&[]);
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
fn a_wrong_call_is_refused() {
    let ended = Process::start(Command::new(env!("CARGO_BIN_EXE_http")).arg("--soon")).ended();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.starts_with("http: "), "{ended:?}");
}
