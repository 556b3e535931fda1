//! What the server says when it cannot serve: one clear line, and an exit code.

use crate::process::{Ended, run};
use crate::server::{Server, example, with_descriptors};
use std::net::TcpListener;
use std::process::Command;

/// It ended with this code and one line, in which all of this is said.
#[track_caller]
fn assert_refused(ended: &Ended, code: i32, says: &[&str]) {
    assert_eq!(ended.status.code(), Some(code), "{ended:?}");
    assert_eq!(ended.stdout, "");
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.starts_with("echo: "), "{}", ended.stderr);
    for part in says {
        assert!(ended.stderr.contains(part), "{part:?} is not in {:?}", ended.stderr);
    }
}

#[track_caller]
fn echo(arguments: &[&str]) -> Ended {
    run(Command::new(example()), arguments)
}

#[test]
fn a_port_in_use_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let says = [&format!("cannot listen on {address}"), "in use"];
    assert_refused(&echo(&["--listen", &address]), 1, &says);
    assert_refused(&echo(&["--listen", "127.0.0.1:0", "--listen", &address]), 1, &says);
}

#[test]
fn the_port_of_another_echo_server_is_refused_too() {
    let server = Server::start(&[]);
    let address = server.address().to_string();
    assert_refused(&echo(&["--listen", &address]), 1, &[&address, "in use"]);
    server.finish();
}

#[test]
fn an_address_of_another_machine_is_refused() {
    // Reserved for documentation, so it is no machine's.
    assert_refused(&echo(&["--listen", "192.0.2.1:7000"]), 1, &["192.0.2.1:7000", "assign"]);
}

#[test]
fn a_malformed_address_is_refused() {
    for address in ["nonsense", "127.0.0.1", "127.0.0.1:99999", "localhost:80", ""] {
        let says = [&format!("'{address}' is no socket address"), "such as 127.0.0.1:"];
        assert_refused(&echo(&["--listen", address]), 2, &says);
    }
}

#[test]
fn a_wrong_option_is_refused() {
    for (arguments, says) in [
        (&["--lisen", "127.0.0.1:0"][..], "--lisen"),
        (&["127.0.0.1:0"], "127.0.0.1:0"),
        (&["--listen"], "--listen"),
        (&["--cores", "two"], "'two'"),
        (&["--limit", "0"], "--limit: 0"),
        (&["--limit", "99999999999999999999"], "--limit"),
        (&["--drain", "-1"], "--drain: -1"),
        (&["--drain", "nan"], "--drain"),
        (&["--seconds", "5"], "--demo"),
        (&["--demo", "--listen", "127.0.0.1:0"], "--demo"),
        (&["--demo", "--connections", "0"], "--connections: 0"),
    ] {
        assert_refused(&echo(arguments), 2, &[says, "--help"]);
    }
}

#[test]
fn more_cores_than_there_are_is_refused() {
    let listen = ["--listen", "127.0.0.1:0", "--cores"];
    let ended = echo(&[&listen[..], &["5000"]].concat());
    assert_refused(&ended, 1, &["5000 cores were asked for, but this process may use"]);
    assert_refused(&echo(&[&listen[..], &["0"]].concat()), 1, &["0 cores"]);
}

#[test]
fn j8_too_few_descriptors_to_start_is_refused() {
    // Enough for the address, but not for a ring; then not for its eventfd.
    for most in [4, 5] {
        let arguments = ["--listen", "127.0.0.1:0", "--cores", "1"];
        let ended = run(with_descriptors(most), &arguments);
        let soft = format!("soft {most}");
        assert_refused(&ended, 1, &["core 0 cannot start", "descriptors", &soft, "ulimit -n"]);
    }
}

#[test]
fn help_is_no_refusal() {
    let ended = echo(&["--help"]);
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""));
    for option in ["--listen", "--cores", "--limit", "--drain", "--demo", "--seconds"] {
        assert!(ended.stdout.contains(option), "{option} is not in the help");
    }
}
