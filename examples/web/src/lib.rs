//! HTTP over Nestling: what the servers of this folder share.

mod connection;
mod metrics;

pub use connection::{Limits, serve_http1, serve_http2, serve_tcp};
pub use metrics::metrics;
