//! HTTP over Nestling: what the programs of this folder share.

mod book;
mod client;
mod connection;
mod metrics;
mod opening;
mod pool;
mod program;

pub use client::{connect_http1, connect_http2};
pub use connection::{
    Limits, before_request, serve_http, serve_http1, serve_http2, serve_http2_with, serve_tcp,
};
pub use metrics::metrics;
pub use pool::Pool;
pub use program::{Options, Requests, complain, milliseconds, run_program, run_server, say};
