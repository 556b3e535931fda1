//! The words for a ring that could not be made: what is missing, and the remedy.

use super::Switch;
use crate::config::Config;
use crate::diagnosis::{Facts, Refusal, descriptors, files};
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
pub(super) fn may_pass(config: &Config, facts: &Facts) -> bool {
    !facts.may_lock && facts.memlock.soft.is_some_and(|limit| ring_bytes(config) <= limit)
}

/// `io_uring_setup` failed.
pub(super) fn setup(
    error: &io::Error,
    config: &Config,
    facts: &Facts,
    switch: Switch,
) -> io::Error {
    let refusal = match error.raw_os_error() {
        Some(libc::ENOSYS) => hidden(facts),
        Some(libc::EPERM) => refused(facts, switch),
        // No sysctl answers so, and no container's profile that is known.
        Some(libc::EACCES) => forbidden("EACCES"),
        Some(libc::ENOMEM) => memory(config, facts),
        Some(libc::EMFILE) => descriptors(facts),
        Some(libc::ENFILE) => files(),
        _ => Refusal::bare(format!("io_uring_setup failed on Linux {}: {error}", facts.release)),
    };
    refusal.into_error(error.kind())
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

fn refused(facts: &Facts, switch: Switch) -> Refusal {
    match switch.disabled {
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
                group = switch.group.unwrap_or(-1),
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

/// A queue of buffers was not taken.
pub(super) fn buffers(error: &io::Error, count: u16, facts: &Facts) -> io::Error {
    let refusal = match error.raw_os_error() {
        Some(libc::ENOMEM) => Refusal::new(
            format!(
                "a pool of {count} buffers cannot be made: not enough locked memory for its \
                 queue of {} KiB",
                (u32::from(count) * 16).div_ceil(1024)
            ),
            "Raise RLIMIT_MEMLOCK (ulimit -l, systemd LimitMEMLOCK=, docker --ulimit memlock=-1) \
             or have fewer buffers in it",
        ),
        _ => Refusal::new(
            format!(
                "a pool of {count} buffers cannot be made: the kernel refuses its queue on Linux \
                 {} ({error})",
                facts.release
            ),
            "Receive into buffers of your own (read, recv_from), which needs no pool",
        ),
    };
    refusal.into_error(error.kind())
}

/// The ring was made, but one of the other two calls does not answer.
pub(super) fn half_blocked(call: &str, error: &io::Error, facts: &Facts) -> io::Error {
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
pub(super) fn lacks(what: &str, since: &str, facts: &Facts) -> io::Error {
    let cause = format!("Linux {} lacks {what}, which came with {since}", facts.release);
    Refusal::new(cause, RECENT).into_error(io::ErrorKind::Unsupported)
}

/// `io_uring_setup` takes no flags at all, so that none of them can be what the kernel lacks.
pub(super) fn no_flags(facts: &Facts) -> io::Error {
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
pub(super) fn misbehaves(what: &str, facts: &Facts) -> io::Error {
    let cause = format!("Linux {} misbehaves: {what}", facts.release);
    Refusal::new(cause, ANOTHER_KERNEL).into_error(io::ErrorKind::Unsupported)
}

const ANOTHER_KERNEL: &str = "Nothing can be used in its place: run on another kernel, and report \
                              this one";
