//! Reads of a file: one task for each that is under way. Glommio's buffers are new for each read.

use super::super::common::{DEPTH, READ, Spent, Start, cached, next_place};
use glommio::io::BufferedFile;
use glommio::spawn_local;
use std::rc::Rc;

pub(super) fn read(reads: u64) -> Spent {
    let path = cached().expect("room for a file");
    super::executor().run(async {
        let file = Rc::new(BufferedFile::open(&path).await.expect("the file"));
        let start = Start::now();
        let spawn = |reader| spawn_local(reader_of(Rc::clone(&file), reader, reads / DEPTH));
        for reader in (0..DEPTH).map(spawn).collect::<Vec<_>>() {
            reader.await;
        }
        start.elapsed()
    })
}

async fn reader_of(file: Rc<BufferedFile>, reader: u64, reads: u64) {
    let mut state = reader;
    for _ in 0..reads {
        let read = file.read_at(next_place(&mut state), READ).await;
        assert_eq!(read.expect("the file can be read").len(), READ);
    }
}
