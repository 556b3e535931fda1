//! openraft's runtime on Nestling: what openraft spawns lives in a nursery.
//!
//! openraft spawns tasks by a function without an argument. Here they become children of the
//! nursery that [`adopt`] opens around the code that uses openraft: none of them outlives it.
//!
//! ```
//! use nestling_openraft::{NestlingRuntime, adopt};
//! use openraft_rt::AsyncRuntime;
//!
//! // In the configuration of a Raft: type AsyncRuntime = NestlingRuntime;
//! let value = nestling::block_on(adopt(async || {
//!     let task = NestlingRuntime::spawn(async { 6 * 7 });
//!     task.await.unwrap()
//! }));
//! assert_eq!(value, 42);
//! ```
//!
//! The example `raft_kv` is a whole program: a key-value store of three processes, with its log and
//! snapshots in files.
//!
//! The feature `single-threaded` of openraft is on: nothing has to be `Send`, and a Raft stays on
//! the core on which it was made. Between cores, send messages (`nestling::sync::remote`).

mod adopt;
mod join;
mod runtime;
mod timeout;

pub use adopt::adopt;
pub use join::{JoinError, JoinHandle};
pub use runtime::NestlingRuntime;
pub use timeout::{Elapsed, Timeout};
