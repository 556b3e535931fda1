//! For the crate `hyper` (feature `hyper`): a clock for its timeouts, and its traits for streams
//! and their halves.
//!
//! A server's tasks, those of HTTP/2 above all, are children of a nursery: a `&Nursery` is an
//! executor of hyper's. Handlers may borrow, and need not be `Send`.

mod io;
mod timer;

pub use timer::Timer;
