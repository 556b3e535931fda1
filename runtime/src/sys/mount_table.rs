//! What is mounted where this thread looks for paths.

use super::is_ready;
use std::fs::File;
use std::io::{self, Read, Seek};

/// The kernel's list of mounts, kept open: so that it tells when another one is made.
#[derive(Debug)]
pub(crate) struct MountTable(File);

/// A mount: its number, and the name of its kind of file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mount<'a> {
    pub(crate) number: u64,
    pub(crate) kind: &'a str,
}

impl MountTable {
    /// Opens the mount table of this thread, which has not [changed](Self::has_changed) yet.
    pub(crate) fn open() -> io::Result<Self> {
        File::open("/proc/thread-self/mountinfo").map(Self)
    }

    /// Whether something was mounted, or taken away, since the last time that this was asked.
    pub(crate) fn has_changed(&self) -> bool {
        // That it has is told as an error. A look that fails is one more reading.
        is_ready(&self.0, true).unwrap_or(true)
    }

    /// The whole list, for [`mounts`].
    pub(crate) fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        self.0.rewind()?;
        self.0.read_to_end(&mut text)?;
        Ok(text)
    }
}

/// The mounts in the list: see proc_pid_mountinfo(5). A line that is none of these is left out.
pub(crate) fn mounts(text: &str) -> impl Iterator<Item = Mount<'_>> {
    text.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let number = fields.next()?.parse().ok()?;
        // Five more; then a number of others, which end with a dash.
        let mut rest = fields.skip(5).skip_while(|field| *field != "-");
        Some(Mount { number, kind: rest.nth(1)? })
    })
}
