//! Files that are small and many: as static servers, mail stores and build tools have them.

use super::small_files;
use crate::rows::SMALL_FILES;
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

/// What is the last to be made.
const LAST: &str = "all-are-there";

/// Files in the page cache, of 1 to 4,096 bytes.
#[derive(Clone)]
pub(in super::super) struct SmallFiles {
    paths: Arc<[PathBuf]>,
}

impl SmallFiles {
    /// Those of the comparison that has started this process; they are made if they are not there.
    pub(in super::super) fn made() -> io::Result<Self> {
        let folder = small_files(parent_id());
        let path = |number| folder.join(format!("file-{number}"));
        let this = Self { paths: (0..SMALL_FILES).map(path).collect() };
        if !folder.join(LAST).exists() {
            fs::create_dir_all(&folder)?;
            for (number, path) in this.paths.iter().enumerate() {
                fs::write(path, vec![1; length(number)])?;
            }
            fs::write(folder.join(LAST), "")?;
        }
        Ok(this)
    }

    /// A file, with the number of bytes that are in it; the first one follows the last.
    pub(in super::super) fn file(&self, number: u64) -> (&Path, usize) {
        let number = (number % SMALL_FILES) as usize;
        (&self.paths[number], length(number))
    }
}

/// The numbers of the files that one of `readers` reads of `files`.
pub(in super::super) fn small_files_of(
    reader: u64,
    readers: u64,
    files: u64,
) -> impl Iterator<Item = u64> {
    (reader..files).step_by(readers as usize)
}

fn length(number: usize) -> usize {
    (number * 2_654_435_761) % 4_096 + 1
}
