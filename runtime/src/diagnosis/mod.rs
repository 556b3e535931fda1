//! Why the machine says no, in words: the facts that an explanation may need, the limits that a
//! process meets, and the error that keeps the cause apart from the remedy.
//!
//! Words that only a ring needs are in the module of the ring.

mod facts;
mod limits;
mod refusal;

pub(crate) use facts::Facts;
pub(crate) use limits::{MORE_DESCRIPTORS, descriptors, files, opening, thread};
pub(crate) use refusal::Refusal;
