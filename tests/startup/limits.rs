//! A limit is in the way: the error says which, how high it is, and what is needed.

use crate::alone::{alone, alone_as_user};
use crate::refused::{assert_says, complaints, refusal};
use crate::support::sandbox::{become_user, leave_descriptors, limit};
use futures_util::future::join_all;
use nestling::task::spawn_blocking;
use nestling::{JoinError, Runtime};
use std::io::{Error, ErrorKind};
use std::thread;

/// The user `nobody`.
const USER: u32 = 65_534;

#[test]
fn j8_too_few_descriptors_for_the_ring() {
    alone("limits::j8_too_few_descriptors_for_the_ring", || {
        let (files, soft, hard) = leave_descriptors(0);
        let error = refusal();
        let reached = format!("the limit of open descriptors (soft {soft}, hard {hard})");
        let remedy = "Raise it (ulimit -n, systemd LimitNOFILE=) or open less";
        assert_says(&error.to_string(), &[&reached, remedy]);
        drop(files);
        Runtime::builder().build().expect("with descriptors it works");
    });
}

#[test]
fn j8_too_few_descriptors_for_what_comes_with_the_ring() {
    alone("limits::j8_too_few_descriptors_for_what_comes_with_the_ring", || {
        let (_files, soft, hard) = leave_descriptors(1);
        let reached = format!("the limit of open descriptors (soft {soft}, hard {hard})");
        // Twice: the ring that was made for nothing is closed again.
        for _ in 0..2 {
            assert_says(&refusal().to_string(), &[&reached]);
        }
    });
}

/// Asserts what a user is told who may lock so much memory.
fn refused_with_locked_memory(kib: u64) {
    become_user(USER);
    limit(libc::RLIMIT_MEMLOCK, kib * 1024);
    let error = refusal();
    let needed = "256 submission and 8192 completion entries need about 148 KiB";
    let limit = format!("RLIMIT_MEMLOCK is {kib} KiB for all rings of the user");
    let remedy = "Raise it (ulimit -l, systemd LimitMEMLOCK=, docker --ulimit memlock=-1) or use \
                  fewer cores or entries";
    assert_says(&error.to_string(), &["not enough locked memory", needed, &limit, remedy]);
    assert_eq!(error.kind(), ErrorKind::OutOfMemory);
}

#[test]
fn j2_no_locked_memory() {
    alone("limits::j2_no_locked_memory", || refused_with_locked_memory(0));
}

#[test]
fn j2_little_locked_memory() {
    alone("limits::j2_little_locked_memory", || refused_with_locked_memory(64));
}

#[test]
fn j2_too_little_locked_memory_for_all_cores_fails_the_run() {
    alone_as_user("limits::j2_too_little_locked_memory_for_all_cores_fails_the_run", || {
        limit(libc::RLIMIT_MEMLOCK, 148 * 1024);
        Runtime::builder().build().expect("there is enough for one ring");
        let run = Runtime::builder().run(async |_| Ok::<_, Error>(()));
        let text = run.expect_err("not for two").to_string();
        let remedy = "Raise it (ulimit -l";
        assert_says(&text, &["core ", " cannot start: not enough locked memory", remedy]);
        let complaints = complaints();
        let [planned, started] = &complaints[..] else { panic!("two checks fail: {complaints:?}") };
        assert_says(planned, &["cores, where RLIMIT_MEMLOCK is 148 KiB for all", remedy]);
        assert_says(started, &["core ", " cannot start: not enough locked memory", remedy]);
    });
}

/// Asserts that the memory which the error asks for suffices for a ring of this size.
fn asked_for_enough(entries: u32, completions: u32) {
    let builder = Runtime::builder().entries(entries).completions(completions);
    limit(libc::RLIMIT_MEMLOCK, 0);
    let text = builder.clone().build().expect_err("no memory").to_string();
    let (_, after) = text.split_once("need about ").expect("what is needed");
    let kib: u64 = after.split(' ').next().and_then(|n| n.parse().ok()).expect("a number");
    limit(libc::RLIMIT_MEMLOCK, kib * 1024);
    builder.build().unwrap_or_else(|error| panic!("{kib} KiB were allowed: {error}"));
}

#[test]
fn j2_the_memory_asked_for_suffices() {
    alone_as_user("limits::j2_the_memory_asked_for_suffices", || asked_for_enough(256, 8192));
}

#[test]
fn j2_the_memory_asked_for_suffices_for_a_small_ring() {
    alone_as_user("limits::j2_the_memory_asked_for_suffices_for_a_small_ring", || {
        asked_for_enough(2, 4)
    });
}

#[test]
fn j2_the_memory_asked_for_suffices_for_a_large_ring() {
    let test = "limits::j2_the_memory_asked_for_suffices_for_a_large_ring";
    alone_as_user(test, || asked_for_enough(100_000, 1_000_000));
}

#[test]
fn j2_the_memory_asked_for_suffices_for_an_odd_ring() {
    let test = "limits::j2_the_memory_asked_for_suffices_for_an_odd_ring";
    alone_as_user(test, || asked_for_enough(300, 9_000));
}

/// No thread: the call says so, and the core goes on. With one, further calls have to do with it.
#[test]
fn too_few_threads_for_blocking_calls() {
    let test = "limits::too_few_threads_for_blocking_calls";
    alone_as_user(test, || {
        let mut runtime = Runtime::builder().build().unwrap();
        let hard = limit(libc::RLIMIT_NPROC, 0);
        let refused = runtime.block_on(spawn_blocking(|| ()));
        let Err(JoinError::Refused(_)) = &refused else { panic!("{refused:?}") };
        let says = ["a blocking call cannot begin: ", "RLIMIT_NPROC is 0 for all", "ulimit -u"];
        // What `unwrap` would print.
        assert_says(&format!("{:?}", refused.as_ref().unwrap_err()), &says);
        let error = Error::from(refused.unwrap_err());
        assert_says(&error.to_string(), &says);
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
        limit(libc::RLIMIT_NPROC, hard);
        let there = runtime.block_on(spawn_blocking(|| thread::current().id())).unwrap();
        limit(libc::RLIMIT_NPROC, 0);
        let calls = (0..100).map(|_| spawn_blocking(|| thread::current().id()));
        let threads = runtime.block_on(join_all(calls));
        assert!(threads.iter().all(|id| *id.as_ref().unwrap() == there));
        // A leak checker starts a thread at the end of the process.
        limit(libc::RLIMIT_NPROC, hard);
    });
}

#[test]
fn g11_closed_rings_do_not_use_up_the_memory() {
    alone_as_user("limits::g11_closed_rings_do_not_use_up_the_memory", || {
        limit(libc::RLIMIT_MEMLOCK, 1024 * 1024);
        for cycle in 0..100 {
            let built = Runtime::builder().build();
            built.unwrap_or_else(|error| panic!("in cycle {cycle}: {error}"));
        }
    });
}
