//! A server that does not have all it would like.

use crate::client::{Client, pattern};
use crate::process::eventually;
use crate::server::{Server, example, with_descriptors};
use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{self, Command};
use std::thread;
use std::time::Duration;

/// Sends a byte from each client, and lets each go when it is back, in whatever order they are
/// served.
#[track_caller]
fn serve_one_by_one(mut clients: Vec<Client>) {
    clients.iter_mut().for_each(|client| client.send(b"x"));
    eventually("each is served in its turn", || {
        clients.retain_mut(|client| client.try_byte().is_none());
        clients.is_empty()
    });
}

#[test]
fn i6_accept_pauses_when_descriptors_run_out() {
    let server = Server::start_by(with_descriptors(64), &[]);
    let clients: Vec<_> = (0..200).map(|_| server.client()).collect();
    eventually("it has no descriptor left", || server.uses_all_below(64));
    let before = server.submitted();
    // Not to wait for something: this is the second in which attempts are counted.
    thread::sleep(Duration::from_secs(1));
    let attempts = server.submitted() - before;
    assert!(before > 0 && attempts < 1000, "it tried {attempts} times in a second");
    assert!(server.uses_all_below(64), "it could have served more");
    serve_one_by_one(clients);
    server.finish();
}

#[test]
fn limit_keeps_the_others_waiting() {
    let server = Server::start(&["--limit", "3"]);
    let mut served: Vec<_> = (0..3).map(|_| server.client()).collect();
    // Whichever cores they came to, three are served.
    served.iter_mut().for_each(|client| client.round_trip(b"in"));
    let mut waiting: Vec<_> = (0..20).map(|_| server.client()).collect();
    waiting.iter_mut().for_each(|client| client.send(b"x"));
    for seed in 0..100 {
        served[0].round_trip(&pattern(100, seed));
    }
    assert!(waiting.iter_mut().all(|client| client.try_byte().is_none()), "a fourth was served");
    // Each core's listener may hold one that waits.
    assert!(server.clients() <= 3 + 2, "{} are open", server.clients());
    drop(served);
    eventually("each is served in its turn", || {
        waiting.retain_mut(|client| client.try_byte().is_none());
        waiting.is_empty()
    });
    server.finish();
}

#[test]
fn a_limit_below_the_number_of_cores_starves_no_core() {
    let server = Server::start(&["--limit", "1"]);
    serve_one_by_one((0..50).map(|_| server.client()).collect());
    server.finish();
}

#[test]
fn a_user_without_privileges_can_serve() {
    const NOBODY: u32 = 65_534;
    let folder = env::temp_dir().join(format!("nestling-echo-{}", process::id()));
    let me = fs::metadata("/proc/self").unwrap().uid();
    let server = if me == 0 {
        // Where the user `nobody` may read it. By another process: a descriptor open for writing,
        // inherited by a server that another test starts just then, would keep it from being run.
        let copied = Command::new("sh")
            .args(["-c", "mkdir -m 755 $0 && cp $1 $0/echo && chmod 755 $0/echo"])
            .args([folder.as_path(), example()])
            .status();
        assert!(copied.unwrap().success());
        let mut command = Command::new(folder.join("echo"));
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
        let server = Server::start_by(command, &[]);
        assert_eq!(server.owner(), NOBODY);
        server
    } else {
        Server::start(&[])
    };
    // It runs, so its program is not needed any more.
    let _ = fs::remove_dir_all(folder);
    server.client().round_trip(&pattern(100_000, 1));
    server.finish();
}
