//! `Cursor`: a file that is read and written one piece after the other.
//!
//! One read is in flight and none ahead of it: the kernel reads ahead by itself. Measured on 6.18
//! (`cargo bench --bench sequential`): with two or eight reads in flight, or with the advice
//! [`Sequential`](super::Advice::Sequential), a file took 0.87 to 1.32 of the time, from the page
//! cache and from a disk, on a machine whose rounds differ by as much; a cursor takes as long as
//! plain calls.

use super::File;
use crate::buf::{BufResult, IoBuf, IoBufMut};
use std::borrow::Borrow;

/// A file with a position, which moves on with each read and write. It implements the traits
/// [`AsyncRead`](crate::io::AsyncRead) and [`AsyncWrite`](crate::io::AsyncWrite), so that
/// [`BufReader`](crate::io::BufReader), [`BufWriter`](crate::io::BufWriter) and
/// [`copy`](crate::io::copy()) take it. The file may be borrowed, owned or counted; several cursors
/// of one file do not know each other.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::fs::{self, File};
/// use nestling_runtime::io::{BufReader, BufWriter, copy};
/// nestling_runtime::block_on(async {
///     let path = std::env::temp_dir().join(format!("nestling-cursor-{}", std::process::id()));
///     let mut writer = BufWriter::new(File::create(&path).await?.into_cursor());
///     writer.write_all(b"one\ntwo\n").await?;
///     writer.flush().await?;
///
///     let file = File::open(&path).await?;
///     let mut lines = BufReader::new(file.cursor()).lines();
///     assert_eq!(lines.next_line().await?.as_deref(), Some("one"));
///     let mut copied = Vec::new();
///     copy(&mut file.cursor(), &mut copied).await?;
///     assert_eq!(copied, b"one\ntwo\n");
///     fs::remove_file(&path).await
/// })
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Cursor<F: Borrow<File> = File> {
    file: F,
    position: u64,
}

impl File {
    /// A cursor at the start of the file.
    pub fn cursor(&self) -> Cursor<&Self> {
        Cursor::new(self)
    }

    /// A cursor at the start of the file, which owns it.
    pub fn into_cursor(self) -> Cursor {
        Cursor::new(self)
    }
}

impl<F: Borrow<File>> Cursor<F> {
    /// At the start of the file.
    pub fn new(file: F) -> Self {
        Self { file, position: 0 }
    }

    /// Where the next read or write begins, in bytes from the start of the file.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Moves it. Behind the end of the file there is nothing to read, and a write leaves a hole.
    pub fn set_position(&mut self, position: u64) {
        self.position = position;
    }

    /// The file.
    pub fn get_ref(&self) -> &File {
        self.file.borrow()
    }

    /// What the cursor was made of.
    pub fn into_inner(self) -> F {
        self.file
    }

    /// [`File::read_at`] the position, which moves on by what was read. The position of a read that
    /// was dropped has not moved.
    ///
    /// # Errors
    ///
    /// As [`File::read_at`].
    pub async fn read<B: IoBufMut>(&mut self, buffer: B) -> BufResult<usize, B> {
        let (result, buffer) = self.get_ref().read_at(buffer, self.position).await;
        self.position += result.as_ref().map_or(0, |read| *read as u64);
        (result, buffer)
    }

    /// [`File::write_at`] the position, which moves on by what was written. The position of a write
    /// that was dropped has not moved, although it may have been done: the next one writes over it.
    ///
    /// # Errors
    ///
    /// As [`File::write_at`].
    pub async fn write<B: IoBuf>(&mut self, buffer: B) -> BufResult<usize, B> {
        let (result, buffer) = self.get_ref().write_at(buffer, self.position).await;
        self.position += result.as_ref().map_or(0, |written| *written as u64);
        (result, buffer)
    }
}
