//! What the kernel and the library tell of threads.

use std::thread;

/// Whether a thread's account, the file `stat` of its folder below `/proc`, says that it sleeps.
pub(crate) fn says_asleep(stat: &str) -> bool {
    // Its name comes before, in brackets, and may have any character.
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" S"))
}

/// The name of the calling thread.
pub(crate) fn name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}
