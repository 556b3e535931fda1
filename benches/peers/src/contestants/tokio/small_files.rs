//! Files that are opened, read and closed: one task for each that is under way. `tokio::fs::read`
//! does the whole on a thread for blocking calls.

use super::super::common::{SmallFiles, Spent, Start, small_files_of};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

pub(super) fn read(runtime: &Runtime, files: u64, readers: u64) -> Spent {
    let all = SmallFiles::made().expect("room for files");
    runtime.block_on(async {
        let start = Start::now();
        let mut tasks = JoinSet::new();
        for reader in 0..readers {
            tasks.spawn(reader_of(all.clone(), reader, readers, files));
        }
        tasks.join_all().await;
        start.elapsed()
    })
}

async fn reader_of(all: SmallFiles, reader: u64, readers: u64, files: u64) {
    for number in small_files_of(reader, readers, files) {
        let (path, length) = all.file(number);
        let read = tokio::fs::read(path).await;
        assert_eq!(read.expect("the file can be read").len(), length);
    }
}
