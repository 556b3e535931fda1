//! Files that are opened, read and closed: a batch at a time, which is closed while the next one is
//! opened.
#![expect(unsafe_code, reason = "pushing entries is a promise about what they point to")]

use super::super::common::{READ, SmallFiles, Spent, Start};
use crate::load::ring::bare;
use io_uring::squeue::Entry;
use io_uring::{IoUring, opcode, types};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;

/// What a completion is of; the others are numbered.
const CLOSED: u64 = u64::MAX;

pub(super) fn read(files: u64, at_a_time: u64) -> Spent {
    let all = SmallFiles::made().expect("room for files");
    let mut buffers = vec![vec![0_u8; READ]; at_a_time as usize];
    let mut paths = Vec::new();
    let mut opened: Vec<types::Fd> = Vec::new();
    // Dropped first: nothing is in flight when a batch is over.
    let mut ring = bare(256, 1024).expect("a ring");
    let start = Start::now();
    for first in (0..files).step_by(at_a_time as usize) {
        let batch = first..files.min(first + at_a_time);
        paths.clear();
        paths.extend(batch.clone().map(|number| {
            CString::new(all.file(number).0.as_os_str().as_bytes()).expect("no zero byte")
        }));
        let closes = opened.drain(..).map(close);
        let opens = paths.iter().zip(0..).map(|(path, place)| {
            let open = opcode::OpenAt::new(types::Fd(libc::AT_FDCWD), path.as_ptr());
            open.flags(libc::O_RDONLY | libc::O_CLOEXEC).build().user_data(place)
        });
        let entries: Vec<_> = closes.chain(opens).collect();
        opened.resize(paths.len(), types::Fd(-1));
        run(&mut ring, &entries, |place, fd| opened[place] = types::Fd(fd));
        let reads = opened.iter().zip(&mut buffers).zip(0..).map(|((&fd, buffer), place)| {
            opcode::Read::new(fd, buffer.as_mut_ptr(), READ as u32).build().user_data(place)
        });
        let entries: Vec<_> = reads.collect();
        run(&mut ring, &entries, |place, read| {
            assert_eq!(read as usize, all.file(first + place as u64).1, "all of it is read");
        });
    }
    let entries: Vec<_> = opened.drain(..).map(close).collect();
    run(&mut ring, &entries, |_, _| {});
    start.elapsed()
}

fn close(fd: types::Fd) -> Entry {
    opcode::Close::new(fd).build().user_data(CLOSED)
}

/// Submits all of these, and waits for all of them.
fn run(ring: &mut IoUring, entries: &[Entry], mut done: impl FnMut(usize, i32)) {
    for entry in entries {
        // SAFETY: paths and buffers live until the batch is over, at the same addresses.
        let pushed = unsafe { ring.submission().push(entry) };
        pushed.expect("the queue is not full");
    }
    ring.submit_and_wait(entries.len()).expect("an enter");
    let mut count = 0;
    for completion in ring.completion() {
        let result = completion.result();
        assert!(result >= 0, "the file can be opened, read and closed: {result}");
        if completion.user_data() != CLOSED {
            done(completion.user_data() as usize, result);
        }
        count += 1;
    }
    assert_eq!(count, entries.len(), "all are back");
}
