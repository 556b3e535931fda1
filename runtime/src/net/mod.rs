//! Sockets. Their operations take `&self`: one task may receive while another sends.
//!
//! A socket that is dropped is closed by the ring, after the operations in flight on it; the close
//! belongs to the nursery around the code that dropped it, which ends only after it.

mod address;
mod error;
mod tcp_listener;
mod tcp_stream;

pub use address::ToSocketAddrs;
pub use error::{Transferred, is_exhausted, transferred};
pub use tcp_listener::{ListenOptions, TcpListener};
pub use tcp_stream::TcpStream;
