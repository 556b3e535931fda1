//! Operations on descriptors without a kernel: what is sent on one is received on the same, and a
//! connect is accepted there.
//!
//! Operations touch the memory that they were lent as late as they may, also when they are
//! cancelled, so that Miri sees if it was freed or is used again.

use super::group::Group;
use crate::key::Key;
use crate::ring::completion::{BUFFER, MORE, NOTIFICATION, SOCK_NONEMPTY};
use crate::ring::{Completion, Request, Submission, Wait};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::ptr;

/// How many unreceived bytes a pipe holds: few, so that a send has to wait soon.
const ROOM: usize = 16;

/// Operations that have not come to their end, oldest first, and bytes that were sent before.
#[derive(Debug, Default)]
pub(super) struct Loopback {
    waiting: Vec<Submission>,
    pipes: BTreeMap<RawFd, Pipe>,
    pub(super) groups: BTreeMap<u16, Group>,
}

#[derive(Debug, Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    connections: u32,
    shut: bool,
}

/// How an operation ends: its result and flags.
type End = (i32, u32);

impl Loopback {
    pub(super) fn submit(&mut self, submission: Submission, done: &mut Vec<Completion>) {
        match submission.request {
            Request::Cancel { target } => self.cancel(target, done),
            _ => self.waiting.push(submission),
        }
        // The end of one operation may be what another has waited for.
        while let Some((at, end)) = self.next() {
            let key = self.waiting.remove(at).key;
            if end.1 & MORE != 0 {
                // The worst order: the notification is there before the result that tells of it.
                done.push(completion(key, (0, NOTIFICATION)));
            }
            done.push(completion(key, end));
        }
    }

    /// The first operation that comes to its end.
    fn next(&mut self) -> Option<(usize, End)> {
        let Self { waiting, pipes, groups } = self;
        waiting.iter().enumerate().find_map(|(at, Submission { request, .. })| {
            let fd = descriptor_of(request);
            let end = pipes.entry(fd).or_default().attempt(request, groups)?;
            if matches!(request, Request::Close { .. }) {
                pipes.remove(&fd);
            }
            Some((at, end))
        })
    }

    fn cancel(&mut self, target: Key, done: &mut Vec<Completion>) {
        let found = self.waiting.iter().position(|submission| submission.key == target);
        // If the target is not there, it has completed already.
        let Some(at) = found else { return };
        let Submission { key, request } = self.waiting.remove(at);
        lent(&request).iter().for_each(|lent| lent.touch());
        done.push(completion(key, (-libc::ECANCELED, 0)));
    }
}

fn completion(key: Key, (result, flags): End) -> Completion {
    Completion { user_data: key.user_data(), result, flags }
}

/// The descriptor that a request is on.
fn descriptor_of(request: &Request) -> RawFd {
    let (Request::Accept { on, .. }
    | Request::Connect { on, .. }
    | Request::Recv { on, .. }
    | Request::RecvLeased { on, .. }
    | Request::Send { on, .. }
    | Request::SendZc { on, .. }
    | Request::Shutdown { on, .. }
    | Request::Close { on }) = *request
    else {
        unreachable!("there is no {request:?} without a kernel")
    };
    on.descriptor()
}

impl Pipe {
    /// Does what was asked, if it need not wait.
    fn attempt(&mut self, request: &Request, groups: &mut BTreeMap<u16, Group>) -> Option<End> {
        match *request {
            Request::Recv { start, length, wait, .. } => {
                if wait == Wait::Never && self.bytes.is_empty() && !self.shut {
                    return Some((-libc::EAGAIN, 0));
                }
                self.receive(LentMemory::new(start, length as usize))
            }
            Request::RecvLeased { group, .. } => {
                if self.bytes.is_empty() {
                    return self.shut.then_some((0, 0));
                }
                let Some((id, start, length)) = groups.get_mut(&group).and_then(Group::take) else {
                    return Some((-libc::ENOBUFS, 0));
                };
                let (length, flags) = self.receive(LentMemory::new(start, length as usize))?;
                Some((length, flags | BUFFER | u32::from(id) << 16))
            }
            Request::Send { start, length, .. } => self.send(start, length, 0),
            Request::SendZc { start, length, .. } => self.send(start, length, MORE),
            Request::Accept { .. } => {
                self.connections = self.connections.checked_sub(1)?;
                Some((accept(request), 0))
            }
            Request::Connect { address, length, .. } => {
                let length = length as usize;
                let address = LentMemory::new(address.cast_mut().cast(), length).read(length);
                assert!(address.starts_with(&(libc::AF_INET as u16).to_ne_bytes()));
                self.connections += 1;
                Some((0, 0))
            }
            Request::Shutdown { .. } => {
                self.shut = true;
                Some((0, 0))
            }
            Request::Close { on } => {
                // SAFETY: the operation that asks for a close owns the descriptor, and lets go of
                // it.
                drop(unsafe { OwnedFd::from_raw_fd(on.descriptor()) });
                Some((0, 0))
            }
            ref other => unreachable!("there is no {other:?} without a kernel"),
        }
    }
}

impl Pipe {
    fn send(&mut self, start: *const u8, length: u32, flags: u32) -> Option<End> {
        let length = length as usize;
        let count = length.min(ROOM - self.bytes.len());
        if count == 0 && length > 0 {
            return None;
        }
        self.bytes.extend(LentMemory::new(start.cast_mut(), length).read(count));
        Some((count as i32, flags))
    }

    fn receive(&mut self, into: LentMemory) -> Option<End> {
        if self.bytes.is_empty() && !self.shut {
            return None;
        }
        let taken: Vec<_> = self.bytes.drain(..into.length.min(self.bytes.len())).collect();
        into.write(&taken);
        let flags = if self.bytes.is_empty() { 0 } else { SOCK_NONEMPTY };
        Some((taken.len() as i32, flags))
    }
}

/// Makes a descriptor, and writes the address of the peer.
fn accept(request: &Request) -> i32 {
    let [address, length] = lent(request)[..] else { unreachable!("an accept has two places") };
    let mut peer = vec![0; size_of::<libc::sockaddr_in>()];
    peer[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
    address.write(&peer);
    length.write(&(peer.len() as libc::socklen_t).to_ne_bytes());
    let (end, _) = io::pipe().expect("descriptors are left");
    OwnedFd::from(end).into_raw_fd()
}

/// What an operation that waits may write to.
fn lent(request: &Request) -> Vec<LentMemory> {
    match *request {
        Request::Recv { start, length, .. } => vec![LentMemory::new(start, length as usize)],
        Request::Accept { address, length, .. } => vec![
            LentMemory::new(address.cast(), size_of::<libc::sockaddr_storage>()),
            LentMemory::new(length.cast(), size_of::<libc::socklen_t>()),
        ],
        _ => Vec::new(),
    }
}

/// Memory of an operation in flight.
#[derive(Debug, Clone, Copy)]
struct LentMemory {
    start: *mut u8,
    length: usize,
}

impl LentMemory {
    fn new(start: *mut u8, length: usize) -> Self {
        Self { start, length }
    }

    fn read(self, count: usize) -> Vec<u8> {
        assert!(count <= self.length);
        // SAFETY: the operation that submits promises that it is valid until the completion.
        unsafe { std::slice::from_raw_parts(self.start, count) }.to_vec()
    }

    fn write(self, bytes: &[u8]) {
        assert!(bytes.len() <= self.length);
        // SAFETY: the operation that submits promises that it is valid until the completion, and
        // the kernel's alone.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.start, bytes.len()) }
    }

    /// Writes what is there already, initialised or not.
    fn touch(self) {
        // SAFETY: as for `write`.
        unsafe { ptr::copy(self.start, self.start, self.length) }
    }
}
