//! The catalogue of operations: one file each, what to ask and what came back.

mod accept;
mod at;
mod close;
mod connect;
pub(crate) mod control;
mod ended;
mod future;
mod header;
mod hold;
mod lent;
mod many;
mod message;
mod nop;
mod offload;
mod on_file;
mod on_path;
mod open;
mod operation;
mod place;
mod poll;
mod read;
mod recv;
mod recv_leased;
mod recv_msg;
mod recv_msg_many;
mod second_try;
mod send;
mod send_msg;
mod send_to;
mod send_zc;
mod shutdown;
mod spare;
mod splice;
mod standing;
mod statx;
mod write;

use crate::driver;
use crate::ring::Capability;
use crate::sys::Pipe;
use nop::Nop;

pub(crate) use accept::{Accept, AcceptMany};
pub(crate) use at::At;
pub(crate) use close::{Close, close_detached};
pub(crate) use connect::Connect;
pub(crate) use control::{Control, MOST_FDS, Outgoing, Room};
pub(crate) use ended::Ended;
pub(crate) use future::{Op, OpHandle, deliver_cancel};
pub(crate) use hold::Hold;
pub(crate) use many::Many;
pub(crate) use message::{Each, One, Passing, Scatter};
pub use nop::nop;
pub(crate) use offload::Offload;
pub(crate) use on_file::{Advise, Allocate, OnFile, SyncOp, SyncRange, Truncate};
pub(crate) use on_path::{Link, MakeDirectory, OnPath, Rename, Symlink, Unlink, unlink_detached};
pub(crate) use open::Open;
pub(crate) use operation::{Answer, Continue, Multishot, Operation};
pub(crate) use place::Place;
pub(crate) use poll::PollOp;
pub(crate) use read::{ReadEachAt, ReadOp};
pub(crate) use recv::{Received, Recv};
pub(crate) use recv_leased::{Leased, RecvLeased, RecvMany};
pub(crate) use recv_msg::{Arrived, RecvMsg};
pub(crate) use recv_msg_many::{LeasedMsg, RawMsg, RecvMsgMany};
pub(crate) use send::SendOp;
pub(crate) use send_msg::SendMsg;
pub(crate) use send_to::SendTo;
pub(crate) use send_zc::{Lending, SendZc};
pub(crate) use shutdown::Shutdown;
pub(crate) use spare::{PerThread, trim};
pub(crate) use splice::Splice;
pub(crate) use standing::{Readiness, Standing};
pub(crate) use statx::Statx;
pub(crate) use write::{WriteEachAt, WriteOp};

/// What the kernel has to be capable of for all of these, and for the driver itself; the check at
/// the start asks for it.
pub(crate) fn needed() -> Vec<Capability> {
    [
        driver::NEEDED,
        Nop::NEEDS,
        Accept::NEEDS,
        AcceptMany::NEEDS,
        Close::NEEDS,
        Connect::NEEDS,
        Hold::NEEDS,
        PollOp::NEEDS,
        Recv::<Vec<u8>>::NEEDS,
        RecvLeased::NEEDS,
        RecvMany::NEEDS,
        RecvMsg::<One<Vec<u8>>>::NEEDS,
        RecvMsgMany::NEEDS,
        SendOp::<Vec<u8>>::NEEDS,
        SendMsg::<One<Vec<u8>>>::NEEDS,
        SendTo::<Vec<u8>>::NEEDS,
        SendZc::<Vec<u8>>::NEEDS,
        Shutdown::NEEDS,
        ReadOp::<Vec<u8>>::NEEDS,
        WriteOp::<Vec<u8>>::NEEDS,
        ReadEachAt::<One<Vec<u8>>>::NEEDS,
        WriteEachAt::<One<Vec<u8>>>::NEEDS,
        Splice::<Pipe>::NEEDS,
        OnFile::<SyncOp>::NEEDS,
        OnFile::<SyncRange>::NEEDS,
        OnFile::<Allocate>::NEEDS,
        OnFile::<Truncate>::NEEDS,
        OnFile::<Advise>::NEEDS,
        Open::<false>::NEEDS,
        Statx::NEEDS,
        OnPath::<Unlink>::NEEDS,
        OnPath::<Rename>::NEEDS,
        OnPath::<MakeDirectory>::NEEDS,
        OnPath::<Symlink>::NEEDS,
        OnPath::<Link>::NEEDS,
    ]
    .concat()
}
