//! `stop_requested`: the first signal asks a server to stop, the second one ends it.
//!
//! ```text
//!   serving ──SIGINT, SIGTERM──▶ stopping: waiters are told ──SIGINT, SIGTERM──▶ killed by it
//! ```
//!
//! Both are the handler's, so a server whose loop hangs can be ended, too.

use super::{SIGINT, SIGTERM, signals};
use crate::wake::budget;
use crate::yield_now::consume_budget;
use signal_hook::flag;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Set by the first signal. `None` until the first call of [`stop_requested`].
static STOPPING: Mutex<Option<Arc<AtomicBool>>> = Mutex::new(None);

/// Waits for the first `SIGINT` or `SIGTERM` that the process gets from the first call on.
/// Every caller hears of it, on every core, also later: it is the process that shall stop.
///
/// The next `SIGINT` or `SIGTERM` after that ends the process at once, as it would have without
/// this: the user can always end a server that does not get done.
///
/// # Cancellation
///
/// Ends at once. What the signals do stays as described.
///
/// # Errors
///
/// No descriptors are left, or it was cancelled.
///
/// # Examples
///
/// ```no_run
/// use nestling_runtime::signal::stop_requested;
///
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(async {
///     // A server has this in a daemon, which then cancels the nursery that it serves in.
///     stop_requested().await
/// })
/// # }
/// ```
pub fn stop_requested() -> impl Future<Output = io::Result<()>> {
    // In this order: a signal between the two is seen in the flag.
    let registered = stopping().and_then(|stopping| Ok((stopping, signals([SIGINT, SIGTERM])?)));
    async move {
        budget::works();
        consume_budget().await;
        let (stopping, mut signals) = registered?;
        while !stopping.load(Ordering::SeqCst) {
            signals.next().await?;
        }
        Ok(())
    }
}

/// The flag; the handlers that use it are registered by the first call.
fn stopping() -> io::Result<Arc<AtomicBool>> {
    let mut stopping = STOPPING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(stopping) = &*stopping {
        return Ok(Arc::clone(stopping));
    }
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The handlers run in this order: the signal that sets the flag does not end the process,
        // too.
        flag::register_conditional_default(signal, Arc::clone(&flag))?;
        flag::register(signal, Arc::clone(&flag))?;
    }
    *stopping = Some(Arc::clone(&flag));
    Ok(flag)
}
