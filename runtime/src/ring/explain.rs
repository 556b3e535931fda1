//! The words for a ring that could not be made: what is missing, and the remedy.

use super::facts::Facts;
use crate::config::Config;
use std::io;

/// Bytes that the kernel charges for a ring with this many entries in its queues: it rounds them up
/// to powers of two, and each queue up to pages.
fn ring_bytes(config: &Config) -> u64 {
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
    let text = match error.raw_os_error() {
        Some(libc::ENOSYS) => hidden(facts),
        Some(libc::EPERM) => refused(facts),
        // No sysctl answers so, and no container's profile that is known.
        Some(libc::EACCES) => forbidden("EACCES"),
        Some(libc::ENOMEM) => memory(config, facts),
        Some(libc::EMFILE) => descriptors(facts),
        Some(libc::ENFILE) => FILES.to_owned(),
        _ => format!("io_uring_setup failed on Linux {}: {error}", facts.release),
    };
    io::Error::new(error.kind(), text)
}

/// The eventfd by which other threads wake a core could not be made.
pub(crate) fn bell(error: &io::Error) -> io::Error {
    let text = match error.raw_os_error() {
        Some(libc::EMFILE) => descriptors(&Facts::read()),
        Some(libc::ENFILE) => FILES.to_owned(),
        _ => format!("eventfd failed: {error}"),
    };
    io::Error::new(error.kind(), text)
}

fn descriptors(facts: &Facts) -> String {
    let number = |limit: Option<u64>| limit.map_or("none".to_owned(), |limit| limit.to_string());
    format!(
        "the limit of open descriptors (soft {}, hard {}) was reached: a core needs two, for its \
         ring and to be woken, and with others a third. Raise it (ulimit -n, systemd \
         LimitNOFILE=) or open less",
        number(facts.nofile.soft),
        number(facts.nofile.hard)
    )
}

const FILES: &str = "the machine's limit of open files (fs.file-max) was reached, so a core cannot \
                     have its ring. An administrator can raise it: sysctl -w fs.file-max=NUMBER";

fn hidden(facts: &Facts) -> String {
    let release = &facts.release;
    if !facts.is_recent() {
        return format!(
            "this kernel ({release}) has no usable io_uring. Nestling needs Linux 6.1 or newer"
        );
    }
    let cause = match facts.seccomp {
        true => format!("A seccomp filter hides it (Seccomp: 2{})", within(facts)),
        false => "The kernel may have been built without CONFIG_IO_URING".to_owned(),
    };
    format!(
        "io_uring_setup is blocked (ENOSYS) although the kernel ({release}) supports it. {cause}. \
         {PROFILE}"
    )
}

const PROFILE: &str = "Run with a profile that allows io_uring_setup, io_uring_enter and \
                       io_uring_register (docker: --security-opt seccomp=PROFILE)";

fn within(facts: &Facts) -> String {
    facts.container.map(|name| format!("; container: {name}")).unwrap_or_default()
}

fn refused(facts: &Facts) -> String {
    match facts.disabled {
        Some(2) => "io_uring is switched off on this machine (kernel.io_uring_disabled=2). An \
                    administrator can allow it: sysctl -w kernel.io_uring_disabled=0, or =1 with \
                    a permitted group"
            .to_owned(),
        Some(1) => format!(
            "io_uring is limited to group {group} (kernel.io_uring_disabled=1, \
             io_uring_group={group}); this process runs as uid {}, groups {}. Add the user to \
             that group or set the sysctl to 0",
            facts.uid,
            facts.groups,
            group = facts.group.unwrap_or(-1),
        ),
        _ if facts.seccomp => format!(
            "io_uring_setup was refused (EPERM) by a seccomp filter (Seccomp: 2{}), not by the \
             kernel setting (io_uring_disabled=0). This is the default of Docker and containerd \
             since 2023. {PROFILE}",
            within(facts)
        ),
        _ => forbidden("EPERM"),
    }
}

fn forbidden(answer: &str) -> String {
    format!(
        "io_uring_setup was refused ({answer}). A Linux security module (SELinux, AppArmor) may \
         forbid it; see the audit log"
    )
}

fn memory(config: &Config, facts: &Facts) -> String {
    let need = ring_bytes(config) / 1024;
    match facts.memlock.soft {
        Some(limit) if !facts.may_lock => format!(
            "not enough locked memory for a ring: {} submission and {} completion entries need \
             about {need} KiB, RLIMIT_MEMLOCK is {} KiB for all rings of the user. Raise it \
             (ulimit -l, systemd LimitMEMLOCK=, docker --ulimit memlock=-1) or use fewer cores \
             or entries",
            config.entries,
            config.completions,
            limit / 1024
        ),
        _ => format!(
            "the kernel is out of memory for a ring of about {need} KiB, or the memory cgroup's \
             limit is reached"
        ),
    }
}

/// The ring was made, but one of the other two calls does not answer.
pub(crate) fn half_blocked(call: &str, error: &io::Error, facts: &Facts) -> io::Error {
    let text = match error.raw_os_error() {
        Some(libc::EPERM | libc::ENOSYS | libc::EACCES) => format!(
            "io_uring_setup works but {call} is blocked ({error}){}; all three calls of io_uring \
             are needed. {PROFILE}",
            if facts.seccomp { ", by a seccomp filter" } else { "" }
        ),
        _ => format!("{call} failed on Linux {}: {error}", facts.release),
    };
    io::Error::new(error.kind(), text)
}

/// The kernel is too old for something that Nestling cannot do without.
pub(crate) fn lacks(what: &str, since: &str, facts: &Facts) -> io::Error {
    let text = format!(
        "Linux {} lacks {what}, which came with {since}. Nestling needs Linux 6.1 or newer",
        facts.release
    );
    io::Error::new(io::ErrorKind::Unsupported, text)
}
