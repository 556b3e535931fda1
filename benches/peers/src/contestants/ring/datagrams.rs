//! The echo server of datagrams: one receive for all of them, into buffers of which the kernel
//! picks one for each.
#![expect(unsafe_code, reason = "entries and buffers are what the kernel reads and writes")]

use crate::load::ring::bare;
use crate::process::How;
use io_uring::squeue::Entry;
use io_uring::types::{BufRingEntry, Fd, RecvMsgOut};
use io_uring::{IoUring, cqueue, opcode};
use std::io;
use std::mem;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU16, Ordering};

/// A page of entries.
const BUFFERS: u16 = 256;
/// Bytes of a buffer before the datagram: lengths, and an address.
const HEAD: usize = 16 + mem::size_of::<libc::sockaddr_in>();
/// The number of a receive; that of a send is its buffer's.
const RECEIVE: u64 = u64::MAX;

pub(super) fn echo(socket: UdpSocket, how: How) -> io::Result<()> {
    let fd = Fd(socket.as_raw_fd());
    let mut buffers = Buffers::new(HEAD + how.buffer);
    let mut ring = bare(1024, 4096)?;
    // SAFETY: the entries are dropped after the ring.
    unsafe {
        ring.submitter().register_buf_ring_with_flags(buffers.entries(), BUFFERS, 0, 0)?;
    }
    // SAFETY: of numbers and pointers, which may be null.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_namelen = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
    let receive = opcode::RecvMsgMulti::new(fd, &raw const header, 0).build().user_data(RECEIVE);
    push(&mut ring, &receive)?;
    let mut completions = Vec::new();
    loop {
        ring.submit_and_wait(1)?;
        completions.extend(ring.completion().map(|c| (c.user_data(), c.result(), c.flags())));
        for (number, result, flags) in completions.drain(..) {
            if number == RECEIVE {
                let none_left = result == -libc::ENOBUFS;
                if result < 0 && !none_left {
                    return Err(io::Error::from_raw_os_error(-result));
                }
                if let Some(buffer) = cqueue::buffer_select(flags) {
                    let bytes = &buffers.bytes(buffer)[..result as usize];
                    let out = RecvMsgOut::parse(bytes, &header).map_err(|()| CUT)?;
                    let (payload, name) = (out.payload_data(), out.name_data());
                    let send = opcode::Send::new(fd, payload.as_ptr(), payload.len() as u32)
                        .dest_addr(name.as_ptr().cast())
                        .dest_addr_len(name.len() as libc::socklen_t);
                    push(&mut ring, &send.build().user_data(u64::from(buffer)))?;
                }
                if !cqueue::more(flags) {
                    push(&mut ring, &receive)?;
                }
            } else if result < 0 {
                return Err(io::Error::from_raw_os_error(-result));
            } else {
                buffers.give(number as u16);
            }
        }
    }
}

const CUT: io::ErrorKind = io::ErrorKind::InvalidData;

fn push(ring: &mut IoUring, entry: &Entry) -> io::Result<()> {
    if ring.submission().is_full() {
        ring.submit()?;
    }
    // SAFETY: socket, header and buffers are dropped after the ring, and do not move.
    let pushed = unsafe { ring.submission().push(entry) };
    pushed.map_err(io::Error::other)
}

#[repr(C, align(4096))]
struct Entries([BufRingEntry; BUFFERS as usize]);

/// Buffers, and the ring by which the kernel is given them.
struct Buffers {
    entries: Box<Entries>,
    bytes: Box<[u8]>,
    size: usize,
    tail: u16,
}

impl Buffers {
    /// All are given.
    fn new(size: usize) -> Self {
        // SAFETY: of numbers.
        let entries = Box::new(unsafe { mem::zeroed::<Entries>() });
        let bytes = vec![0; size * usize::from(BUFFERS)].into_boxed_slice();
        let mut this = Self { entries, bytes, size, tail: 0 };
        (0..BUFFERS).for_each(|buffer| this.give(buffer));
        this
    }

    fn entries(&self) -> u64 {
        (&raw const *self.entries) as u64
    }

    fn bytes(&self, buffer: u16) -> &[u8] {
        &self.bytes[usize::from(buffer) * self.size..][..self.size]
    }

    fn give(&mut self, buffer: u16) {
        let address = self.bytes(buffer).as_ptr() as u64;
        let entry = &mut self.entries.0[usize::from(self.tail % BUFFERS)];
        entry.set_addr(address);
        entry.set_len(self.size as u32);
        entry.set_bid(buffer);
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: that is the first entry.
        let tail = unsafe { BufRingEntry::tail(self.entries.0.as_ptr()) };
        // SAFETY: it is in that entry, which is there; whose other fields are beside it.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }
}
