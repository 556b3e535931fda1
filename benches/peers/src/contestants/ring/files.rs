//! Reads of a file: a batch at a time.
#![expect(unsafe_code, reason = "pushing entries is a promise about what they point to")]

use super::super::common::{DEPTH, READ, Spent, Start, cached, next_place};
use crate::load::ring::bare;
use io_uring::{opcode, types};
use std::fs::File;
use std::os::fd::AsRawFd;

pub(super) fn read(reads: u64) -> Spent {
    let path = cached().expect("room for a file");
    let file = File::open(&path).expect("the file");
    let fd = types::Fd(file.as_raw_fd());
    let mut buffers = vec![vec![0_u8; READ]; DEPTH as usize];
    let mut states: Vec<u64> = (0..DEPTH).collect();
    // Dropped first: nothing is in flight when a batch is over.
    let mut ring = bare(256, 1024).expect("a ring");
    let start = Start::now();
    for _ in 0..reads / DEPTH {
        for (buffer, state) in buffers.iter_mut().zip(&mut states) {
            let read = opcode::Read::new(fd, buffer.as_mut_ptr(), READ as u32);
            let entry = read.offset(next_place(state)).build();
            // SAFETY: file and buffer live as long as the ring, at the same addresses.
            let pushed = unsafe { ring.submission().push(&entry) };
            pushed.expect("the queue is not full");
        }
        ring.submit_and_wait(DEPTH as usize).expect("an enter");
        let mut done = 0;
        for completion in ring.completion() {
            assert_eq!(completion.result(), READ as i32, "the file can be read");
            done += 1;
        }
        assert_eq!(done, DEPTH, "all are back");
    }
    start.elapsed()
}
