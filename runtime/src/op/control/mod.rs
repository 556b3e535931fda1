//! Control messages: what goes along with the bytes of a message, in bytes of its own.
//!
//! ```text
//!   typed values ──▶ outgoing.rs ──▶ list.rs: bytes ──▶ kernel
//!   typed values ◀── incoming.rs ◀── list.rs: bytes ◀── kernel
//! ```

mod incoming;
pub(crate) mod list;
mod outgoing;

pub(crate) use incoming::{Control, MOST_FDS, Room};
pub(crate) use outgoing::Outgoing;
