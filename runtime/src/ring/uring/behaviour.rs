//! Whether the kernel does what the driver counts on: a few operations whose answers are known.
//!
//! Features and operations say what a kernel has; some releases had one and answered wrongly.

use super::{Uring, explain};
use crate::diagnosis::{Facts, opening};
use crate::ring::{Batch, BufferQueue, Completion, EnterWait};
use io_uring::squeue::{Entry, Flags};
use io_uring::{opcode, types};
use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

/// Times that the kernel is entered for an answer. The answer is there after the first, unless a
/// signal came or memory was short.
const PATIENCE: u32 = 1_000;

/// How long a deadline is away, and how often the kernel may come back before it, for a signal.
const WAIT_NS: u64 = 5_000_000;
const INTERRUPTIONS: u32 = 10;

/// A group that no pool of a ring has which is tried.
const GROUP: u16 = u16::MAX;

/// What an operation has to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) user_data: u64,
    pub(super) result: i32,
    pub(super) more: bool,
}

impl Expected {
    fn is(&self, completion: &Completion) -> bool {
        let found = (completion.user_data, completion.result, completion.more());
        found == (self.user_data, self.result, self.more)
    }
}

/// Something that a ring has to do.
pub(crate) type Trial = fn(&mut Uring) -> io::Result<()>;

/// What a ring has to do, each with its name and the words for one that does.
pub(crate) const TRIALS: [(Trial, &str, &str); 4] = [
    (Uring::try_doorbell, "wake-up", "a multishot poll tells of each write to an eventfd"),
    (Uring::try_message, "message", "one to a ring arrives there"),
    (Uring::try_cancel, "cancel", "an armed receive ends with ECANCELED, its request with 0"),
    (Uring::try_deadline, "deadline", "the kernel comes back at it, and not before"),
];

/// What pools are made of, without which all else works.
pub(crate) const POOLS: (Trial, &str, &str) =
    (Uring::try_buffers, "buffers", "receives take them from a queue, and say when it is empty");

impl Uring {
    /// A multishot poll tells of every write to an eventfd: how other threads wake a core.
    fn try_doorbell(&mut self) -> io::Result<()> {
        let doorbell = self.doorbell()?;
        let fd = types::Fd(doorbell.as_raw_fd());
        let poll = opcode::PollAdd::new(fd, libc::POLLIN as u32).multi(true).build().user_data(1);
        let rung = Expected { user_data: 1, result: libc::POLLIN.into(), more: true };
        self.give([poll]);
        for time in ["the first", "the second"] {
            doorbell.signal();
            self.expect(&format!("a multishot poll, after {time} write"), &[rung])?;
        }
        self.give([cancel(1)]);
        let ended = Expected { user_data: 1, result: -libc::ECANCELED, more: false };
        self.expect("a multishot poll that is cancelled", &[ended, CANCELLED])
    }

    /// An armed receive that is cancelled says so, once, and so does the request.
    fn try_cancel(&mut self) -> io::Result<()> {
        let (ours, _theirs) = UnixStream::pair().map_err(|error| opening("socketpair", &error))?;
        let mut memory = vec![0u8; 8];
        let fd = types::Fd(ours.as_raw_fd());
        let receive = opcode::Recv::new(fd, memory.as_mut_ptr(), memory.len() as u32).build();
        self.give([receive.user_data(1), cancel(1)]);
        let cut = Expected { user_data: 1, result: -libc::ECANCELED, more: false };
        let answered = self.expect("a receive that is cancelled", &[cut, CANCELLED]);
        if answered.is_err() {
            // The receive may not have ended: the kernel may still write there.
            std::mem::forget(memory);
        }
        answered
    }

    /// A message to a ring arrives there: how cores wake each other.
    fn try_message(&mut self) -> io::Result<()> {
        let to = types::Fd(self.uring.as_raw_fd());
        let message = opcode::MsgRingData::new(to, 0, 1, None).build();
        self.give([message.flags(Flags::SKIP_SUCCESS).user_data(3)]);
        let arrived = Expected { user_data: 1, result: 0, more: false };
        self.expect("a message to a ring", &[arrived])
    }

    /// A receive takes a buffer out of a queue when something has come, and ends when there is
    /// none: what pools are made of. No core needs one before its first receive into a pool, so
    /// none looks at its start.
    fn try_buffers(&mut self) -> io::Result<()> {
        let (ours, mut theirs) =
            UnixStream::pair().map_err(|error| opening("socketpair", &error))?;
        // More than the one buffer takes: older kernels try again at once in any case, and others
        // when more is there.
        theirs.write_all(b"xx").map_err(|error| opening("write", &error))?;
        let mut memory = ManuallyDrop::new(vec![0u8; 1]);
        let mut queue = ManuallyDrop::new(BufferQueue::new(1)?);
        let (start, length) = (memory.as_mut_ptr(), memory.len() as u32);
        // SAFETY: the queue stays, unless its receive was seen to end, and the kernel lets go of
        // it.
        unsafe { self.register_buffers(GROUP, &queue, start) }?;
        // SAFETY: it has room for one; the memory stays as the queue does.
        unsafe { queue.push(0, start, length) };
        let receive = opcode::RecvMulti::new(types::Fd(ours.as_raw_fd()), GROUP).build();
        self.give([receive.user_data(1)]);
        let taken = Expected { user_data: 1, result: 1, more: true };
        let empty = Expected { user_data: 1, result: -libc::ENOBUFS, more: false };
        self.expect("a receive into a queue with one buffer", &[taken, empty])?;
        self.unregister_buffers(GROUP);
        drop(ManuallyDrop::into_inner(queue));
        match ManuallyDrop::into_inner(memory).first() {
            Some(b'x') => Ok(()),
            _ => Err(wrong("a receive into a queue has not written to its buffer")),
        }
    }

    /// The kernel comes back at a deadline, and not before.
    fn try_deadline(&mut self) -> io::Result<()> {
        let deadline = self.now() + WAIT_NS;
        for _ in 0..=INTERRUPTIONS {
            self.enter(EnterWait::Until(deadline), Batch::FIRST)
                .map_err(|error| failed("a deadline", &error))?;
            if self.now() >= deadline {
                let mut answers = Vec::new();
                self.reap(&mut answers);
                return judge("a deadline", &[], &answers).map_err(|text| wrong(&text));
            }
        }
        Err(wrong("it did not wait for a deadline"))
    }

    fn give<const N: usize>(&mut self, entries: [Entry; N]) {
        let mut queue = self.uring.submission();
        for entry in entries {
            // SAFETY: the entries with memory are receives; that is valid until the end of each was
            // seen, or for ever.
            let pushed = unsafe { queue.push(&entry) };
            assert!(pushed.is_ok(), "a ring of default size has room for a few entries");
        }
    }

    /// Takes as many answers as are expected, and compares them.
    fn expect(&mut self, of: &str, expected: &[Expected]) -> io::Result<()> {
        let mut answers = Vec::new();
        for _ in 0..PATIENCE {
            if answers.len() >= expected.len() && self.unsubmitted() == 0 {
                break;
            }
            self.enter(EnterWait::No, Batch::FIRST).map_err(|error| failed(of, &error))?;
            self.reap(&mut answers);
        }
        judge(of, expected, &answers).map_err(|text| wrong(&text))
    }
}

/// The request to cancel was granted.
const CANCELLED: Expected = Expected { user_data: 2, result: 0, more: false };

fn cancel(user_data: u64) -> Entry {
    opcode::AsyncCancel::new(user_data).build().user_data(CANCELLED.user_data)
}

/// Whether these are the answers that were expected, in any order; if not, what is wrong.
pub(super) fn judge(of: &str, expected: &[Expected], got: &[Completion]) -> Result<(), String> {
    let all = expected.iter().all(|one| got.iter().any(|completion| one.is(completion)));
    if all && got.len() == expected.len() {
        return Ok(());
    }
    let answers = got.iter().map(|one| answer(one.user_data, one.result, one.more()));
    let wanted = expected.iter().map(|one| answer(one.user_data, one.result, one.more));
    Err(format!("{of} was answered by {}, where {} was expected", list(answers), list(wanted)))
}

fn list(answers: impl Iterator<Item = String>) -> String {
    let answers: Vec<_> = answers.collect();
    if answers.is_empty() { "nothing".to_owned() } else { answers.join(" and ") }
}

fn answer(user_data: u64, result: i32, more: bool) -> String {
    let who = if user_data == CANCELLED.user_data { " to the request" } else { "" };
    let more = if more { " with more to come" } else { "" };
    match result {
        0.. => format!("{result}{who}{more}"),
        _ => format!("{}{who}{more}", io::Error::from_raw_os_error(result.saturating_neg())),
    }
}

fn wrong(what: &str) -> io::Error {
    explain::misbehaves(what, &Facts::read())
}

fn failed(of: &str, error: &io::Error) -> io::Error {
    wrong(&format!("io_uring_enter failed in {of}: {error}"))
}
