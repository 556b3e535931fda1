//! Receives that the kernel is asked to cancel, each, until it has answered for all.
#![expect(unsafe_code, reason = "pushing entries is a promise about what they point to")]

use super::super::common::{RECEIVED, RECEIVES, Spent, Start, silent_pairs};
use crate::load::ring::bare;
use io_uring::squeue::{Entry, Flags};
use io_uring::{IoUring, opcode, types};
use std::os::fd::AsRawFd;

pub(super) fn receives(count: u64) -> Spent {
    let (streams, _peers) = silent_pairs().expect("sockets");
    let mut buffers = vec![[0_u8; RECEIVED]; RECEIVES as usize];
    // Dropped first: nothing is in flight when a round is over.
    let mut ring = bare(1024, 4096).expect("a ring");
    let mut sum = Spent::default();
    for _ in 0..count / RECEIVES {
        for (number, (stream, buffer)) in streams.iter().zip(&mut buffers).enumerate() {
            let fd = types::Fd(stream.as_raw_fd());
            let receive = opcode::Recv::new(fd, buffer.as_mut_ptr(), RECEIVED as u32);
            push(&mut ring, &receive.build().user_data(number as u64));
        }
        ring.submit().expect("an enter");
        let start = Start::now();
        for number in 0..RECEIVES {
            let cancel = opcode::AsyncCancel::new(number).build().flags(Flags::SKIP_SUCCESS);
            push(&mut ring, &cancel);
        }
        let (mut answers, mut cancelled) = (0, 0);
        while answers < RECEIVES {
            ring.submit_and_wait((RECEIVES - answers) as usize).expect("an enter");
            for completion in ring.completion() {
                cancelled += u64::from(completion.result() == -libc::ECANCELED);
                answers += 1;
            }
        }
        // Not before: until then the kernel has the buffers.
        assert_eq!(cancelled, RECEIVES, "nothing ever comes");
        sum += start.elapsed();
    }
    sum
}

fn push(ring: &mut IoUring, entry: &Entry) {
    // SAFETY: sockets and buffers live as long as the ring, at the same addresses.
    let pushed = unsafe { ring.submission().push(entry) };
    pushed.expect("the queue is not full");
}
