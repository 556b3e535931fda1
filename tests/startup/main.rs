//! Starting and stopping: what a machine that refuses is told to say, and what is left afterwards.
//!
//! Most of these tests change what cannot be changed back (a system call filter, a limit, the
//! user), so each runs in a process of its own; see `alone.rs`.

mod alone;
mod cores;
mod fewer;
mod idle;
mod left_behind;
mod limits;
mod refused;
mod sandbox;
