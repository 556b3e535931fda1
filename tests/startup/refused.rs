//! io_uring is forbidden: the error says by what, and what to do about it.

use crate::alone::alone;
use crate::support::sandbox::{deny, deny_where, is_root};
use nestling::Runtime;
use nestling::doctor::{Check, Verdict};
use std::fs;
use std::io::{self, ErrorKind};
use std::panic::catch_unwind;

/// The remedy for all filters.
const PROFILE: &str = "Run with a profile that allows io_uring_setup, io_uring_enter and \
                       io_uring_register (docker: --security-opt seccomp=PROFILE)";

/// Why no runtime can be made here. The doctor says the same.
#[track_caller]
pub(crate) fn refusal() -> io::Error {
    let error = Runtime::builder().build().expect_err("the machine refuses");
    assert_doctor_says(&error.to_string());
    error
}

/// The checks of the doctor that have failed, as errors read: the cause, then the remedy.
pub(crate) fn complaints() -> Vec<String> {
    let report = nestling::doctor();
    let failed: Vec<_> =
        report.checks().iter().filter(|c| c.verdict() == Verdict::Failed).collect();
    assert_eq!(report.is_healthy(), failed.is_empty(), "{report}");
    let printed = report.to_string();
    let said = |check: &&Check| {
        assert_says(&printed, &[check.finding(), check.remedy().unwrap_or_default()]);
        let remedy = check.remedy().map(|remedy| format!(". {remedy}")).unwrap_or_default();
        format!("{}{remedy}", check.finding())
    };
    failed.iter().map(said).collect()
}

/// Asserts that the doctor names the same cause and remedy as an error of starting.
#[track_caller]
pub(crate) fn assert_doctor_says(error: &str) {
    let complaints = complaints();
    assert!(complaints.iter().any(|said| said == error), "`{error}` is not in {complaints:#?}");
}

/// Asserts that a text has all these parts.
#[track_caller]
pub(crate) fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` was expected in: {text}");
    }
}

#[test]
fn j1_a_hidden_setup_is_told_from_an_old_kernel() {
    alone("refused::j1_a_hidden_setup_is_told_from_an_old_kernel", || {
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
fn j1_a_refused_setup_names_the_filter() {
    alone("refused::j1_a_refused_setup_names_the_filter", || {
        deny(libc::SYS_io_uring_setup, libc::EPERM);
        let error = refusal();
        let refused = "io_uring_setup was refused (EPERM) by a seccomp filter";
        let not_by = "not by the kernel setting (io_uring_disabled=0)";
        assert_says(&error.to_string(), &[refused, not_by, PROFILE]);
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    });
}

#[test]
fn j1_a_setup_that_is_refused_otherwise_names_the_audit_log() {
    alone("refused::j1_a_setup_that_is_refused_otherwise_names_the_audit_log", || {
        deny(libc::SYS_io_uring_setup, libc::EACCES);
        let module = "A Linux security module (SELinux, AppArmor) may forbid it; see the audit log";
        let error = refusal();
        assert_says(&error.to_string(), &["io_uring_setup was refused (EACCES)", module]);
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    });
}

#[test]
fn j1_a_setup_that_takes_no_flags_is_told_from_an_old_kernel() {
    alone("refused::j1_a_setup_that_takes_no_flags_is_told_from_an_old_kernel", || {
        deny(libc::SYS_io_uring_setup, libc::EINVAL);
        let text = refusal().to_string();
        let not_old = "io_uring_setup answers EINVAL even without flags";
        assert_says(&text, &[not_old, "a seccomp filter answers in its place", PROFILE]);
    });
}

#[test]
fn j2_a_kernel_without_memory_is_told_from_the_limit() {
    alone("refused::j2_a_kernel_without_memory_is_told_from_the_limit", || {
        if !is_root() {
            return; // No other user may lock memory without limit; the words are tested elsewhere.
        }
        deny(libc::SYS_io_uring_setup, libc::ENOMEM);
        let error = refusal();
        let cgroup =
            "the kernel is out of memory for a ring of about 148 KiB, or the memory cgroup";
        assert_says(&error.to_string(), &[cgroup, "Give it more (systemd MemoryMax="]);
        assert_eq!(error.kind(), ErrorKind::OutOfMemory);
    });
}

#[test]
fn j8_the_limit_of_the_machine_is_not_taken_for_that_of_the_process() {
    alone("refused::j8_the_limit_of_the_machine_is_not_taken_for_that_of_the_process", || {
        deny(libc::SYS_io_uring_setup, libc::ENFILE);
        let limit = "the machine's limit of open files (fs.file-max) was reached";
        assert_says(&refusal().to_string(), &[limit, "sysctl -w fs.file-max=NUMBER"]);
    });
}

#[test]
fn j7_a_refused_register_is_named() {
    alone("refused::j7_a_refused_register_is_named", || {
        deny(libc::SYS_io_uring_register, libc::EPERM);
        let blocked = "io_uring_setup works but io_uring_register is blocked";
        assert_says(&refusal().to_string(), &[blocked, PROFILE]);
    });
}

#[test]
fn j7_a_hidden_enter_is_named() {
    alone("refused::j7_a_hidden_enter_is_named", || {
        deny(libc::SYS_io_uring_enter, libc::ENOSYS);
        let error = refusal();
        let blocked = "io_uring_setup works but io_uring_enter is blocked";
        assert_says(&error.to_string(), &[blocked, PROFILE]);
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    });
}

#[test]
fn j7_an_enter_that_only_pretends_is_named() {
    alone("refused::j7_an_enter_that_only_pretends_is_named", || {
        deny(libc::SYS_io_uring_enter, libc::EINTR);
        assert_says(&refusal().to_string(), &["misbehaves: a no-operation is never answered"]);
    });
}

#[test]
fn c18_a_wait_that_ends_at_once_fails_its_check() {
    alone("refused::c18_a_wait_that_ends_at_once_fails_its_check", || {
        // Waits that have a deadline, which is what the flag is for, come back at once.
        const FLAGS: u32 = 3;
        const EXT_ARG: u32 = 1 << 3;
        deny_where(libc::SYS_io_uring_enter, FLAGS, EXT_ARG, 0);
        // A process that is stopped just then comes back late, and does not tell why.
        let complaints = (0..10).map(|_| complaints()).find(|complaints| !complaints.is_empty());
        let [complaint] = &complaints.expect("a check fails")[..] else { panic!("only one") };
        let another = "run on another kernel, and report this one";
        assert_says(complaint, &["misbehaves: it did not wait for a deadline", another]);
    });
}

#[test]
fn what_serves_in_place_of_a_missing_feature_is_said() {
    alone("refused::what_serves_in_place_of_a_missing_feature_is_said", || {
        const OPERATION: u32 = 1;
        const RING_FDS: u32 = 20 & !8;
        deny_where(libc::SYS_io_uring_register, OPERATION, RING_FDS, libc::EINVAL);
        let report = nestling::doctor();
        assert!(report.is_healthy(), "{report}");
        let check = report.checks().iter().find(|check| check.name() == "REG_RING");
        let check = check.expect("a line of its own");
        assert_eq!(check.verdict(), Verdict::Noted);
        assert_says(
            check.finding(),
            &["missing (Linux 5.18)", "in its place: the plain descriptor"],
        );
        Runtime::builder().build().expect("it works").block_on(async {});
    });
}

#[test]
fn a_machine_without_faults_is_healthy() {
    alone("refused::a_machine_without_faults_is_healthy", || {
        let report = nestling::doctor();
        assert!(report.is_healthy(), "{report}");
        assert!(report.checks().iter().all(|check| check.remedy().is_none()), "{report}");
        let skipped = report.checks().iter().find(|check| check.verdict() == Verdict::Skipped);
        assert!(skipped.is_none(), "{report}");
        // Inside a runtime too, on whose core it may be asked for.
        assert!(nestling::block_on(async { nestling::doctor().is_healthy() }));
    });
}

#[test]
fn j7_a_refused_enter_is_named() {
    alone("refused::j7_a_refused_enter_is_named", || {
        deny(libc::SYS_io_uring_enter, libc::EPERM);
        let error = refusal();
        let blocked = "io_uring_setup works but io_uring_enter is blocked";
        let needed = "by a seccomp filter; all three calls of io_uring are needed";
        assert_says(&error.to_string(), &[blocked, needed, PROFILE]);
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    });
}

#[test]
fn j7_a_hidden_register_is_named() {
    alone("refused::j7_a_hidden_register_is_named", || {
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
