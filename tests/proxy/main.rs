//! The proxy example from outside: a process of its own between blocking clients and servers of the
//! standard library.
//!
//! | file | what it holds |
//! |---|---|
//! | `front.rs` | the proxy: start, look into, stop |
//! | `bytes.rs` | bytes in both directions, half-closes, a client that does not read |
//! | `real.rs` | redis and nginx behind it |
//! | `servers.rs` | servers in turn, servers that are down, gone or silent |
//! | `stop.rs` | the drain, and the demonstration |

mod bytes;
mod front;
#[path = "../support/process.rs"]
mod process;
mod real;
mod servers;
mod stop;
