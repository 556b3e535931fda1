//! What is asked of the kernel past the ring and the crates, each behind a safe function.

mod affinity;
mod cgroup;
mod clock;
mod error;
mod eventfd;
mod file;
mod fork;
mod limits;
mod mount_table;
mod pipe;
mod positional;
mod process;
mod ready;
mod release;
pub(crate) mod shared;
mod socket;
mod space;

pub(crate) use affinity::Affinity;
pub(crate) use cgroup::Pids;
pub(crate) use clock::{monotonic_ns, monotonic_tick_ns};
pub(crate) use error::check;
pub(crate) use file::{
    Known, Whence, close, is_in_memory, is_pipe, known, known_and_length, length, lock_file,
    open_cached, read_cached, seek,
};
pub(crate) use fork::ForkGuard;
pub(crate) use limits::Limit;
pub(crate) use mount_table::{MountTable, mounts};
pub(crate) use pipe::{NonBlocking, Pipe, ignores_sigpipe, set_nonblocking};
pub(crate) use positional::{is_direct, read_at, write_at};
pub(crate) use process::{open_process, own_group, signal_group, signal_process};
pub(crate) use ready::is_ready;
pub(crate) use release::release;
pub(crate) use socket::{option, peer_cred, set_option};
pub(crate) use space::Space;
