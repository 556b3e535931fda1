//! The words for a ring that could not be made: what is missing, and the remedy.

use super::facts::Facts;
use super::refusal::Refusal;
use crate::config::Config;
use std::io;

/// Bytes that the kernel charges for a ring with this many entries in its queues: it rounds them up
/// to powers of two, and each queue up to pages.
pub(crate) fn ring_bytes(config: &Config) -> u64 {
    const PAGE: u64 = 4096;
    const MOST_ENTRIES: u32 = 1 << 15;
    const MOST_COMPLETIONS: u32 = 1 << 16;
    /// Heads, tails and masks of both queues.
    const HEADER: u64 = 256;
    let rounded = |entries: u32, most: u32| u64::from(entries.min(most).next_power_of_two());
    let entries = rounded(config.entries, MOST_ENTRIES);
    let completions = rounded(config.completions.max(config.entries), MOST_COMPLETIONS);
    // Before 6.6 there is also an index of four bytes for each entry.
    let rings = HEADER + completions * 16 + entries * 4;
    (entries * 64).next_multiple_of(PAGE) + rings.next_multiple_of(PAGE)
}

/// Whether a lack of memory may pass: the user's other rings have it, because the limit of locked
/// memory is what counts here, and it is enough for this ring.
pub(crate) fn may_pass(config: &Config, facts: &Facts) -> bool {
    !facts.may_lock && facts.memlock.soft.is_some_and(|limit| ring_bytes(config) <= limit)
}

/// `io_uring_setup` failed.
pub(crate) fn setup(error: &io::Error, config: &Config, facts: &Facts) -> io::Error {
    let refusal = match error.raw_os_error() {
        Some(libc::ENOSYS) => hidden(facts),
        Some(libc::EPERM) => refused(facts),
        // No sysctl answers so, and no container's profile that is known.
        Some(libc::EACCES) => forbidden("EACCES"),
        Some(libc::ENOMEM) => memory(config, facts),
        Some(libc::EMFILE) => descriptors(facts),
        Some(libc::ENFILE) => files(),
        _ => Refusal::bare(format!("io_uring_setup failed on Linux {}: {error}", facts.release)),
    };
    refusal.into_error(error.kind())
}

/// The eventfd by which other threads wake a core could not be made.
pub(crate) fn bell(error: &io::Error) -> io::Error {
    opening("eventfd", error)
}

/// The call that opens a descriptor failed.
pub(crate) fn opening(call: &str, error: &io::Error) -> io::Error {
    let refusal = match error.raw_os_error() {
        Some(libc::EMFILE) => descriptors(&Facts::read()),
        Some(libc::ENFILE) => files(),
        _ => Refusal::bare(format!("{call} failed: {error}")),
    };
    refusal.into_error(error.kind())
}

/// What to do when descriptors run out.
pub(crate) const MORE_DESCRIPTORS: &str = "Raise it (ulimit -n, systemd LimitNOFILE=) or open less";

fn descriptors(facts: &Facts) -> Refusal {
    let cause = format!(
        "the limit of open descriptors ({}) was reached: a core needs two, for its ring and to be \
         woken, and with others a third",
        facts.nofile
    );
    Refusal::new(cause, MORE_DESCRIPTORS)
}

fn files() -> Refusal {
    Refusal::new(
        "the machine's limit of open files (fs.file-max) was reached, so a core cannot have its \
         ring",
        "An administrator can raise it: sysctl -w fs.file-max=NUMBER",
    )
}

fn hidden(facts: &Facts) -> Refusal {
    let release = &facts.release;
    if !facts.is_recent() {
        return Refusal::new(format!("this kernel ({release}) has no usable io_uring"), RECENT);
    }
    let cause = match facts.seccomp {
        true => format!("A seccomp filter hides it (Seccomp: 2{})", within(facts)),
        false => "The kernel may have been built without CONFIG_IO_URING".to_owned(),
    };
    let cause = format!(
        "io_uring_setup is blocked (ENOSYS) although the kernel ({release}) supports it. {cause}"
    );
    Refusal::new(cause, PROFILE)
}

const RECENT: &str = "Nestling needs Linux 6.1 or newer";

const PROFILE: &str = "Run with a profile that allows io_uring_setup, io_uring_enter and \
                       io_uring_register (docker: --security-opt seccomp=PROFILE)";

fn within(facts: &Facts) -> String {
    facts.container.map(|name| format!("; container: {name}")).unwrap_or_default()
}

fn refused(facts: &Facts) -> Refusal {
    match facts.disabled {
        Some(2) => Refusal::new(
            "io_uring is switched off on this machine (kernel.io_uring_disabled=2)",
            "An administrator can allow it: sysctl -w kernel.io_uring_disabled=0, or =1 with a \
             permitted group",
        ),
        Some(1) => {
            let cause = format!(
                "io_uring is limited to group {group} (kernel.io_uring_disabled=1, \
                 io_uring_group={group}); this process runs as uid {}, groups {}",
                facts.uid,
                facts.groups,
                group = facts.group.unwrap_or(-1),
            );
            Refusal::new(cause, "Add the user to that group or set the sysctl to 0")
        }
        _ if facts.seccomp => {
            let cause = format!(
                "io_uring_setup was refused (EPERM) by a seccomp filter (Seccomp: 2{}), not by \
                 the kernel setting (io_uring_disabled=0). This is the default of Docker and \
                 containerd since 2023",
                within(facts)
            );
            Refusal::new(cause, PROFILE)
        }
        _ => forbidden("EPERM"),
    }
}

fn forbidden(answer: &str) -> Refusal {
    Refusal::bare(format!(
        "io_uring_setup was refused ({answer}). A Linux security module (SELinux, AppArmor) may \
         forbid it; see the audit log"
    ))
}

/// What to do when locked memory runs out.
pub(crate) const MORE_MEMORY: &str = "Raise it (ulimit -l, systemd LimitMEMLOCK=, docker --ulimit \
                                      memlock=-1) or use fewer cores or entries";

fn memory(config: &Config, facts: &Facts) -> Refusal {
    let need = ring_bytes(config) / 1024;
    match facts.memlock.soft {
        Some(limit) if !facts.may_lock => {
            let cause = format!(
                "not enough locked memory for a ring: {} submission and {} completion entries \
                 need about {need} KiB, RLIMIT_MEMLOCK is {} KiB for all rings of the user",
                config.entries,
                config.completions,
                limit / 1024
            );
            Refusal::new(cause, MORE_MEMORY)
        }
        _ => Refusal::new(
            format!(
                "the kernel is out of memory for a ring of about {need} KiB, or the memory \
                 cgroup's limit is reached"
            ),
            "Give it more (systemd MemoryMax=, docker --memory) or use fewer cores or entries",
        ),
    }
}

/// No thread could be started for a core.
pub(crate) fn thread(error: &io::Error, facts: &Facts) -> io::Error {
    if error.raw_os_error() != Some(libc::EAGAIN) {
        return Refusal::bare(format!("no thread can be started: {error}"))
            .into_error(error.kind());
    }
    let user = match facts.threads.soft {
        Some(limit) => format!("RLIMIT_NPROC is {limit} for all threads of the user"),
        None => "RLIMIT_NPROC is none".to_owned(),
    };
    let group = facts.pids.as_ref().map(|pids| format!(", {pids}")).unwrap_or_default();
    let cause = format!("a limit of threads was reached: {user}{group}");
    Refusal::new(cause, MORE_THREADS).into_error(error.kind())
}

const MORE_THREADS: &str = "Raise it (ulimit -u, systemd LimitNPROC= and TasksMax=, docker \
                            --pids-limit) or use fewer cores";

/// The ring was made, but one of the other two calls does not answer.
pub(crate) fn half_blocked(call: &str, error: &io::Error, facts: &Facts) -> io::Error {
    let refusal = match error.raw_os_error() {
        Some(libc::EPERM | libc::ENOSYS | libc::EACCES) => {
            let cause = format!(
                "io_uring_setup works but {call} is blocked ({error}){}; all three calls of \
                 io_uring are needed",
                if facts.seccomp { ", by a seccomp filter" } else { "" }
            );
            Refusal::new(cause, PROFILE)
        }
        _ => Refusal::bare(format!("{call} failed on Linux {}: {error}", facts.release)),
    };
    refusal.into_error(error.kind())
}

/// The kernel is too old for something that Nestling cannot do without.
pub(crate) fn lacks(what: &str, since: &str, facts: &Facts) -> io::Error {
    let cause = format!("Linux {} lacks {what}, which came with {since}", facts.release);
    Refusal::new(cause, RECENT).into_error(io::ErrorKind::Unsupported)
}

/// `io_uring_setup` takes no flags at all, so that none of them can be what the kernel lacks.
pub(crate) fn no_flags(facts: &Facts) -> io::Error {
    let by = match facts.seccomp {
        true => format!("a seccomp filter answers in its place (Seccomp: 2{})", within(facts)),
        false => "this may be no Linux, but an emulation of it".to_owned(),
    };
    let cause = format!(
        "io_uring_setup answers EINVAL even without flags, which the kernel ({}) does not: {by}",
        facts.release
    );
    Refusal::new(cause, PROFILE).into_error(io::ErrorKind::Unsupported)
}

/// The kernel answers otherwise than it promises.
pub(crate) fn misbehaves(what: &str, facts: &Facts) -> io::Error {
    let cause = format!("Linux {} misbehaves: {what}", facts.release);
    Refusal::new(cause, ANOTHER_KERNEL).into_error(io::ErrorKind::Unsupported)
}

const ANOTHER_KERNEL: &str = "Nothing can be used in its place: run on another kernel, and report \
                              this one";
