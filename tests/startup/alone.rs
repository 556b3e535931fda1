//! Runs a test in a process of its own, which changes what cannot be changed back.

use crate::support::again;
use crate::support::sandbox::{become_user, end_after};
use std::process;
use std::sync::{PoisonError, RwLock};

/// Seconds after which a test hangs, which else is done in one or two.
const PATIENCE: u32 = 60;

/// Held by every test while it runs, and by no other while one runs that counts memory.
static USER: RwLock<()> = RwLock::new(());

/// As [`alone`], and while no other test has rings that the kernel counts together with ours: it
/// counts those of all processes of a user. Root becomes another user; the others have to wait.
#[track_caller]
pub(crate) fn alone_as_user(test: &str, body: impl FnOnce()) {
    let _held = USER.write().unwrap_or_else(PoisonError::into_inner);
    again::alone(test, || {
        end_after(PATIENCE);
        become_user(10_000 + process::id() % 50_000);
        body();
    });
}

/// Runs `body` in a process that does nothing else, and that ends if it hangs.
#[track_caller]
pub(crate) fn alone(test: &str, body: impl FnOnce()) {
    let _held = USER.read().unwrap_or_else(PoisonError::into_inner);
    again::alone(test, || {
        end_after(PATIENCE);
        body();
    });
}
