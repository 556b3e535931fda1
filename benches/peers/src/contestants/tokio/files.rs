//! Reads of a file, each on a thread for blocking calls, as Tokio's own files do it; at a place,
//! which those files have no call for.

use super::super::common::{DEPTH, READ, Spent, Start, cached, next_place};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::task::{JoinSet, spawn_blocking};

pub(super) fn read(runtime: &Runtime, reads: u64) -> Spent {
    let path = cached().expect("room for a file");
    let file = Arc::new(File::open(&path).expect("the file"));
    runtime.block_on(async {
        let start = Start::now();
        let mut readers = JoinSet::new();
        for reader in 0..DEPTH {
            readers.spawn(reader_of(Arc::clone(&file), reader, reads / DEPTH));
        }
        readers.join_all().await;
        start.elapsed()
    })
}

async fn reader_of(file: Arc<File>, reader: u64, reads: u64) {
    let (mut state, mut buffer) = (reader, vec![0; READ]);
    for _ in 0..reads {
        let (file, place) = (Arc::clone(&file), next_place(&mut state));
        let read = spawn_blocking(move || {
            file.read_exact_at(&mut buffer, place).expect("the file can be read");
            buffer
        });
        buffer = read.await.expect("no panic");
    }
}
