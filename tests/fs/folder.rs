//! `Folder`: a directory for one test.

use crate::support::one_at_a_time;
use std::path::{Path, PathBuf};
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A directory on a disk, beside the test's own program; it is gone when this is dropped. Until
/// then no other test of this program has one: so what the process has open can be counted.
pub(crate) struct Folder {
    path: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let _alone = one_at_a_time();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let program = std::env::current_exe().expect("a program");
        let path = program.with_file_name(format!("fs-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).expect("a folder that may be written to");
        Self { path, _alone }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// What is in it, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.path).expect("it is there");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.expect("an entry").file_name().into_string().expect("a name in UTF-8")
        };
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
