//! `Journal`: the file of a node's log, and the task that writes it.
//!
//! ```text
//!   file:    record record record …     appended, and synced before anything is confirmed
//!   record:  length (4 bytes)  CRC-32 of the JSON (4 bytes)  JSON
//! ```
//!
//! A node that is killed in the middle of a write leaves a part of a record. Nothing in it was
//! confirmed, so the next start cuts it off, and says so. The same is done with what a disk has
//! damaged: what a disk loses although it has synced it, no log of one node can have.

use crate::types::Kv;
use nestling::fs::{self, File};
use nestling::sync::channel::{Receiver, UnboundedSender};
use nestling::sync::unbounded;
use openraft::storage::IOFlushed;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::path::PathBuf;

const HEADER: usize = 8;

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
    /// Those of the file; and `InvalidData` if a record is sound but not of this program.
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
        while let Some((record, after)) = first_record(rest) {
            replay(serde_json::from_slice(record)?);
            rest = after;
        }
        let end = (bytes.len() - rest.len()) as u64;
        if !rest.is_empty() {
            let (path, cut) = (path.display(), rest.len());
            eprintln!("{path}: the last {cut} bytes are no whole record; they are cut off");
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
                    while next.is_none() {
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

    async fn append(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        let length = bytes.len() as u64;
        self.file.write_all_at(bytes, self.end).await.0?;
        self.file.sync_data().await?;
        self.end += length;
        Ok(())
    }

    async fn replace(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        let length = bytes.len() as u64;
        fs::replace(&self.path, bytes).await?;
        self.file = File::options().read(true).write(true).open(&self.path).await?;
        self.end = length;
        Ok(())
    }
}

/// An error for each of those that wait.
fn copy(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}

/// Adds a record to `bytes`.
pub(crate) fn encode(record: &impl Serialize, bytes: &mut Vec<u8>) -> io::Result<()> {
    let json = serde_json::to_vec(record)?;
    let length = u32::try_from(json.len()).map_err(io::Error::other)?;
    bytes.extend(length.to_le_bytes());
    bytes.extend(crc32fast::hash(&json).to_le_bytes());
    bytes.extend(json);
    Ok(())
}

/// The first record, and what is behind it; none if that is not whole.
fn first_record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, rest) = bytes.split_at_checked(HEADER)?;
    let number = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four"));
    let (record, rest) = rest.split_at_checked(number(0) as usize)?;
    // No record is empty: zeros, which a file may have where it was not written, are none.
    (!record.is_empty() && crc32fast::hash(record) == number(4)).then_some((record, rest))
}
