//! The words of a ring that could not be made, for machines that are not at hand.
//!
//! What can be provoked on any machine is in `tests/startup/` of the workspace.

use crate::config::Config;
use crate::ring::explain;
use crate::ring::facts::Facts;
use crate::sys::Limit;
use std::io::{Error, ErrorKind};

/// A machine on which everything is allowed.
fn facts() -> Facts {
    Facts {
        release: "6.12.3-test".to_owned(),
        disabled: Some(0),
        group: Some(-1),
        seccomp: false,
        container: None,
        uid: "1000".to_owned(),
        groups: "1000 27".to_owned(),
        may_lock: false,
        memlock: Limit { soft: Some(8 << 20), hard: None },
        nofile: Limit { soft: Some(1024), hard: Some(4096) },
    }
}

/// What is said when `io_uring_setup` answers so.
fn setup(answer: i32, facts: &Facts) -> String {
    explain::setup(&Error::from_raw_os_error(answer), &Config::default(), facts).to_string()
}

/// What is said when `call` answers so, although the ring was made.
fn half_blocked(call: &str, answer: i32, facts: &Facts) -> String {
    explain::half_blocked(call, &Error::from_raw_os_error(answer), facts).to_string()
}

const PROFILE: &str = "Run with a profile that allows io_uring_setup, io_uring_enter and \
                       io_uring_register (docker: --security-opt seccomp=PROFILE)";

#[test]
fn an_old_kernel_is_told_what_is_needed() {
    let old = |release: &str| Facts { release: release.to_owned(), ..facts() };
    for release in ["5.4.0", "6.0.19-generic", "4.19", ""] {
        let expected = format!(
            "this kernel ({release}) has no usable io_uring. Nestling needs Linux 6.1 or newer"
        );
        assert_eq!(setup(libc::ENOSYS, &old(release)), expected);
    }
    for release in ["6.1.0", "6.1-rc4", "6.18.44", "7.0.0", "10.2"] {
        assert!(!setup(libc::ENOSYS, &old(release)).contains("newer"), "{release} is new enough");
    }
}

#[test]
fn a_kernel_without_io_uring_is_told_from_a_filter() {
    let expected = format!(
        "io_uring_setup is blocked (ENOSYS) although the kernel (6.12.3-test) supports it. The \
         kernel may have been built without CONFIG_IO_URING. {PROFILE}"
    );
    assert_eq!(setup(libc::ENOSYS, &facts()), expected);
}

#[test]
fn a_filter_names_its_container() {
    let inside = Facts { seccomp: true, container: Some("docker"), ..facts() };
    let expected = format!(
        "io_uring_setup is blocked (ENOSYS) although the kernel (6.12.3-test) supports it. A \
         seccomp filter hides it (Seccomp: 2; container: docker). {PROFILE}"
    );
    assert_eq!(setup(libc::ENOSYS, &inside), expected);
    let expected = format!(
        "io_uring_setup was refused (EPERM) by a seccomp filter (Seccomp: 2; container: docker), \
         not by the kernel setting (io_uring_disabled=0). This is the default of Docker and \
         containerd since 2023. {PROFILE}"
    );
    assert_eq!(setup(libc::EPERM, &inside), expected);
}

#[test]
fn a_machine_that_has_it_switched_off_names_the_setting() {
    // Whatever else holds: the setting alone suffices.
    let off = Facts { disabled: Some(2), seccomp: true, ..facts() };
    assert_eq!(
        setup(libc::EPERM, &off),
        "io_uring is switched off on this machine (kernel.io_uring_disabled=2). An administrator \
         can allow it: sysctl -w kernel.io_uring_disabled=0, or =1 with a permitted group"
    );
}

#[test]
fn a_machine_that_limits_it_to_a_group_names_both_sides() {
    let limited = Facts { disabled: Some(1), group: Some(998), ..facts() };
    assert_eq!(
        setup(libc::EPERM, &limited),
        "io_uring is limited to group 998 (kernel.io_uring_disabled=1, io_uring_group=998); this \
         process runs as uid 1000, groups 1000 27. Add the user to that group or set the sysctl \
         to 0"
    );
}

#[test]
fn a_security_module_is_blamed_when_nothing_else_can_be() {
    let expected = |answer: &str| {
        format!(
            "io_uring_setup was refused ({answer}). A Linux security module (SELinux, AppArmor) \
             may forbid it; see the audit log"
        )
    };
    assert_eq!(setup(libc::EPERM, &facts()), expected("EPERM"));
    // Before 6.6 there is no setting.
    let old = Facts { disabled: None, group: None, ..facts() };
    assert_eq!(setup(libc::EPERM, &old), expected("EPERM"));
    // SELinux; a filter that lets other things pass has nothing to do with it.
    let filtered = Facts { seccomp: true, ..facts() };
    assert_eq!(setup(libc::EACCES, &filtered), expected("EACCES"));
}

#[test]
fn the_limit_of_descriptors_is_told_with_both_values() {
    assert_eq!(
        setup(libc::EMFILE, &facts()),
        "the limit of open descriptors (soft 1024, hard 4096) was reached: a core needs two, for \
         its ring and to be woken, and with others a third. Raise it (ulimit -n, systemd \
         LimitNOFILE=) or open less"
    );
    let endless = Facts { nofile: Limit { soft: Some(64), hard: None }, ..facts() };
    assert!(setup(libc::EMFILE, &endless).contains("(soft 64, hard none)"));
}

#[test]
fn the_limit_of_the_machine_is_not_taken_for_that_of_the_process() {
    let expected = "the machine's limit of open files (fs.file-max) was reached, so a core cannot \
                    have its ring. An administrator can raise it: sysctl -w fs.file-max=NUMBER";
    assert_eq!(setup(libc::ENFILE, &facts()), expected);
    assert_eq!(explain::bell(&Error::from_raw_os_error(libc::ENFILE)).to_string(), expected);
}

#[test]
fn a_lack_of_locked_memory_is_told_from_a_lack_of_memory() {
    let little = Facts { memlock: Limit { soft: Some(64 << 10), hard: None }, ..facts() };
    assert_eq!(
        setup(libc::ENOMEM, &little),
        "not enough locked memory for a ring: 256 submission and 8192 completion entries need \
         about 148 KiB, RLIMIT_MEMLOCK is 64 KiB for all rings of the user. Raise it (ulimit -l, \
         systemd LimitMEMLOCK=, docker --ulimit memlock=-1) or use fewer cores or entries"
    );
    let expected = "the kernel is out of memory for a ring of about 148 KiB, or the memory \
                    cgroup's limit is reached";
    let privileged = Facts { may_lock: true, ..little };
    assert_eq!(setup(libc::ENOMEM, &privileged), expected);
    let endless = Facts { memlock: Limit::default(), ..facts() };
    assert_eq!(setup(libc::ENOMEM, &endless), expected);
}

#[test]
fn a_lack_passes_only_if_other_rings_are_its_cause() {
    let may_pass = |facts: Facts| explain::may_pass(&Config::default(), &facts);
    let limit = |bytes: u64| Facts { memlock: Limit { soft: Some(bytes), hard: None }, ..facts() };
    assert!(may_pass(limit(148 << 10)));
    assert!(!may_pass(limit((148 << 10) - 1)), "the limit is too low for this ring alone");
    assert!(!may_pass(Facts { memlock: Limit::default(), ..facts() }), "there is no limit");
    assert!(!may_pass(Facts { may_lock: true, ..facts() }), "no limit counts");
}

#[test]
fn the_memory_of_a_ring_is_that_of_its_rounded_queues() {
    // Pages of the submission queue, then pages of the completion queue and both queues' heads.
    let sizes = [(2, 4, 4 + 4), (256, 8192, 16 + 132), (300, 9_000, 32 + 260)];
    // The kernel makes no larger ones, and no smaller completion than submission queue.
    let limits = [(1 << 20, 1 << 30, 2048 + 1156), (4096, 2, 256 + 84)];
    for (entries, completions, kib) in sizes.into_iter().chain(limits) {
        let config = Config { entries, completions, ..Config::default() };
        let error = Error::from_raw_os_error(libc::ENOMEM);
        let text = explain::setup(&error, &config, &facts()).to_string();
        assert!(text.contains(&format!("need about {kib} KiB")), "{kib} KiB expected: {text}");
    }
}

#[test]
fn a_call_that_is_blocked_alone_is_named() {
    let filtered = Facts { seccomp: true, ..facts() };
    for (answer, words) in [
        (libc::EPERM, "Operation not permitted (os error 1)"),
        (libc::EACCES, "Permission denied (os error 13)"),
        (libc::ENOSYS, "Function not implemented (os error 38)"),
    ] {
        let expected = |by: &str| {
            format!(
                "io_uring_setup works but io_uring_enter is blocked ({words}){by}; all three calls \
                 of io_uring are needed. {PROFILE}"
            )
        };
        assert_eq!(half_blocked("io_uring_enter", answer, &facts()), expected(""));
        let by = ", by a seccomp filter";
        assert_eq!(half_blocked("io_uring_enter", answer, &filtered), expected(by));
    }
    assert_eq!(
        half_blocked("io_uring_register", libc::EINVAL, &filtered),
        "io_uring_register failed on Linux 6.12.3-test: Invalid argument (os error 22)"
    );
}

#[test]
fn what_a_kernel_lacks_is_named_with_its_release() {
    let error = explain::lacks("IORING_SETUP_DEFER_TASKRUN", "6.1", &facts());
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        "Linux 6.12.3-test lacks IORING_SETUP_DEFER_TASKRUN, which came with 6.1. Nestling needs \
         Linux 6.1 or newer"
    );
}

#[test]
fn an_answer_without_words_is_handed_on_with_the_release() {
    assert_eq!(
        setup(libc::EFAULT, &facts()),
        "io_uring_setup failed on Linux 6.12.3-test: Bad address (os error 14)"
    );
    assert_eq!(
        explain::bell(&Error::from_raw_os_error(libc::ENODEV)).to_string(),
        "eventfd failed: No such device (os error 19)"
    );
}

#[test]
fn an_explained_error_keeps_its_kind() {
    for answer in [libc::ENOSYS, libc::EPERM, libc::EACCES, libc::ENOMEM, libc::EFAULT] {
        let error = Error::from_raw_os_error(answer);
        let kind = error.kind();
        assert_eq!(explain::setup(&error, &Config::default(), &facts()).kind(), kind);
        assert_eq!(explain::half_blocked("io_uring_enter", &error, &facts()).kind(), kind);
    }
}
