//! `Door`: the `io_uring_enter` call, through a registered descriptor where the kernel has them.
//!
//! The crate's own call keeps the registration in a value that borrows the ring, and cannot ask
//! for an absolute deadline; so these sixty lines are ours.

use crate::ring::{Batch, EnterWait};
use crate::sys::{check, monotonic_ns};
use std::io;
use std::os::fd::RawFd;
use std::ptr;

const GETEVENTS: u32 = 1;
const EXT_ARG: u32 = 1 << 3;
const REGISTERED_RING: u32 = 1 << 4;
const ABS_TIMER: u32 = 1 << 5;
const NO_IOWAIT: u32 = 1 << 7;

const REGISTER_RING_FDS: u32 = 20;
const UNREGISTER_RING_FDS: u32 = 21;

/// `struct io_uring_getevents_arg` of the kernel's interface.
#[repr(C)]
struct EventsArg {
    sigmask: u64,
    sigmask_size: u32,
    min_wait_usec: u32,
    timespec: u64,
}

/// `struct io_uring_rsrc_update` of the kernel's interface.
#[repr(C)]
struct RingFdUpdate {
    offset: u32,
    reserved: u32,
    data: u64,
}

/// How a thread enters its ring.
#[derive(Debug)]
pub(super) struct Door {
    fd: RawFd,
    /// The thread's registration of the ring, which spares the kernel a look-up on each call.
    registered: Option<u32>,
    /// The kernel takes absolute deadlines, so that none has to be recomputed, and batches (6.12).
    pub(super) absolute: bool,
    /// The kernel can count a sleeping core as idle (6.15), not as one that waits for a disk.
    pub(super) idle: bool,
}

impl Door {
    /// For the ring behind `fd`, on the calling thread.
    pub(super) fn new(fd: RawFd, absolute: bool, idle: bool) -> Self {
        let mut door = Self { fd, registered: None, absolute, idle };
        let mut update = RingFdUpdate { offset: u32::MAX, reserved: 0, data: fd as u64 };
        // A thread has 16 such places; without one the plain descriptor serves.
        if door.register(REGISTER_RING_FDS, &mut update).is_ok() {
            door.registered = Some(update.offset);
        }
        door
    }

    pub(super) fn is_registered(&self) -> bool {
        self.registered.is_some()
    }

    fn register(&self, what: u32, update: &mut RingFdUpdate) -> io::Result<libc::c_long> {
        let update: *mut RingFdUpdate = update;
        // SAFETY: `update` is one live `io_uring_rsrc_update`, which both calls take.
        check(unsafe { libc::syscall(libc::SYS_io_uring_register, self.fd, what, update, 1u32) })
    }

    /// See [`Ring::enter`](crate::ring::Ring::enter).
    pub(super) fn enter(&self, submit: u32, wait: EnterWait, batch: Batch) -> io::Result<()> {
        let batch = if self.absolute { batch } else { Batch::FIRST };
        let timeout = match wait {
            EnterWait::No | EnterWait::Forever => None,
            EnterWait::Until(deadline) if self.absolute => Some(deadline),
            // A wait of no time at all is a hundred times dearer than not to wait: KERNEL 2.3.
            EnterWait::Until(deadline) => match deadline.saturating_sub(monotonic_ns()) {
                0 => return self.call(submit, Batch { least: 0, ..batch }, None),
                left => Some(left),
            },
        };
        let least = if wait == EnterWait::No { 0 } else { batch.least };
        self.call(submit, Batch { least, ..batch }, timeout)
    }

    fn call(&self, submit: u32, batch: Batch, timeout: Option<u64>) -> io::Result<()> {
        let time = timeout.map(|ns| libc::timespec {
            tv_sec: (ns / 1_000_000_000) as i64,
            tv_nsec: (ns % 1_000_000_000) as i64,
        });
        let argument = time.as_ref().map(|time| EventsArg {
            sigmask: 0,
            sigmask_size: 0,
            min_wait_usec: batch.moment,
            timespec: ptr::from_ref(time) as u64,
        });
        let mut flags = GETEVENTS | if self.idle { NO_IOWAIT } else { 0 };
        let (pointer, size) = match &argument {
            None => (ptr::null(), 0),
            Some(argument) => {
                flags |= EXT_ARG | if self.absolute { ABS_TIMER } else { 0 };
                (ptr::from_ref(argument), size_of::<EventsArg>())
            }
        };
        let door = match self.registered {
            Some(index) => {
                flags |= REGISTERED_RING;
                index as RawFd
            }
            None => self.fd,
        };
        // SAFETY: `pointer` is null with size 0, or the live argument with its live timespec; what
        // the queued entries point to was promised when they were pushed.
        let result = unsafe {
            libc::syscall(libc::SYS_io_uring_enter, door, submit, batch.least, flags, pointer, size)
        };
        match check(result) {
            Ok(_) => Ok(()),
            Err(error) => after_error(error),
        }
    }
}

/// Tells the errors after which the loop goes on from those that end it.
fn after_error(error: io::Error) -> io::Result<()> {
    match error.raw_os_error() {
        // The deadline passed, or a signal came: the loop looks at the clock anyway.
        Some(libc::ETIME | libc::EINTR) => Ok(()),
        // Short of memory, or completions have to be taken first: both are mended by a turn.
        Some(libc::EAGAIN | libc::EBUSY) => Ok(()),
        _ => Err(error),
    }
}

/// What an error that ends the loop means.
pub(crate) fn fatal(error: &io::Error) -> String {
    let meaning = match error.raw_os_error() {
        Some(libc::EBADR) => "the kernel lost a completion, out of memory: state is unknown",
        Some(libc::EEXIST) => "the ring is used by another thread than the one that made it",
        _ => "the ring cannot be entered any more",
    };
    format!("{meaning} (io_uring_enter: {error})")
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(offset) = self.registered {
            // Failure leaves one of the thread's 16 places taken; nothing depends on it.
            let mut update = RingFdUpdate { offset, reserved: 0, data: 0 };
            let _ = self.register(UNREGISTER_RING_FDS, &mut update);
        }
    }
}
