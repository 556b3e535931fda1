//! Files that are opened, read and closed: one task for each that is under way. It reads no file
//! whole: one read takes all.

use super::super::common::{READ, SmallFiles, Spent, Start, small_files_of};
use kimojio::operations::{close, open, read as read_into, spawn_task};
use rustix::fs::{Mode, OFlags};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;

pub(super) fn read(files: u64, readers: u64) -> Spent {
    let all = SmallFiles::made().expect("room for files");
    super::run(async move {
        let start = Start::now();
        let spawn = |reader| spawn_task(reader_of(all.clone(), reader, readers, files));
        for task in (0..readers).map(spawn).collect::<Vec<_>>() {
            assert!(task.await.is_ok(), "no panic");
        }
        start.elapsed()
    })
}

async fn reader_of(all: SmallFiles, reader: u64, readers: u64, files: u64) {
    for number in small_files_of(reader, readers, files) {
        let (path, length) = all.file(number);
        let path = CString::new(path.as_os_str().as_bytes()).expect("no zero byte");
        let file = open(&path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).await;
        let file = file.expect("the file");
        let mut buffer = vec![0; READ];
        assert_eq!(read_into(&file, &mut buffer).await, Ok(length), "the file can be read");
        close(file).await.expect("it was open");
    }
}
