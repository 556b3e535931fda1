//! Reads of a file: one task for each that is under way.

use super::super::common::{DEPTH, READ, Spent, Start, cached, next_place};
use std::rc::Rc;
use tokio_uring::fs::File;

pub(super) fn read(reads: u64) -> Spent {
    let path = cached().expect("room for a file");
    tokio_uring::start(async {
        let file = Rc::new(File::open(&path).await.expect("the file"));
        let start = Start::now();
        let spawn = |reader| tokio_uring::spawn(reader_of(Rc::clone(&file), reader, reads / DEPTH));
        for reader in (0..DEPTH).map(spawn).collect::<Vec<_>>() {
            reader.await.expect("no panic");
        }
        start.elapsed()
    })
}

async fn reader_of(file: Rc<File>, reader: u64, reads: u64) {
    let (mut state, mut buffer) = (reader, Vec::with_capacity(READ));
    for _ in 0..reads {
        let (result, filled) = file.read_at(buffer, next_place(&mut state)).await;
        assert_eq!(result.expect("the file can be read"), READ);
        buffer = filled;
        buffer.clear();
    }
}
