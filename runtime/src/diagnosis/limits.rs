//! The words for a limit that was reached: of descriptors, of open files, of threads.

use super::{Facts, Refusal};
use std::io;

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

/// The limit of descriptors of the process was reached.
pub(crate) fn descriptors(facts: &Facts) -> Refusal {
    let cause = format!(
        "the limit of open descriptors ({}) was reached: a core needs two, for its ring and to be \
         woken, and with others a third",
        facts.nofile
    );
    Refusal::new(cause, MORE_DESCRIPTORS)
}

/// The limit of open files of the machine was reached.
pub(crate) fn files() -> Refusal {
    Refusal::new(
        "the machine's limit of open files (fs.file-max) was reached, so a core cannot have its \
         ring",
        "An administrator can raise it: sysctl -w fs.file-max=NUMBER",
    )
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
