//! Operations on descriptors without a kernel: what is sent on one is received on the same, and who
//! connects is accepted there.
//!
//! They touch the memory that they were lent as late as they may, also when they are cancelled, so
//! that Miri sees if it is gone or somebody else's.

use super::modelled::Front;
use super::{Completion, opcode};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::ptr;

/// `IORING_CQE_F_SOCK_NONEMPTY`.
const NONEMPTY: u32 = 1 << 2;

/// What a line holds that nobody has received: few bytes, so that a send has to wait soon.
const ROOM: usize = 16;

/// What has not come to its end, oldest first, and what was sent before.
#[derive(Debug, Default)]
pub(super) struct Loopback {
    waiting: Vec<Front>,
    lines: BTreeMap<RawFd, Line>,
}

#[derive(Debug, Default)]
struct Line {
    bytes: VecDeque<u8>,
    connections: u32,
    shut: bool,
}

/// How an operation ends: its result and flags.
type End = (i32, u32);

impl Loopback {
    pub(super) fn submit(&mut self, entry: &Front, done: &mut Vec<Completion>) {
        match entry.opcode {
            opcode::AsyncCancel::CODE => self.cancel(entry.address, done),
            _ => self.waiting.push(*entry),
        }
        // One may be what another has waited for.
        while let Some((at, end)) = self.next() {
            let entry = self.waiting.remove(at);
            done.push(completion(&entry, end));
        }
    }

    /// The first that comes to its end.
    fn next(&mut self) -> Option<(usize, End)> {
        let Self { waiting, lines } = self;
        waiting.iter().enumerate().find_map(|(at, entry)| {
            let line = lines.entry(entry.fd).or_default();
            let end = line.attempt(entry)?;
            if entry.opcode == opcode::Close::CODE {
                lines.remove(&entry.fd);
            }
            Some((at, end))
        })
    }

    fn cancel(&mut self, user_data: u64, done: &mut Vec<Completion>) {
        let found = self.waiting.iter().position(|entry| entry.user_data == user_data);
        // Without it, it has completed already.
        let Some(at) = found else { return };
        let entry = self.waiting.remove(at);
        lent(&entry).iter().for_each(|lent| lent.touch());
        done.push(completion(&entry, (-libc::ECANCELED, 0)));
    }
}

fn completion(entry: &Front, (result, flags): End) -> Completion {
    Completion { user_data: entry.user_data, result, flags }
}

impl Line {
    /// Does what was asked, if it need not wait.
    fn attempt(&mut self, entry: &Front) -> Option<End> {
        let length = entry.length as usize;
        match entry.opcode {
            opcode::Recv::CODE => {
                if self.bytes.is_empty() && !self.shut {
                    return None;
                }
                let taken: Vec<_> = self.bytes.drain(..length.min(self.bytes.len())).collect();
                Lent::of(entry.address, length).write(&taken);
                let flags = if self.bytes.is_empty() { 0 } else { NONEMPTY };
                Some((taken.len() as i32, flags))
            }
            opcode::Send::CODE => {
                let count = length.min(ROOM - self.bytes.len());
                if count == 0 && length > 0 {
                    return None;
                }
                self.bytes.extend(Lent::of(entry.address, length).read(count));
                Some((count as i32, 0))
            }
            opcode::Accept::CODE => {
                self.connections = self.connections.checked_sub(1)?;
                Some((accept(entry), 0))
            }
            opcode::Connect::CODE => {
                // The length of an address stands where others have an offset.
                let length = entry.offset as usize;
                let address = Lent::of(entry.address, length).read(length);
                assert!(address.starts_with(&(libc::AF_INET as u16).to_ne_bytes()));
                self.connections += 1;
                Some((0, 0))
            }
            opcode::Shutdown::CODE => {
                self.shut = true;
                Some((0, 0))
            }
            opcode::Close::CODE => {
                // SAFETY: whoever asks for a close owns the descriptor, and lets go of it.
                drop(unsafe { OwnedFd::from_raw_fd(entry.fd) });
                Some((0, 0))
            }
            other => unreachable!("nobody has operation {other} without a kernel"),
        }
    }
}

/// Makes a descriptor, and says who has connected.
fn accept(entry: &Front) -> i32 {
    let [address, length] = lent(entry)[..] else { unreachable!("an accept has two places") };
    let mut peer = vec![0; size_of::<libc::sockaddr_in>()];
    peer[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
    address.write(&peer);
    length.write(&(peer.len() as libc::socklen_t).to_ne_bytes());
    let (end, _) = io::pipe().expect("descriptors are left");
    OwnedFd::from(end).into_raw_fd()
}

/// What an operation that waits may write to.
fn lent(entry: &Front) -> Vec<Lent> {
    match entry.opcode {
        opcode::Recv::CODE => vec![Lent::of(entry.address, entry.length as usize)],
        opcode::Accept::CODE => vec![
            Lent::of(entry.address, size_of::<libc::sockaddr_storage>()),
            Lent::of(entry.offset, size_of::<libc::socklen_t>()),
        ],
        _ => Vec::new(),
    }
}

/// Memory of an operation in flight.
#[derive(Debug, Clone, Copy)]
struct Lent {
    start: *mut u8,
    length: usize,
}

impl Lent {
    fn of(address: u64, length: usize) -> Self {
        Self { start: ptr::with_exposed_provenance_mut(address as usize), length }
    }

    fn read(self, count: usize) -> Vec<u8> {
        assert!(count <= self.length);
        // SAFETY: whoever submits promises that it is valid until the completion.
        unsafe { std::slice::from_raw_parts(self.start, count) }.to_vec()
    }

    fn write(self, bytes: &[u8]) {
        assert!(bytes.len() <= self.length);
        // SAFETY: whoever submits promises that it is valid until the completion, and the kernel's
        // alone.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.start, bytes.len()) }
    }

    /// Writes what is there already, initialised or not.
    fn touch(self) {
        // SAFETY: as for `write`.
        unsafe { ptr::copy(self.start, self.start, self.length) }
    }
}
