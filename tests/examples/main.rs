//! The small examples from outside: what they print, how they end, and how they take it when the
//! network misbehaves.
//!
//! The other ends are blocking sockets of the standard library. A test waits for a condition, with
//! a deadline only against hanging.

mod ci_runner;
mod doctor;
mod files;
mod happy_eyeballs;
mod hello;
mod nobody;
mod payment;
mod printing;
#[path = "../support/process.rs"]
mod process;
mod static_files;
mod supervised;
mod udp_echo;
