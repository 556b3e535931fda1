//! Reads of a file: one task for each that is under way.

use super::super::common::{DEPTH, READ, Spent, Start, cached, next_place};
use kimojio::operations::{pread, spawn_task};
use std::fs::File;
use std::rc::Rc;

pub(super) fn read(reads: u64) -> Spent {
    let path = cached().expect("room for a file");
    let file = Rc::new(File::open(&path).expect("the file"));
    super::run(async move {
        let start = Start::now();
        let spawn = |reader| spawn_task(reader_of(Rc::clone(&file), reader, reads / DEPTH));
        for reader in (0..DEPTH).map(spawn).collect::<Vec<_>>() {
            assert!(reader.await.is_ok(), "no panic");
        }
        start.elapsed()
    })
}

async fn reader_of(file: Rc<File>, reader: u64, reads: u64) {
    let (mut state, mut buffer) = (reader, vec![0; READ]);
    for _ in 0..reads {
        let read = pread(&*file, &mut buffer, next_place(&mut state)).await;
        assert_eq!(read, Ok(READ), "the file can be read");
    }
}
