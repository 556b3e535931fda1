//! Reading and writing: traits over owned buffers, and what is built on them; and the nurseries
//! whose error is [`std::io::Error`].
//!
//! [`AsyncRead`] and [`AsyncWrite`] lend a buffer to the kernel and give it back with the result.
//! Sockets implement them, and so do references to sockets: one task has `&stream` to read from,
//! another one has it to write to.
//!
//! For libraries that poll, streams and their halves have the traits of others as well, by the
//! features `tokio-io`, `futures-io` and `hyper`. A flush is done when the kernel has the bytes; a
//! shutdown, or close, ends the direction that writes. After a cancel the wait in flight answers
//! once, and the next one does not return. Where a stream has a method of the same name, that one
//! is called: `AsyncReadExt::read(&mut stream, &mut buffer)` is the trait's. But of `split` the
//! trait's is called, because it takes the stream itself. [`AsyncFd`] waits on any descriptor.
//!
//! `Ok(())` does not say what its error type is. [`nursery`] and its like of this module have one,
//! and are those of [the crate](crate) in all else.

pub use nestling_nursery::io::{
    CopyError, CopyOptions, copy_bidirectional, copy_bidirectional_with, nursery, nursery_all,
    nursery_all_with, nursery_with,
};
pub use nestling_runtime::io::{
    AsyncFd, AsyncRead, AsyncWrite, BufReader, BufWriter, Interest, Lines, PipeReader, PipeWriter,
    Stderr, Stdin, Stdout, Transferred, copy, copy_with, pipe, send_file, stderr, stdin, stdout,
    transferred,
};
