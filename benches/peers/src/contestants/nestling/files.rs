//! Reads of a file: one child for each that is under way.

use super::super::common::{DEPTH, READ, Spent, Start, cached, next_place};
use nestling::fs::File;
use nestling::nursery;
use std::io;

pub(super) fn read(reads: u64) -> Spent {
    let path = cached().expect("room for a file");
    let elapsed = super::runtime().block_on(async {
        let file = &File::open(&path).await?;
        let start = Start::now();
        nursery(async |n| {
            for reader in 0..DEPTH {
                n.spawn(async move {
                    let (mut state, mut buffer) = (reader, Vec::with_capacity(READ));
                    for _ in 0..reads / DEPTH {
                        let (result, filled) = file.read_at(buffer, next_place(&mut state)).await;
                        assert_eq!(result?, READ);
                        buffer = filled;
                    }
                    Ok::<_, io::Error>(())
                });
            }
            Ok::<_, io::Error>(())
        })
        .await?;
        Ok::<_, io::Error>(start.elapsed())
    });
    elapsed.expect("the file can be read")
}
