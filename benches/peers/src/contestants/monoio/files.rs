//! Reads of a file: one task for each that is under way.

use super::super::common::{DEPTH, READ, Spent, Start, cached, next_place};
use monoio::fs::File;
use std::rc::Rc;

pub(super) fn read(reads: u64) -> Spent {
    let path = cached().expect("room for a file");
    super::runtime().block_on(async {
        let file = Rc::new(File::open(&path).await.expect("the file"));
        let start = Start::now();
        let spawn = |reader| monoio::spawn(reader_of(Rc::clone(&file), reader, reads / DEPTH));
        for reader in (0..DEPTH).map(spawn).collect::<Vec<_>>() {
            reader.await;
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
