//! The inbox of a core: what other threads and cores ask of it, and how they wake it for that.
//!
//! ```text
//!   a waker: RemoteWake ───────┐
//!   a handle: RemoteCancel ────┤  push                  drain
//!   offloaded work: Ticket ────┼──────▶ Injector queue ───────▶ the event loop
//!   another core: send ────────┘  + wakes the core, once: Unparker, or by way of a ring: Team
//! ```
//!
//! The messages name tasks, scopes and operations by number; the event loop knows what these are.

mod injector;
mod remote_cancel;
mod remote_wake;
mod team;
mod ticket;
mod unparker;

pub(crate) use injector::{Injector, Message, current};
pub(crate) use remote_cancel::RemoteCancel;
pub(crate) use remote_wake::RemoteWake;
pub(crate) use team::{
    Member, Peer, Team, has_doorbells, next_doorbell, peer, place, ring_doorbell, send, trim,
};
pub(crate) use ticket::Ticket;
pub(crate) use unparker::Unparker;
