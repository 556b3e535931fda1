//! The catalogue of operations: one file each, what to ask and what came back.

mod accept;
mod close;
mod connect;
mod elsewhere;
mod future;
mod hold;
mod lent;
mod many;
mod nop;
mod operation;
mod poll;
mod recv;
mod send;
mod shutdown;

pub(crate) use accept::{Accept, AcceptMany};
pub(crate) use close::{Close, close_detached};
pub(crate) use connect::Connect;
pub(crate) use elsewhere::Elsewhere;
pub(crate) use future::{Flight, Op, mark_delivered};
pub(crate) use hold::Hold;
pub(crate) use many::Many;
pub use nop::nop;
pub(crate) use operation::{Answer, Multishot, Operation};
pub(crate) use poll::Poll;
pub(crate) use recv::{Received, Recv};
pub(crate) use send::Send;
pub(crate) use shutdown::Shutdown;
