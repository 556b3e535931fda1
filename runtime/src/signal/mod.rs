//! Signals as something to await: each task that asks gets them on its own core.
//!
//! ```text
//!   the kernel ──▶ handler, on any thread ──▶ a flag for each signal ──────────▶ Signals::next
//!                  (shared by all tasks)    └▶ a byte in the core's socket ─poll──▲
//! ```
//!
//! The crate signal-hook is the handler: other users of that crate share the process's one with us.

mod signals;
mod stop;

pub use signal_hook::consts::{
    SIGALRM, SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2,
    SIGWINCH,
};
pub use signals::{Signals, ctrl_c, signals};
pub use stop::stop_requested;
