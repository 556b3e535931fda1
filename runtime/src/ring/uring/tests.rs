//! The words of a ring that could not be made, for machines that are not at hand.
//!
//! What can be provoked on any machine is in `tests/startup/` of the workspace.

use super::behaviour::{Expected, judge};
use super::{Switch, encode, explain, fatal, ladder, setup};
use crate::config::Config;
use crate::diagnosis::{self, Facts, Refusal};
use crate::ring::{Capability, Completion};
use crate::sys::{Limit, Pids};
use std::io::{Error, ErrorKind};

/// A machine on which everything is allowed.
fn facts() -> Facts {
    Facts {
        release: "6.12.3-test".to_owned(),
        seccomp: false,
        container: None,
        uid: "1000".to_owned(),
        groups: "1000 27".to_owned(),
        may_lock: false,
        memlock: Limit { soft: Some(8 << 20), hard: None },
        nofile: Limit { soft: Some(1024), hard: Some(4096) },
        threads: Limit { soft: Some(500), hard: None },
        pids: None,
    }
}

/// What is said when `io_uring_setup` answers so.
fn refused(answer: i32, facts: &Facts) -> String {
    refused_with(answer, facts, Switch { disabled: Some(0), group: Some(-1) })
}

/// What is said when `io_uring_setup` answers so, on a machine with these settings.
fn refused_with(answer: i32, facts: &Facts, switch: Switch) -> String {
    let error = Error::from_raw_os_error(answer);
    explain::setup(&error, &Config::default(), facts, switch).to_string()
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
        assert_eq!(refused(libc::ENOSYS, &old(release)), expected);
    }
    for release in ["6.1.0", "6.1-rc4", "6.18.44", "7.0.0", "10.2"] {
        assert!(!refused(libc::ENOSYS, &old(release)).contains("newer"), "{release} is new enough");
    }
}

#[test]
fn a_kernel_without_io_uring_is_told_from_a_filter() {
    let expected = format!(
        "io_uring_setup is blocked (ENOSYS) although the kernel (6.12.3-test) supports it. The \
         kernel may have been built without CONFIG_IO_URING. {PROFILE}"
    );
    assert_eq!(refused(libc::ENOSYS, &facts()), expected);
}

#[test]
fn a_filter_names_its_container() {
    let inside = Facts { seccomp: true, container: Some("docker"), ..facts() };
    let expected = format!(
        "io_uring_setup is blocked (ENOSYS) although the kernel (6.12.3-test) supports it. A \
         seccomp filter hides it (Seccomp: 2; container: docker). {PROFILE}"
    );
    assert_eq!(refused(libc::ENOSYS, &inside), expected);
    let expected = format!(
        "io_uring_setup was refused (EPERM) by a seccomp filter (Seccomp: 2; container: docker), \
         not by the kernel setting (io_uring_disabled=0). This is the default of Docker and \
         containerd since 2023. {PROFILE}"
    );
    assert_eq!(refused(libc::EPERM, &inside), expected);
}

#[test]
fn a_machine_that_has_it_switched_off_names_the_setting() {
    // Whatever else holds: the setting alone suffices.
    let off = Switch { disabled: Some(2), group: Some(-1) };
    assert_eq!(
        refused_with(libc::EPERM, &Facts { seccomp: true, ..facts() }, off),
        "io_uring is switched off on this machine (kernel.io_uring_disabled=2). An administrator \
         can allow it: sysctl -w kernel.io_uring_disabled=0, or =1 with a permitted group"
    );
}

#[test]
fn a_machine_that_limits_it_to_a_group_names_both_sides() {
    let limited = Switch { disabled: Some(1), group: Some(998) };
    assert_eq!(
        refused_with(libc::EPERM, &facts(), limited),
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
    assert_eq!(refused(libc::EPERM, &facts()), expected("EPERM"));
    // Before 6.6 there is no setting.
    assert_eq!(refused_with(libc::EPERM, &facts(), Switch::default()), expected("EPERM"));
    // SELinux; a filter that lets other things pass has nothing to do with it.
    let filtered = Facts { seccomp: true, ..facts() };
    assert_eq!(refused(libc::EACCES, &filtered), expected("EACCES"));
}

#[test]
fn the_limit_of_descriptors_is_told_with_both_values() {
    assert_eq!(
        refused(libc::EMFILE, &facts()),
        "the limit of open descriptors (soft 1024, hard 4096) was reached: a core needs two, for \
         its ring and to be woken, and with others a third. Raise it (ulimit -n, systemd \
         LimitNOFILE=) or open less"
    );
    let endless = Facts { nofile: Limit { soft: Some(64), hard: None }, ..facts() };
    assert!(refused(libc::EMFILE, &endless).contains("(soft 64, hard none)"));
}

#[test]
fn the_limit_of_the_machine_is_not_taken_for_that_of_the_process() {
    let expected = "the machine's limit of open files (fs.file-max) was reached, so a core cannot \
                    have its ring. An administrator can raise it: sysctl -w fs.file-max=NUMBER";
    assert_eq!(refused(libc::ENFILE, &facts()), expected);
    assert_eq!(
        diagnosis::opening("eventfd", &Error::from_raw_os_error(libc::ENFILE)).to_string(),
        expected
    );
}

#[test]
fn a_lack_of_locked_memory_is_told_from_a_lack_of_memory() {
    let little = Facts { memlock: Limit { soft: Some(64 << 10), hard: None }, ..facts() };
    assert_eq!(
        refused(libc::ENOMEM, &little),
        "not enough locked memory for a ring: 256 submission and 8192 completion entries need \
         about 148 KiB, RLIMIT_MEMLOCK is 64 KiB for all rings of the user. Raise it (ulimit -l, \
         systemd LimitMEMLOCK=, docker --ulimit memlock=-1) or use fewer cores or entries"
    );
    let expected = "the kernel is out of memory for a ring of about 148 KiB, or the memory \
                    cgroup's limit is reached. Give it more (systemd MemoryMax=, docker --memory) \
                    or use fewer cores or entries";
    let privileged = Facts { may_lock: true, ..little };
    assert_eq!(refused(libc::ENOMEM, &privileged), expected);
    let endless = Facts { memlock: Limit::default(), ..facts() };
    assert_eq!(refused(libc::ENOMEM, &endless), expected);
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
        let text = explain::setup(&error, &config, &facts(), Switch::default()).to_string();
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
        refused(libc::EFAULT, &facts()),
        "io_uring_setup failed on Linux 6.12.3-test: Bad address (os error 14)"
    );
    assert_eq!(
        diagnosis::opening("eventfd", &Error::from_raw_os_error(libc::ENODEV)).to_string(),
        "eventfd failed: No such device (os error 19)"
    );
}

#[test]
fn an_explained_error_keeps_its_kind() {
    for answer in [libc::ENOSYS, libc::EPERM, libc::EACCES, libc::ENOMEM, libc::EFAULT] {
        let error = Error::from_raw_os_error(answer);
        let kind = error.kind();
        assert_eq!(
            explain::setup(&error, &Config::default(), &facts(), Switch::default()).kind(),
            kind
        );
        assert_eq!(explain::half_blocked("io_uring_enter", &error, &facts()).kind(), kind);
    }
}

#[test]
fn the_flag_that_a_kernel_lacks_is_named() {
    let names = [
        "CQSIZE, which came with 5.5",
        "CLAMP, which came with 5.6",
        "SUBMIT_ALL, which came with 5.18",
        "SINGLE_ISSUER, which came with 6.0",
        "DEFER_TASKRUN, which came with 6.1",
    ];
    for (known, name) in names.into_iter().enumerate() {
        let text = ladder::name(|flags| *flags > known, &facts()).to_string();
        let expected = format!(
            "Linux 6.12.3-test lacks IORING_SETUP_{name}. Nestling needs Linux 6.1 or newer"
        );
        assert_eq!(text, expected);
    }
}

#[test]
fn an_answer_that_no_flag_explains_is_not_taken_for_an_old_kernel() {
    let text = |facts: Facts| ladder::name(|_| true, &facts).to_string();
    let said = |by: &str| {
        format!(
            "io_uring_setup answers EINVAL even without flags, which the kernel (6.12.3-test) does \
             not: {by}. {PROFILE}"
        )
    };
    assert_eq!(text(facts()), said("this may be no Linux, but an emulation of it"));
    let filtered = Facts { seccomp: true, container: Some("docker"), ..facts() };
    let by = "a seccomp filter answers in its place (Seccomp: 2; container: docker)";
    assert_eq!(text(filtered), said(by));
}

#[test]
fn an_operation_that_a_kernel_lacks_is_found() {
    let needed = [Capability::Nop, Capability::Recv, Capability::Message];
    assert_eq!(setup::lacking(&needed, |_| true), None);
    let without = |missing| {
        let (missing, ..) = encode::operation(missing);
        setup::lacking(&needed, |code| code != missing)
    };
    assert_eq!(without(Capability::Recv), Some(("IORING_OP_RECV", "5.6")));
    assert_eq!(without(Capability::Message), Some(("IORING_OP_MSG_RING", "5.18")));
}

#[test]
fn a_limit_of_threads_is_named() {
    let said = |facts: &Facts| {
        diagnosis::thread(&Error::from_raw_os_error(libc::EAGAIN), facts).to_string()
    };
    let remedy = "Raise it (ulimit -u, systemd LimitNPROC= and TasksMax=, docker --pids-limit) or \
                  use fewer cores";
    let reached = "a limit of threads was reached: RLIMIT_NPROC is 500 for all threads of the user";
    assert_eq!(said(&facts()), format!("{reached}. {remedy}"));
    let group = Facts { pids: Some(Pids { most: 20, now: 19 }), ..facts() };
    let limit = "pids.max of the control group is 20, 19 are in use";
    assert_eq!(said(&group), format!("{reached}, {limit}. {remedy}"));
    let other = diagnosis::thread(&Error::from_raw_os_error(libc::EPERM), &facts());
    let text = "no thread can be started: Operation not permitted (os error 1)";
    assert_eq!(other.to_string(), text);
}

#[test]
fn the_end_of_a_ring_says_what_it_means() {
    let said = |answer| fatal(&Error::from_raw_os_error(answer));
    assert_eq!(
        said(libc::EBADR),
        "the kernel lost a completion, out of memory: state is unknown (io_uring_enter: Invalid \
         request descriptor (os error 53))"
    );
    assert_eq!(
        said(libc::EEXIST),
        "the ring is used by another thread than the one that made it (io_uring_enter: File exists \
         (os error 17))"
    );
    let other = "the ring cannot be entered any more (io_uring_enter: Bad address (os error 14))";
    assert_eq!(said(libc::EFAULT), other);
}

/// A completion, multishot if there is more to come.
fn answer(user_data: u64, result: i32, more: bool) -> Completion {
    Completion { user_data, result, flags: if more { 2 } else { 0 } }
}

#[test]
fn a_wrong_answer_is_told_from_a_right_one() {
    let cut = Expected { user_data: 1, result: -libc::ECANCELED, more: false };
    let granted = Expected { user_data: 2, result: 0, more: false };
    let judge = |got: &[Completion]| judge("a receive", &[cut, granted], got);
    let (right, request) = (answer(1, -libc::ECANCELED, false), answer(2, 0, false));
    // The two may come in either order.
    assert_eq!(judge(&[right, request]), Ok(()));
    assert_eq!(judge(&[request, right]), Ok(()));
    let wanted = "where Operation canceled (os error 125) and 0 to the request was expected";
    let wrong = [
        (&[][..], "nothing"),
        (&[right], "Operation canceled (os error 125)"),
        (
            &[answer(1, -libc::ECANCELED, true), request],
            "Operation canceled (os error 125) with more to come and 0 to the request",
        ),
        (
            &[answer(1, 5, false), answer(2, -libc::ENOENT, false)],
            "5 and No such file or directory (os error 2) to the request",
        ),
        (
            &[right, request, request],
            "Operation canceled (os error 125) and 0 to the request and 0 to the request",
        ),
    ];
    for (got, words) in wrong {
        assert_eq!(judge(got), Err(format!("a receive was answered by {words}, {wanted}")));
    }
}

#[test]
fn a_misbehaving_kernel_is_named() {
    assert_eq!(
        explain::misbehaves("it did not wait for a deadline", &facts()).to_string(),
        "Linux 6.12.3-test misbehaves: it did not wait for a deadline. Nothing can be used in its \
         place: run on another kernel, and report this one"
    );
}

#[test]
fn a_refusal_keeps_its_remedy_apart() {
    let error = explain::lacks("IORING_SETUP_DEFER_TASKRUN", "6.1", &facts());
    let at = Refusal::at("core 3 cannot start", &error);
    assert_eq!(at.kind(), ErrorKind::Unsupported);
    assert_eq!(
        format!("{at:?}"),
        format!("Custom {{ kind: Unsupported, error: {:?} }}", at.to_string())
    );
    let (cause, remedy) = Refusal::of(&at).into_parts();
    let lacks = "Linux 6.12.3-test lacks IORING_SETUP_DEFER_TASKRUN, which came with 6.1";
    assert_eq!(cause, format!("core 3 cannot start: {lacks}"));
    assert_eq!(remedy.as_deref(), Some("Nestling needs Linux 6.1 or newer"));
}
