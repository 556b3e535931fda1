//! A ring for loops without a runtime: the flags that Nestling uses, and the plain crate's calls.
//! The load is built on it, and so is the bare contestant.
#![expect(unsafe_code, reason = "pushing entries is a promise about what they point to")]

use io_uring::squeue::Flags;
use io_uring::{IoUring, opcode, types};
use rustix::net::{Shutdown, shutdown};
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

const ENTRIES: u32 = 1024;
const COMPLETIONS: u32 = 16384;
/// Wait for data before trying to take some.
const POLL_FIRST: u16 = 1;

/// The bit of a number that tells a send from a receive.
const SEND: u64 = 1 << 32;
/// The number of the limit.
const LIMIT: u64 = u64::MAX;

/// Sockets with a buffer each, on one ring.
pub(crate) struct Ring {
    uring: IoUring,
    buffers: Vec<Box<[u8]>>,
    /// What all connections may send.
    message: Box<[u8]>,
    streams: Vec<Option<OwnedFd>>,
    completions: Vec<(u64, i32)>,
    /// How long all may take, as the kernel reads it when it is told.
    limit: types::Timespec,
    /// Looks for completions without ever sleeping.
    spin: bool,
}

/// What has happened.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    Received(usize, usize),
    Sent(usize),
    Broken(usize),
}

/// The ring of a bare loop, with the flags that Nestling uses.
pub(crate) fn bare(entries: u32, completions: u32) -> io::Result<IoUring> {
    let mut builder = IoUring::builder();
    builder
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_taskrun_flag()
        .setup_submit_all()
        .setup_cqsize(completions);
    // Linux has NO_SQARRAY since 6.6.
    match builder.clone().setup_no_sqarray().build(entries) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => builder.build(entries),
        built => built,
    }
}

impl Ring {
    /// With a buffer of so many bytes for each connection, and a message that all may send.
    pub(crate) fn new(
        streams: Vec<impl Into<OwnedFd>>,
        buffer: usize,
        message: &[u8],
        spin: bool,
    ) -> io::Result<Self> {
        let uring = bare(ENTRIES, COMPLETIONS)?;
        let buffers = streams.iter().map(|_| vec![0; buffer].into_boxed_slice()).collect();
        let streams = streams.into_iter().map(|stream| Some(stream.into())).collect();
        let (message, completions, limit) = (message.into(), Vec::new(), types::Timespec::new());
        Ok(Self { uring, buffers, message, streams, completions, limit, spin })
    }

    /// Has turns fail from then on: for sockets that do not tell of the end of their peer.
    pub(crate) fn end_after(&mut self, limit: Duration) -> io::Result<()> {
        self.limit = limit.into();
        let entry = opcode::Timeout::new(&raw const self.limit).build().user_data(LIMIT);
        self.push(&entry);
        // From here on the kernel has its own.
        self.uring.submit().map(drop)
    }

    fn fd(&self, connection: usize) -> types::Fd {
        types::Fd(self.streams[connection].as_ref().expect("it is open").as_raw_fd())
    }

    /// Receives into the connection's buffer.
    pub(crate) fn receive(&mut self, connection: usize) {
        let (fd, buffer) = (self.fd(connection), &mut self.buffers[connection]);
        let entry = opcode::Recv::new(fd, buffer.as_mut_ptr(), buffer.len() as u32)
            .ioprio(POLL_FIRST)
            .build()
            .user_data(connection as u64);
        self.push(&entry);
    }

    /// Sends so many bytes of what `from` has received, or of its own buffer. A silent send only
    /// tells of its failure.
    pub(crate) fn send(&mut self, connection: usize, from: usize, length: usize, silent: bool) {
        let bytes = self.buffers[from][..length].as_ptr();
        self.send_bytes(connection, bytes, length, silent);
    }

    /// Sends the message, silently.
    pub(crate) fn send_message(&mut self, connection: usize) {
        self.send_bytes(connection, self.message.as_ptr(), self.message.len(), true);
    }

    fn send_bytes(&mut self, connection: usize, bytes: *const u8, length: usize, silent: bool) {
        let entry = opcode::Send::new(self.fd(connection), bytes, length as u32)
            .flags(libc::MSG_WAITALL | libc::MSG_NOSIGNAL)
            .build()
            .flags(if silent { Flags::SKIP_SUCCESS } else { Flags::empty() })
            .user_data(connection as u64 | SEND);
        self.push(&entry);
    }

    fn push(&mut self, entry: &io_uring::squeue::Entry) {
        if self.uring.submission().is_full() {
            self.uring.submit().expect("an enter");
        }
        // SAFETY: sockets and buffers live as long as the ring, at the same addresses; and buffers
        // for ever, if anything may be in flight when it is dropped. The limit is handed over
        // before it can move.
        let pushed = unsafe { self.uring.submission().push(entry) };
        pushed.expect("the queue is not full");
    }

    /// Ends what is sent on a connection; silently, as the other end may be gone.
    pub(crate) fn shut_down(&self, connection: usize) {
        let stream = self.streams[connection].as_ref().expect("it is open");
        let _ = shutdown(stream, Shutdown::Write);
    }

    /// Closes a connection on which nothing is in flight.
    pub(crate) fn close(&mut self, connection: usize) {
        self.streams[connection] = None;
    }

    /// Submits what there is, and lets the kernel finish what it has.
    fn look(&mut self) -> io::Result<()> {
        let queue = self.uring.submission();
        if !queue.is_empty() || queue.taskrun() {
            drop(queue);
            self.uring.submit()?;
        }
        Ok(())
    }

    fn wait(&mut self) -> io::Result<()> {
        if !self.spin {
            return self.uring.submit_and_wait(1).map(drop);
        }
        self.look()?;
        while self.uring.completion().is_empty() {
            self.look()?;
            std::hint::spin_loop();
        }
        Ok(())
    }

    /// Submits, waits for something to happen, and acts on all that has.
    pub(crate) fn turn(&mut self, act: impl FnMut(&mut Self, Event)) -> io::Result<()> {
        self.wait()?;
        self.act(act)
    }

    /// Submits, and acts on what has happened; without waiting.
    pub(crate) fn glance(&mut self, act: impl FnMut(&mut Self, Event)) -> io::Result<()> {
        self.look()?;
        self.act(act)
    }

    fn act(&mut self, mut act: impl FnMut(&mut Self, Event)) -> io::Result<()> {
        let mut completions = mem::take(&mut self.completions);
        completions.extend(self.uring.completion().map(|c| (c.user_data(), c.result())));
        for (number, result) in completions.drain(..) {
            if number == LIMIT {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "answers did not come"));
            }
            let connection = (number & !SEND) as usize;
            let event = match usize::try_from(result) {
                Ok(_) if number & SEND != 0 => Event::Sent(connection),
                Ok(length) => Event::Received(connection, length),
                Err(_) => Event::Broken(connection),
            };
            act(self, event);
        }
        self.completions = completions;
        Ok(())
    }
}

impl Drop for Ring {
    /// To close a ring ends nothing that is in flight: the kernel may write to the buffers of open
    /// connections later, which is why these are never freed. Only a failure leaves any open.
    fn drop(&mut self) {
        if self.streams.iter().any(Option::is_some) {
            mem::forget((mem::take(&mut self.buffers), mem::take(&mut self.message)));
        }
    }
}
