//! The example `axum` before foreign clients.

use crate::foreign::{CURL, Server, TWO, is_installed};

const AXUM: &str = env!("CARGO_BIN_EXE_axum");

#[test]
fn curl_is_routed_and_the_state_is_one() {
    if !is_installed("curl") {
        return;
    }
    let server = Server::start(AXUM, &["--limit", "50"]);
    for how in [&CURL[..], &TWO] {
        assert_eq!(server.ask("curl", how, "/hello/there"), "hello there\n");
        assert_eq!(server.ask("curl", how, "/wait/1"), "0 visits meanwhile\n");
        let status = &[&how[..3], &how[4..], &["-o", "/dev/null", "-w", "%{http_code}"]].concat();
        assert_eq!(server.ask("curl", status, "/nowhere"), "404");
        assert_eq!(server.ask("curl", status, "/wait/long"), "400", "an extractor refuses it");
        assert_eq!(server.ask("curl", status, "/wait/60000"), "503", "by the deadline");
        server.ask("curl", &[how, &["--data", ""]].concat(), "/visits");
    }
    assert_eq!(server.ask("curl", &CURL, "/visits"), "2\n");
    assert_eq!(server.stop(), "2 visits\n");
}

#[test]
fn wrk_and_h2load_are_counted() {
    let server = Server::start(AXUM, &[]);
    if is_installed("wrk") {
        let said = server.ask("wrk", &["-t1", "-c50", "-d1"], "/hello/wrk");
        assert!(said.contains("requests in") && !said.contains("Socket errors"), "{said}");
        assert!(!said.contains("Non-2xx"), "{said}");
    }
    if is_installed("h2load") {
        for how in [&["-p", "h2c"][..], &["--h1"]] {
            let how = &[how, &["-n2000", "-c10", "-m10", "-d", "Cargo.toml"]].concat();
            let said = server.ask("h2load", how, "/visits");
            assert!(said.contains("2000 succeeded, 0 failed, 0 errored"), "{said}");
        }
        assert_eq!(server.stop(), "4000 visits\n");
    }
}
