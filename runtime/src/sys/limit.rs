//! The limit of open descriptors, asked for without opening one.

use std::io;

/// What to say when this process has no descriptor left for `what`. `/proc` cannot tell any more.
pub(crate) fn out_of_descriptors(what: &str) -> String {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a live, writable rlimit for the length of the call.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    assert_eq!(result, 0, "every process has this limit");
    format!(
        "the limit of open descriptors (soft {}, hard {}) was reached before {what} was made. \
         Raise it (ulimit -n, systemd LimitNOFILE=) or open less",
        limit.rlim_cur, limit.rlim_max
    )
}

/// Whether an error says that the process, or the machine, has no descriptor left.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}
