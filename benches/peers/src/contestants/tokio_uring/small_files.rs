//! Files that are opened, read and closed: one task for each that is under way. It reads no file
//! whole: one read takes all.

use super::super::common::{READ, SmallFiles, Spent, Start, small_files_of};
use tokio_uring::fs::File;

pub(super) fn read(files: u64, readers: u64) -> Spent {
    let all = SmallFiles::made().expect("room for files");
    tokio_uring::start(async {
        let start = Start::now();
        let spawn = |reader| tokio_uring::spawn(reader_of(all.clone(), reader, readers, files));
        for task in (0..readers).map(spawn).collect::<Vec<_>>() {
            task.await.expect("no panic");
        }
        start.elapsed()
    })
}

async fn reader_of(all: SmallFiles, reader: u64, readers: u64, files: u64) {
    for number in small_files_of(reader, readers, files) {
        let (path, length) = all.file(number);
        let file = File::open(path).await.expect("the file");
        let (read, _) = file.read_at(Vec::with_capacity(READ), 0).await;
        file.close().await.expect("it was open");
        assert_eq!(read.expect("the file can be read"), length);
    }
}
