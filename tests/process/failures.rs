//! Starts that fail: the error names the program, and nothing is left.

use crate::support::{again, descriptors, one_at_a_time, sandbox};
use crate::{children, run, shell};
use nestling::process::{Command, Stdio};
use nestling::{Runtime, signal};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;

#[test]
fn a_program_that_is_not_there() {
    run(async || {
        let error = Command::new("/nowhere/program").spawn().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("\"/nowhere/program\""), "{error}");
    });
}

#[test]
fn a_program_that_may_not_be_run() {
    run(async || {
        let error = Command::new("/etc/passwd").spawn().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    });
}

#[test]
fn a_directory_that_is_not_there() {
    run(async || {
        let mut command = Command::new("true");
        let error = command.current_dir("/nowhere").spawn().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        // The command is not lost.
        assert!(command.current_dir("/").status().await.unwrap().success());
    });
}

/// E2BIG: one argument is longer than the kernel takes.
#[test]
fn an_argument_that_is_too_long() {
    run(async || {
        let error = Command::new("true").arg("x".repeat(1 << 20)).spawn().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ArgumentListTooLong);
        assert!(error.to_string().contains("fewer or shorter"), "{error}");
    });
}

/// At each number of descriptors that are left, a start fails whole or succeeds whole.
#[test]
fn b2_descriptors_run_out_in_the_middle_of_a_start() {
    const NAME: &str = "failures::b2_descriptors_run_out_in_the_middle_of_a_start";
    let _others_wait = (!again::is_inside(NAME)).then(one_at_a_time);
    again::alone(NAME, || {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async { Command::new("true").status().await.unwrap() });
        let mut held = sandbox::leave_descriptors(LOOK).0;
        // The one has been started when there is no descriptor for it; the other lacks pipes.
        let started = failures(&mut runtime, &mut held, |_| {});
        let piped = failures(&mut runtime, &mut held, |command| {
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
        });
        assert_eq!((started, piped), (1, 3));
    });
}

/// So many descriptors does it take to look at what is open, and at the children.
const LOOK: usize = 3;

/// How often a start fails before there are descriptors enough.
fn failures(
    runtime: &mut Runtime,
    held: &mut Vec<File>,
    with: impl Fn(&mut Command) + Copy,
) -> usize {
    for failures in 0.. {
        let before = descriptors().len();
        let spare: Vec<_> = (0..LOOK).map(|_| File::open("/dev/null").unwrap()).collect();
        let result = runtime.block_on(async {
            let mut command = Command::new("cat");
            with(&mut command);
            command.spawn().await?.wait_with_output().await
        });
        drop(spare);
        assert_eq!(children(), BTreeSet::new());
        assert_eq!(descriptors().len(), before);
        match result {
            Ok(output) => {
                assert!(output.status.success());
                return failures;
            }
            Err(error) => assert!(error.to_string().contains("open files"), "{error}"),
        }
        drop(held.pop().expect("a start needs few"));
    }
    unreachable!("it succeeds, or there are none left")
}

/// No thread can be had for the start: the error says so, and with one the same command is started.
#[test]
fn a_start_that_is_refused_leaves_the_command() {
    const NAME: &str = "failures::a_start_that_is_refused_leaves_the_command";
    let _others_wait = (!again::is_inside(NAME)).then(one_at_a_time);
    again::alone(NAME, || {
        sandbox::become_user(65_534);
        let mut runtime = Runtime::builder().entries(8).build().unwrap();
        let mut command = Command::new("pwd");
        let hard = sandbox::limit(libc::RLIMIT_NPROC, 0);
        let error = runtime.block_on(command.output()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error}");
        for says in ["cannot start \"pwd\": a blocking call cannot begin", "ulimit -u"] {
            assert!(error.to_string().contains(says), "{error}");
        }
        sandbox::limit(libc::RLIMIT_NPROC, hard);
        let output = runtime.block_on(command.current_dir("/").output()).unwrap();
        assert_eq!(output.stdout, b"/\n");
    });
}

/// A pipe that is full to a child that ends early: an error, and no signal.
#[test]
fn i2_input_of_a_child_that_has_ended_is_an_error() {
    run(async || {
        let mut child = shell("exec 0<&-; echo closed; exec sleep 1000");
        let child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.await.unwrap();
        let (result, line) = child.stdout.as_ref().unwrap().read(Vec::with_capacity(16)).await;
        assert_eq!((result.unwrap(), &line[..]), (7, &b"closed\n"[..]));
        let stdin = child.stdin.take().unwrap();
        let (result, buffer) = stdin.write_all(vec![7; 1 << 20]).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(buffer.len(), 1 << 20);
        child.kill().unwrap();
        child.wait().await.unwrap();
    });
}

/// A program that ignores SIGCHLD has the kernel reap: the error says so, and nothing hangs.
#[test]
fn a_status_that_is_lost_is_an_error() {
    const NAME: &str = "failures::a_status_that_is_lost_is_an_error";
    let _others_wait = (!again::is_inside(NAME)).then(one_at_a_time);
    again::alone(NAME, || {
        sandbox::ignore(signal::SIGCHLD);
        // It may have ended before it is known here, or after that.
        for script in ["exit 3"; 100].into_iter().chain(["sleep 0.01"]) {
            let error = nestling::block_on(async { shell(script).status().await.unwrap_err() });
            assert!(error.to_string().contains("SIGCHLD"), "{error}");
        }
        assert_eq!(children(), BTreeSet::new());
    });
}
