//! The examples as processes, and the clients of others that are put before them.
//!
//! Skipped, with a word, where a program is not installed; an error instead where
//! `NESTLING_REAL_SERVERS` is set, as `.ci/run` does once it has installed them.

use crate::process::{PATIENCE, Process};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::{env, fs, thread};

/// What a client with HTTP/2 sends first.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Whether a program is here.
pub(crate) fn is_installed(program: &str) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&folders).any(|folder| folder.join(program).exists());
    if !found {
        assert!(env::var_os("NESTLING_REAL_SERVERS").is_none(), "not installed: {program}");
        eprintln!("WARNING: SKIPPED, because {program} is not installed");
    }
    found
}

/// An example, and where it listens.
pub(crate) struct Server {
    process: Process,
    pub(crate) address: SocketAddr,
    scheme: &'static str,
}

impl Server {
    pub(crate) fn start(program: &str, options: &[&str]) -> Self {
        let mut command = Command::new(program);
        let mut process = Process::start(command.args(["--listen", "127.0.0.1:0"]).args(options));
        let line = process.line();
        let address = line.strip_prefix("listening on ").expect("it says where");
        let scheme = if program.ends_with("https") { "https" } else { "http" };
        Self { process, address: address.parse().unwrap(), scheme }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// What a client says to the end of its output.
    pub(crate) fn ask(&self, program: &str, arguments: &[&str], path: &str) -> String {
        let output = Command::new(program).args(arguments).arg(self.url(path)).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?} {path}: {complaint}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A client that sends this, and nothing more.
    pub(crate) fn client(&self, sent: &[u8]) -> TcpStream {
        let mut client = TcpStream::connect(self.address).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.write_all(sent).unwrap();
        client
    }

    /// Waits for the server to close the connections of clients that begin HTTP/2, stop on the way,
    /// and keep their connections.
    pub(crate) fn closes_silent_clients(&self) {
        for length in [0, 4, 5, PREFACE.len() - 1, PREFACE.len()] {
            let mut client = self.client(&PREFACE[..length]);
            let closed = client.read_to_end(&mut Vec::new());
            assert!(closed.is_ok(), "{length} bytes of a preface: {closed:?}");
        }
    }

    /// The most memory that it has used, in KiB.
    pub(crate) fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak.unwrap().trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Stops it, and has it end well.
    pub(crate) fn stop(self) -> String {
        self.process.signal("TERM");
        let ended = self.process.ended();
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        ended.stdout
    }
}

/// What a program says that is given something to read.
pub(crate) fn fed(command: &mut Command, input: &[u8]) -> String {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) const CURL: [&str; 4] = ["-sS", "--max-time", "30", "--fail"];
pub(crate) const TWO: [&str; 5] = ["-sS", "--max-time", "30", "--fail", "--http2-prior-knowledge"];
