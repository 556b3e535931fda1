//! Reading and writing: whatever pieces the bytes come and go in, and whatever is dropped on the
//! way, the other side sees each of them once, in order.
//!
//! | file | what it holds |
//! |---|---|
//! | `async_fd.rs` | waits on descriptors of any kind |
//! | `bidirectional.rs` | copies in both directions at once |
//! | `buffered_reads.rs` | random calls of a reader, some of them dropped, against that of std |
//! | `buffered_writes.rs` | random writes, some of them dropped, and what the other side has |
//! | `bytes.rs` | the buffers of the crate `bytes`, lent to sockets |
//! | `copies.rs` | copies: their count, their flushes, and what is left when one fails or is cut |
//! | `foreign.rs`, `foreign_futures.rs` | streams as what other crates read from and write to |
//! | `halves.rs` | halves of streams, and Unix streams |
//! | `lines.rs` | lines: their limit, their ends, and sockets whose reads are dropped |
//! | `pieces.rs` | a source and a sink that take a random number of bytes at a time, or fail |
//! | `pipes.rs` | pipes and named pipes: every end of a read and of a write |
//! | `sent_files.rs` | files that are sent past the buffer, likewise |
//! | `std_streams.rs` | standard streams: terminals, full pipes, and none |
//! | `spliced.rs` | copies that go past the buffer: order, counts, ends, and what is left |
//! | `traits.rs` | sockets, memory and references as sources and sinks |

#[expect(unsafe_code, reason = "descriptors that std does not make")]
mod async_fd;
mod bidirectional;
mod buffered_reads;
mod buffered_writes;
mod bytes;
mod copies;
mod foreign;
mod foreign_futures;
mod halves;
mod lines;
mod pieces;
mod pipes;
mod sent_files;
mod spliced;
mod std_streams;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;
mod traits;

use nestling::Runtime;

/// Runs a test in a runtime of its own, and checks that nothing in flight is left of it.
fn run<T>(test: impl AsyncFnOnce() -> T) -> T {
    support::watched(|| {
        let mut runtime = Runtime::builder().entries(8).build().unwrap();
        let result = runtime.block_on(test());
        support::assert_balanced(&runtime);
        result
    })
}
