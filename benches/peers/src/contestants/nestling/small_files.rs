//! Files that are opened, read and closed: one child for each that is under way.

use super::super::common::{SmallFiles, Spent, Start, small_files_of};
use nestling::{fs, nursery};
use std::io;

pub(super) fn read(files: u64, readers: u64) -> Spent {
    let all = &SmallFiles::made().expect("room for files");
    let elapsed = super::runtime().block_on(async {
        let start = Start::now();
        nursery(async |n| {
            for reader in 0..readers {
                n.spawn(async move {
                    for number in small_files_of(reader, readers, files) {
                        let (path, length) = all.file(number);
                        assert_eq!(fs::read(path).await?.len(), length);
                    }
                    Ok::<_, io::Error>(())
                });
            }
            Ok::<_, io::Error>(())
        })
        .await?;
        Ok::<_, io::Error>(start.elapsed())
    });
    elapsed.expect("the files can be read")
}
