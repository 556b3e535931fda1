//! The messages of `example.Clock`, as `prost` would make them of this file.
//!
//! ```text
//! syntax = "proto3";
//! package example;
//! service Clock {
//!   rpc Wait(Pause) returns (Count);          // of the ms that it has waited
//!   rpc Tick(Ticks) returns (stream Count);   // from 1 on
//!   rpc Calls(Nothing) returns (Count);       // of Wait and Tick, that have not ended
//! }
//! message Nothing {}
//! message Pause { uint64 millis = 1; }
//! message Ticks { uint64 count = 1; uint64 millis = 2; }
//! message Count { uint64 count = 1; }
//! ```

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Nothing {}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Pause {
    #[prost(uint64, tag = "1")]
    pub(crate) millis: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Ticks {
    #[prost(uint64, tag = "1")]
    pub(crate) count: u64,
    /// Before each.
    #[prost(uint64, tag = "2")]
    pub(crate) millis: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Count {
    #[prost(uint64, tag = "1")]
    pub(crate) count: u64,
}
