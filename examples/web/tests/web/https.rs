//! The example `https` before foreign clients, which speak TLS by other libraries than rustls.

use crate::alone;
use crate::foreign::{CURL, Server, is_installed};
use crate::process::Process;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

const HTTPS: &str = env!("CARGO_BIN_EXE_https");

#[test]
fn curl_chooses_the_version_in_the_handshake() {
    if !is_installed("curl") {
        return;
    }
    let server = Server::start(HTTPS, &[]);
    for (option, greeting) in [("--http1.1", "HTTP/1.1"), ("--http2", "HTTP/2.0")] {
        for tls in ["--tls-max=1.2", "--tls-max=1.3"] {
            let how = [&CURL[..], &["-k", option, "--tls-max", &tls[10..]]].concat();
            assert_eq!(server.ask("curl", &how, "/"), format!("hello by {greeting}\n"));
            let sent = "nine bytes".repeat(100_000);
            let mut command = Command::new("curl");
            let command = command.args(&how).args(["--data-binary", "@-", &server.url("/")]);
            assert!(crate::foreign::fed(command, sent.as_bytes()) == sent, "{how:?}");
        }
    }
    // Without `-k` it does not trust the certificate.
    let doubted = Command::new("curl").args(CURL).arg(server.url("/")).output().unwrap();
    assert_eq!(doubted.status.code(), Some(60), "{doubted:?}");
    server.stop();
}

#[test]
fn wrk_and_h2load_keep_their_connections() {
    let server = Server::start(HTTPS, &[]);
    if is_installed("wrk") {
        let said = server.ask("wrk", &["-t1", "-c50", "-d1"], "/");
        assert!(said.contains("requests in") && !said.contains("Socket errors"), "{said}");
        assert!(!said.contains("Non-2xx"), "{said}");
    }
    if is_installed("h2load") {
        for how in [&["--npn-list=h2"][..], &["--h1"]] {
            let how = &[how, &["-n2000", "-c10", "-m10"]].concat();
            let said = server.ask("h2load", how, "/");
            assert!(said.contains("2000 succeeded, 0 failed, 0 errored"), "{said}");
        }
    }
    server.stop();
}

/// One speaks no TLS, and one says nothing: neither is a failure of the server, and neither holds
/// its stop up.
#[test]
fn connections_without_a_handshake_end_alone() {
    let _alone = alone();
    let server = Server::start(HTTPS, &["--head", "3600000", "--drain", "3600000"]);
    let mut silent = TcpStream::connect(server.address).unwrap();
    let mut plain = TcpStream::connect(server.address).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n").unwrap();
    let mut alert = Vec::new();
    plain.read_to_end(&mut alert).unwrap();
    assert_eq!(alert.first(), Some(&0x15), "a record of TLS that is an alert: {alert:?}");
    server.stop();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
}

/// A client of OpenSSL's that agrees on HTTP/2, sends so much of it, and keeps the connection.
fn begins(server: &Server, sent: &str) -> Process {
    let file = format!("{}/begins-{}", env!("CARGO_TARGET_TMPDIR"), sent.len());
    fs::write(&file, sent).unwrap();
    let mut openssl = Command::new("openssl");
    let address = server.address.to_string();
    openssl.args(["s_client", "-ign_eof", "-alpn", "h2", "-connect", &address]);
    let mut client = Process::start_with(fs::File::open(&file).unwrap().into(), &mut openssl);
    while client.line() != "ALPN protocol: h2" {}
    client
}

#[test]
fn a_client_that_never_begins_is_left() {
    if !is_installed("openssl") {
        return;
    }
    let _alone = alone();
    let server = Server::start(HTTPS, &["--head", "500"]);
    for sent in ["", "PRI "] {
        begins(&server, sent).ended();
    }
    server.stop();
    // Nor does it hold the stop up.
    let server = Server::start(HTTPS, &["--head", "3600000", "--drain", "3600000"]);
    let clients = ["", "PRI "].map(|sent| begins(&server, sent));
    server.stop();
    for client in clients {
        client.ended();
    }
}

/// Its answers begin at once.
#[test]
fn there_is_no_limit_for_requests() {
    let ended = Process::start(Command::new(HTTPS).args(["--limit", "1"])).ended();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    let help = Process::start(Command::new(HTTPS).arg("--help")).ended();
    assert!(help.stdout.contains("--drain") && !help.stdout.contains("--limit"), "{help:?}");
}
