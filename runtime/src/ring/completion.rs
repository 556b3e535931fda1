//! `Completion`: what came back; and how long a core stays in the kernel for it.

use std::io;

/// `IORING_CQE_F_BUFFER`: the upper half of the flags names a buffer.
pub(crate) const BUFFER: u32 = 1 << 0;
/// `IORING_CQE_F_MORE`.
pub(crate) const MORE: u32 = 1 << 1;
/// `IORING_CQE_F_SOCK_NONEMPTY`.
pub(crate) const SOCK_NONEMPTY: u32 = 1 << 2;

/// `IORING_CQE_F_NOTIF`.
pub(crate) const NOTIFICATION: u32 = 1 << 3;

/// What came back for one submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Completion {
    pub(crate) user_data: u64,
    pub(crate) result: i32,
    pub(crate) flags: u32,
}

impl Completion {
    /// Whether more completions of the same submission follow.
    pub(crate) fn more(&self) -> bool {
        self.flags & MORE != 0
    }

    /// Whether this tells that the kernel is done with the buffer of a zero-copy send.
    pub(crate) fn is_notification(&self) -> bool {
        self.flags & NOTIFICATION != 0
    }

    /// Whether more completions of the same submission follow, or have come before.
    #[inline]
    pub(crate) fn is_partial(&self) -> bool {
        self.flags & (MORE | NOTIFICATION) != 0
    }

    /// Whether the operation did what it was for, or a part of that.
    pub(crate) fn is_success(&self) -> bool {
        self.result >= 0
    }

    /// Whether a receive left bytes behind in the socket.
    pub(crate) fn sock_nonempty(&self) -> bool {
        self.flags & SOCK_NONEMPTY != 0
    }

    /// The buffer that the kernel took for the submission.
    pub(crate) fn buffer(&self) -> Option<u16> {
        (self.flags & BUFFER != 0).then_some((self.flags >> 16) as u16)
    }

    /// Whether the operation was cut short, with whichever error.
    #[inline]
    pub(crate) fn is_interrupted(&self) -> bool {
        let is_error = !self.is_success();
        is_error && ([-libc::ECANCELED, -libc::EINTR].contains(&self.result) || self.is_restart())
    }

    /// ERESTARTSYS and its kin are the kernel's own words for "a signal came": K14.
    fn is_restart(&self) -> bool {
        (-516..=-512).contains(&self.result)
    }

    /// The result as a count or descriptor, or the error that the kernel answered.
    pub(crate) fn value(&self) -> io::Result<u32> {
        match u32::try_from(self.result) {
            Ok(value) => Ok(value),
            Err(_) if self.is_restart() => Err(io::Error::from_raw_os_error(libc::EINTR)),
            Err(_) => Err(io::Error::from_raw_os_error(self.result.saturating_neg())),
        }
    }
}

/// How long to stay in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EnterWait {
    /// Submit, run what is due, come back.
    No,
    /// Until a completion arrives or the clock shows this, in nanoseconds.
    Until(u64),
    /// Until a completion arrives.
    Forever,
}

/// What ends a sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batch {
    /// The number of completions that end the sleep.
    pub(crate) least: u32,
    /// After so many microseconds, fewer completions will do. Kernels before 6.12 take this for
    /// zero.
    pub(crate) moment: u32,
}

impl Batch {
    /// The first completion.
    pub(crate) const FIRST: Self = Self { least: 1, moment: 0 };
}
