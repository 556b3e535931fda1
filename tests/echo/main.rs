//! The echo example from outside: it is started as a process of its own, and everything is done to
//! it that the network may do.
//!
//! The clients are blocking sockets of the standard library, so that they share no code with what
//! they test. A test waits for a condition, with a deadline only against hanging.
//!
//! | file | what it holds |
//! |---|---|
//! | `server.rs` | the server: start, look into, stop |
//! | `client.rs` | what a client does |
//! | `bytes.rs` | all bytes come back, for one client and for a thousand |
//! | `rude.rs` | clients that reset, stall, dawdle and vanish |
//! | `scarce.rs` | too few descriptors, no privileges, a limit |
//! | `stop.rs` | signals, and the drain |
//! | `handed_over.rs` | listeners of systemd, restarts, and Unix sockets |
//! | `refusal.rs` | what it says when it cannot serve |
//! | `crowds.rs` | thousands of clients at once, and one after the other |
//! | `demo.rs` | the demonstration |

mod bytes;
mod client;
#[path = "../support/crowds.rs"]
mod crowded;
mod crowds;
mod demo;
mod handed_over;
#[path = "../support/process.rs"]
mod process;
#[path = "../support/random.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod random;
mod refusal;
mod rude;
mod scarce;
mod server;
mod stop;

/// Longer than any test waits: an option with this value plays no part in the outcome.
const FOR_EVER: &str = "1000";
