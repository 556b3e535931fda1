//! Files that are opened, read and closed: one task for each that is under way.

use super::super::common::{SmallFiles, Spent, Start, small_files_of};

pub(super) fn read(files: u64, readers: u64) -> Spent {
    let all = SmallFiles::made().expect("room for files");
    super::runtime().block_on(async {
        let start = Start::now();
        let spawn = |reader| compio::runtime::spawn(reader_of(all.clone(), reader, readers, files));
        for task in (0..readers).map(spawn).collect::<Vec<_>>() {
            task.await.expect("no panic");
        }
        start.elapsed()
    })
}

async fn reader_of(all: SmallFiles, reader: u64, readers: u64, files: u64) {
    for number in small_files_of(reader, readers, files) {
        let (path, length) = all.file(number);
        let read = compio::fs::read(path).await;
        assert_eq!(read.expect("the file can be read").len(), length);
    }
}
