//! io_uring is forbidden: the error says by what, and what to do about it.

use crate::alone::alone;
use crate::sandbox::deny;
use nestling::Runtime;
use std::fs;
use std::io::{self, ErrorKind};
use std::panic::catch_unwind;

/// The remedy for all filters.
const PROFILE: &str = "Run with a profile that allows io_uring_setup, io_uring_enter and \
                       io_uring_register (docker: --security-opt seccomp=PROFILE)";

/// Why no runtime can be made here.
#[track_caller]
pub(crate) fn refusal() -> io::Error {
    Runtime::builder().build().expect_err("the machine refuses")
}

/// Asserts that a text has all these parts.
#[track_caller]
pub(crate) fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` was expected in: {text}");
    }
}

#[test]
fn a_hidden_setup_is_told_from_an_old_kernel() {
    alone("refused::a_hidden_setup_is_told_from_an_old_kernel", || {
        deny(libc::SYS_io_uring_setup, libc::ENOSYS);
        let error = refusal();
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");
        let kernel = format!("although the kernel ({}) supports it", release.trim());
        let blocked = "io_uring_setup is blocked (ENOSYS)";
        let parts = [blocked, &kernel, "A seccomp filter hides it (Seccomp: 2", PROFILE];
        assert_says(&error.to_string(), &parts);
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    });
}

#[test]
fn a_refused_setup_names_the_filter() {
    alone("refused::a_refused_setup_names_the_filter", || {
        deny(libc::SYS_io_uring_setup, libc::EPERM);
        let error = refusal();
        let refused = "io_uring_setup was refused (EPERM) by a seccomp filter";
        let not_by = "not by the kernel setting (io_uring_disabled=0)";
        assert_says(&error.to_string(), &[refused, not_by, PROFILE]);
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    });
}

#[test]
fn a_refused_enter_is_named() {
    alone("refused::a_refused_enter_is_named", || {
        deny(libc::SYS_io_uring_enter, libc::EPERM);
        let error = refusal();
        let blocked = "io_uring_setup works but io_uring_enter is blocked";
        let needed = "by a seccomp filter; all three calls of io_uring are needed";
        assert_says(&error.to_string(), &[blocked, needed, PROFILE]);
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    });
}

#[test]
fn a_hidden_register_is_named() {
    alone("refused::a_hidden_register_is_named", || {
        deny(libc::SYS_io_uring_register, libc::ENOSYS);
        let error = refusal();
        let blocked = "io_uring_setup works but io_uring_register is blocked";
        let needed = "by a seccomp filter; all three calls of io_uring are needed";
        assert_says(&error.to_string(), &[blocked, needed, PROFILE]);
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    });
}

#[test]
fn block_on_panics_with_the_reason() {
    alone("refused::block_on_panics_with_the_reason", || {
        deny(libc::SYS_io_uring_setup, libc::EPERM);
        let thrown = catch_unwind(|| nestling::block_on(async {})).expect_err("a panic");
        let text = thrown.downcast_ref::<String>().expect("a text");
        let parts = ["the runtime could not be built: io_uring_setup was refused (EPERM)", PROFILE];
        assert_says(text, &parts);
    });
}

#[test]
fn a_run_on_all_cores_names_the_core_and_the_reason() {
    alone("refused::a_run_on_all_cores_names_the_core_and_the_reason", || {
        deny(libc::SYS_io_uring_setup, libc::EPERM);
        let run = Runtime::builder().run(async |_| Ok::<_, io::Error>(()));
        let error = run.expect_err("no core can start");
        let refused = "cannot start: io_uring_setup was refused (EPERM) by a seccomp filter";
        assert_says(&error.to_string(), &["core ", refused, PROFILE]);
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    });
}
