//! `forward`: bytes go from socket to socket within the kernel, through a pipe.
//!
//! ```text
//!   source ── fill ──▶ pipe ── drain ──▶ sink
//!      ▲                │ │
//!      │ empty: wait ───┘ └── held up: wait, and drain the rest
//! ```
//!
//! With plain system calls that are told not to wait, in bursts; the ring waits for the sockets.
//! The ring's own splice always runs on a thread of the kernel's, one for each socket that has
//! nothing, and takes 1.1 to 1.6 times the CPU time.
//!
//! Nothing but bytes is learnt here. That there are none may mean the end, an urgent byte, or that
//! another task has been faster; so whatever it is, a read is to tell.

use super::pipes::{self, Borrowed, Source};
use crate::fs::File;
use crate::net::Stream;
use crate::sys::{NonBlocking, Pipe, ignores_sigpipe};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};

/// What a burst moves at least, if it is to be worth its system calls. Measured with the benchmark
/// `proxy`: messages of 16 KiB cost a tenth more than through a buffer, of 32 KiB a third less.
const WORTH: usize = 24 << 10;
/// After so much another task has its turn.
const TURN: usize = 1 << 20;

/// What ended a burst.
enum End {
    /// The source has nothing now, or the turn is over.
    Source,
    /// The sink takes nothing now.
    Sink,
}

/// Moves what comes from one socket to another while it comes fast, and tells `note` how much has
/// gone each time. What is to be done next is to read.
///
/// When this is cancelled or fails while the sink is held up, what is in the pipe is lost.
pub(super) async fn forward(
    from: &Stream,
    to: &Stream,
    note: &mut impl FnMut(usize),
) -> io::Result<()> {
    if !from.has_more() || !ignores_sigpipe() {
        return Ok(());
    }
    while from.has_more()
        && let Some(mut pipe) = pipes::borrow(Source::Sockets)
    {
        let (mut sum, mut fills) = (0, true);
        while let End::Sink = burst(&mut pipe, from, to, fills, |moved| {
            sum += moved;
            note(moved);
        })? {
            to.writable().await?;
            // Another task may have dropped a read meanwhile: what that has taken comes next.
            fills = from.has_more();
        }
        drop(pipe);
        if sum < WORTH {
            from.set_drained();
            break;
        }
        from.readable().await?;
    }
    Ok(())
}

/// Moves what can be moved without waiting; what is in the pipe alone unless it `fills` that.
fn burst(
    pipe: &mut Borrowed,
    from: &Stream,
    to: &Stream,
    fills: bool,
    mut note: impl FnMut(usize),
) -> io::Result<End> {
    let (from, to, pipe) = (from.as_fd(), to.as_fd(), pipe.as_mut());
    let _set = NonBlocking::new([from, to])?;
    let mut sum = 0;
    while !pipe.is_empty() || fills && sum < TURN && fill(pipe, from)? {
        match drain(pipe, to)? {
            Some(moved) => {
                sum += moved;
                note(moved);
            }
            None => return Ok(End::Sink),
        }
    }
    Ok(End::Source)
}

/// Moves what the sink takes, which is how much; `None` if that is nothing now.
fn drain(pipe: &mut Pipe, to: BorrowedFd<'_>) -> io::Result<Option<usize>> {
    loop {
        match pipe.drain(to) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(moved) => return Ok(Some(moved)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Tells whether something came.
fn fill(pipe: &mut Pipe, from: BorrowedFd<'_>) -> io::Result<bool> {
    loop {
        match pipe.fill(from) {
            Ok(length) => return Ok(length > 0),
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock => return Ok(false),
                _ if is_unspliceable(&error) => return Ok(false),
                _ => return Err(error),
            },
        }
    }
}

/// Whether the source is none that can be spliced, or not from a place of its own.
fn is_unspliceable(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::NotSeekable)
}

/// What has become of a part of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// So many bytes have gone; zero is the end of the file.
    Moved(usize),
    /// All pipes are taken now, or may not be used.
    NoPipe,
    /// The file is none that can be spliced.
    Unspliceable,
}

/// Moves a part of a file to a socket: at most so many bytes, and what a pipe holds. Tells `note`
/// how much has gone each time.
///
/// The ring fills the pipe, on a thread of the kernel's: a plain call would stop the core where
/// the file is not in the page cache, and cannot be told not to.
pub(super) async fn send_part(
    file: &File,
    offset: u64,
    length: u64,
    to: &Stream,
    note: &mut impl FnMut(usize),
) -> io::Result<Part> {
    let Some(pipe) = ignores_sigpipe().then(|| pipes::borrow(Source::Files)).flatten() else {
        return Ok(Part::NoPipe);
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let (filled, mut pipe) = file.splice_at(pipe, offset, length).await;
    let length = match filled {
        Err(error) if is_unspliceable(&error) => return Ok(Part::Unspliceable),
        filled => filled?,
    };
    let pipe = pipe.as_mut();
    loop {
        let set = NonBlocking::new([to.as_fd()])?;
        while !pipe.is_empty()
            && let Some(moved) = drain(pipe, to.as_fd())?
        {
            note(moved);
        }
        drop(set);
        if pipe.is_empty() {
            return Ok(Part::Moved(length));
        }
        to.writable().await?;
    }
}
