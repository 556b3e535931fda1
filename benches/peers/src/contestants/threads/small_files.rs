//! Files that are opened, read and closed: one thread for each that is under way.

use super::super::common::{SmallFiles, Spent, Start, small_files_of};
use std::{fs, thread};

pub(super) fn read(files: u64, readers: u64) -> Spent {
    let all = &SmallFiles::made().expect("room for files");
    let start = Start::now();
    thread::scope(|threads| {
        for reader in 0..readers {
            threads.spawn(move || {
                for number in small_files_of(reader, readers, files) {
                    let (path, length) = all.file(number);
                    let read = fs::read(path);
                    assert_eq!(read.expect("the file can be read").len(), length);
                }
            });
        }
    });
    start.elapsed()
}
