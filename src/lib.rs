//! Nestling: an io_uring runtime for Linux servers, one loop per core, in which every task lives in
//! a nursery.
//!
//! ```
//! use nestling::{io::nursery, net::{TcpListener, TcpStream}};
//!
//! # fn main() -> std::io::Result<()> {
//! nestling::block_on(async {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let address = listener.local_addr()?;
//!     nursery(async |n| {
//!         n.spawn(async {
//!             let (stream, _) = listener.accept().await?; // borrowed from around the nursery
//!             stream.write_all("hello").await.0
//!         });
//!         let stream = TcpStream::connect(address).await?;
//!         let (result, buffer) = stream.read_exact(vec![0; 5]).await;
//!         result?;
//!         assert_eq!(buffer, b"hello");
//!         Ok(())
//!     })
//!     .await
//! })
//! # }
//! ```
//!
//! [The guide](nestling_nursery) teaches the rules of nurseries in reading order. The parts are
//! [`net`], [`fs`], [`io`], [`time`], [`sync`], [`buf`] and [`task`]; [`block_on`] runs one core,
//! [`Builder::run`] all, and [`doctor()`] checks the machine. `#[nestling::main]` is short.

#[cfg(feature = "macros")]
pub use nestling_macros::{main, test};
pub use nestling_nursery::{
    Canceller, ChildOutput, Elapsed, Failures, JoinError, JoinHandle, Limit, Never, Nursery,
    Options, Permit, RemoteCanceller, Serve, Slot, Spawner, Start, Started, Stop, Supervised,
    cancelled, finally, for_each_limit, grace, nursery, nursery_all, nursery_all_with,
    nursery_with, race, serve, serve_balanced, shield, shield_for, timeout, timeout_at,
};
#[doc(hidden)]
pub use nestling_runtime::entry;
#[cfg(feature = "hyper")]
pub use nestling_runtime::hyper;
pub use nestling_runtime::{
    Builder, Cancelled, Core, Cores, Runtime, Stats, block_on, doctor, dump_tree, fs, inspect,
    is_cancelled, metrics, net, process, signal, stats, sync, time,
};

mod book;
pub mod buf;
pub mod io;
pub mod task;
