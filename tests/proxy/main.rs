//! The proxy example from outside: a process of its own between blocking clients and servers of the
//! standard library.
//!
//! | file | what it holds |
//! |---|---|
//! | `crowds.rs` | thousands of connections |
//! | `front.rs` | the proxy: start, look into, stop |
//! | `bytes.rs` | bytes in both directions, half-closes, a client that does not read |
//! | `local.rs` | Unix sockets on either side |
//! | `real.rs` | redis and nginx behind it |
//! | `resets.rs` | bytes in both directions, and resets in between |
//! | `servers.rs` | servers in turn, servers that are down, gone or silent |
//! | `stop.rs` | the drain, and the demonstration |

mod bytes;
#[path = "../support/crowds.rs"]
mod crowded;
mod crowds;
mod front;
mod local;
#[path = "../support/process.rs"]
mod process;
#[path = "../support/random.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod random;
mod real;
mod resets;
mod servers;
mod stop;
