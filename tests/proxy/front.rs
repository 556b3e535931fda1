//! `Front`: a running proxy, and what can be seen of it from outside.

use crate::process::{Ended, PATIENCE, Process, build};
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// A running proxy.
#[derive(Debug)]
pub(crate) struct Front {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Front {
    /// Starts it on a free port, on one core, in front of these servers.
    pub(crate) fn start(servers: &[SocketAddr], arguments: &[&str]) -> Self {
        let mut command = Command::new(example());
        command.args(["--listen", "127.0.0.1:0", "--cores", "1"]).args(arguments);
        for server in servers {
            command.args(["--to", &server.to_string()]);
        }
        let mut process = Process::start(&mut command);
        let line = process.line();
        let address = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}"));
        Self { process, address: address.parse().unwrap() }
    }

    pub(crate) fn client(&self) -> TcpStream {
        patient(TcpStream::connect(self.address).unwrap())
    }

    /// Its resident memory, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        self.process.resident()
    }

    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    pub(crate) fn ended(self) -> Ended {
        self.process.ended()
    }

    /// Stops it, and tells what it has said of connections that failed.
    #[track_caller]
    pub(crate) fn stopped(self) -> String {
        self.signal("TERM");
        let ended = self.ended();
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        ended.stderr
    }
}

pub(crate) fn example() -> &'static PathBuf {
    static EXAMPLE: OnceLock<PathBuf> = OnceLock::new();
    EXAMPLE.get_or_init(|| build("proxy"))
}

/// A server, and its address.
pub(crate) fn server() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

pub(crate) fn accept(listener: &TcpListener) -> TcpStream {
    patient(listener.accept().unwrap().0)
}

/// A stream that gives up waiting after a while, so that a test fails and does not hang.
fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads until the connection is reset; an orderly end would say that all bytes have come.
#[track_caller]
pub(crate) fn assert_reset(mut stream: &TcpStream) {
    let mut rest = Vec::new();
    let error = stream.read_to_end(&mut rest).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}
