//! Files that are opened, read and closed: one task for each that is under way. It reads no file
//! whole: one read takes all.

use super::super::common::{READ, SmallFiles, Spent, Start, small_files_of};
use glommio::io::BufferedFile;
use glommio::spawn_local;

pub(super) fn read(files: u64, readers: u64) -> Spent {
    let all = SmallFiles::made().expect("room for files");
    super::executor().run(async {
        let start = Start::now();
        let spawn = |reader| spawn_local(reader_of(all.clone(), reader, readers, files));
        for task in (0..readers).map(spawn).collect::<Vec<_>>() {
            task.await;
        }
        start.elapsed()
    })
}

async fn reader_of(all: SmallFiles, reader: u64, readers: u64, files: u64) {
    for number in small_files_of(reader, readers, files) {
        let (path, length) = all.file(number);
        let file = BufferedFile::open(path).await.expect("the file");
        let read = file.read_at(0, READ).await.expect("the file can be read");
        file.close().await.expect("it was open");
        assert_eq!(read.len(), length);
    }
}
