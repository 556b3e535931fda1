//! `Journal`: the file of a node's log, and the task that writes it.
//!
//! ```text
//!   file:    frame frame frame …     appended, and synced before anything is confirmed
//!   frame:   length (8 bytes)  CRC-32 of the records (4 bytes)  records (JSON)
//! ```
//!
//! What is written at once is one frame, and the next one is not begun before that is on the disk.
//! So a node that is killed, or a machine that loses its power, leaves no more than one frame that
//! is not whole: the last one. Nothing in it was confirmed; the next start cuts it off, and says
//! so. If a sound frame follows a bad one, then the disk has damaged what was confirmed. A node
//! that went on without it could vote twice in one term, or confirm other entries in the place of
//! those that are lost, so it does not start. Damage in the last frame of all looks like a frame
//! that was not written to its end: to tell those apart takes a second copy.

use crate::types::Kv;
use nestling::fs::{self, File};
use nestling::sync::channel::{Receiver, UnboundedSender};
use nestling::sync::unbounded;
use openraft::storage::IOFlushed;
use serde::de::DeserializeOwned;
use serde_json::Deserializer;
use std::io;
use std::path::{Path, PathBuf};

/// Appends that wait are put into one frame until it is about this long.
const FRAME: usize = 1 << 20;

/// What is to be done to the file, and what is told when that is on the disk.
pub(crate) enum Change {
    /// These records follow.
    Append(Vec<u8>, IOFlushed<Kv>),
    /// These records are the whole file.
    Replace(Vec<u8>, IOFlushed<Kv>),
}

/// The file, and the changes that wait for it.
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    end: u64,
    changes: Receiver<Change>,
}

impl Journal {
    /// Opens the file, or makes it, and hands each of its records to `replay`.
    ///
    /// # Errors
    ///
    /// Those of the file; and `InvalidData` if a frame is damaged that others follow, or is sound
    /// but not of this program.
    pub(crate) async fn open<R: DeserializeOwned>(
        path: PathBuf,
        mut replay: impl FnMut(R),
    ) -> io::Result<(Self, UnboundedSender<Change>)> {
        if !fs::try_exists(&path).await? {
            fs::replace(&path, Vec::new()).await?; // its name is on the disk as well
        }
        let file = File::options().read(true).write(true).open(&path).await?;
        let (read, bytes) = file.read_to_end(Vec::new(), 0).await;
        read?;
        let mut rest = &bytes[..];
        while let Some((records, after)) = first_frame(rest) {
            for record in Deserializer::from_slice(records).into_iter() {
                replay(record?);
            }
            rest = after;
        }
        let end = (bytes.len() - rest.len()) as u64;
        if (1..rest.len()).any(|at| first_frame(&rest[at..]).is_some()) {
            let what = format!("the frame at byte {end} is damaged, and sound ones follow");
            return Err(damaged(&path, &what));
        }
        if !rest.is_empty() {
            let (path, cut) = (path.display(), rest.len());
            eprintln!("{path}: the last {cut} bytes are no whole frame; they are cut off");
            file.set_len(end).await?;
            file.sync_all().await?;
        }
        let (sender, changes) = unbounded();
        Ok((Self { path, file, end, changes }, sender))
    }

    /// Makes the changes, in order, until there can be no further one. Appends that have come while
    /// the disk was busy go with one write and one sync.
    ///
    /// # Errors
    ///
    /// Those of the file. What was not written is told of it, too: the node has to end, and its
    /// next start finds out what is on the disk.
    pub(crate) async fn write(mut self) -> io::Result<()> {
        let mut next = self.changes.recv().await;
        while let Some(change) = next.take() {
            let (result, told) = match change {
                Change::Replace(bytes, told) => (self.replace(bytes).await, vec![told]),
                Change::Append(mut bytes, told) => {
                    let mut all_told = vec![told];
                    while next.is_none() && bytes.len() < FRAME {
                        match self.changes.try_recv() {
                            Ok(Change::Append(more, told)) => {
                                bytes.extend(more);
                                all_told.push(told);
                            }
                            Ok(replace) => next = Some(replace),
                            Err(_) => break,
                        }
                    }
                    (self.append(bytes).await, all_told)
                }
            };
            for told in told {
                told.io_completed(result.as_ref().copied().map_err(copy));
            }
            result?;
            if next.is_none() {
                next = self.changes.recv().await;
            }
        }
        Ok(())
    }

    async fn append(&mut self, records: Vec<u8>) -> io::Result<()> {
        let frame = frame(&records);
        let length = frame.len() as u64;
        self.file.write_all_at(frame, self.end).await.0?;
        self.file.sync_data().await?;
        self.end += length;
        Ok(())
    }

    async fn replace(&mut self, records: Vec<u8>) -> io::Result<()> {
        let frame = frame(&records);
        let length = frame.len() as u64;
        fs::replace(&self.path, frame).await?;
        self.file = File::options().read(true).write(true).open(&self.path).await?;
        self.end = length;
        Ok(())
    }
}

/// An error for each of those that wait.
fn copy(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}

/// For a file that cannot have become like that by a kill.
pub(crate) fn damaged(path: &Path, what: &str) -> io::Error {
    let text = format!(
        "{}: {what}: the disk has lost what this node has confirmed. It may not vote any more: \
         replace it by a node with another id",
        path.display()
    );
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// These records as a frame.
pub(crate) fn frame(records: &[u8]) -> Vec<u8> {
    let length = (records.len() as u64).to_le_bytes();
    [&length[..], &crc32fast::hash(records).to_le_bytes(), records].concat()
}

/// The records of the first frame, and what is behind it; none if that frame is not whole.
pub(crate) fn first_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (checksum, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (records, rest) = rest.split_at_checked(length)?;
    // No frame is empty: zeros, which a file may have where it was not written, are none.
    let is_whole = length > 0 && crc32fast::hash(records) == u32::from_le_bytes(*checksum);
    is_whole.then_some((records, rest))
}
