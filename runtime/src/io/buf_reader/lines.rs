//! Lines, and other parts that go to a certain byte.

use super::BufReader;
use crate::io::AsyncRead;
use std::io;

impl<R: AsyncRead> BufReader<R> {
    /// Appends a line with its end, and tells how many bytes that were. Zero is the end of the
    /// source; before it, the last line may have no end.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost, and nothing appended, when the future is dropped.
    ///
    /// # Errors
    ///
    /// `InvalidData` for a line that is too long ([`set_max_line`](Self::set_max_line)): it stays
    /// where it is, and each further call fails. `InvalidData` also for a line that is not UTF-8:
    /// that line was taken, and the next call has the next one. Else the errors of the source, and
    /// nothing was taken. Nothing is appended in any of these cases.
    ///
    /// # Examples
    ///
    /// One string for all lines:
    ///
    /// ```
    /// use nestling_runtime::io::BufReader;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// nestling_runtime::block_on(async {
    ///     let mut reader = BufReader::new(&b"one\ntwo\n"[..]);
    ///     let (mut line, mut count) = (String::new(), 0);
    ///     while reader.read_line(&mut line).await? > 0 {
    ///         assert!(["one", "two"].contains(&line.trim_end()));
    ///         count += 1;
    ///         line.clear();
    ///     }
    ///     assert_eq!(count, 2);
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub async fn read_line(&mut self, line: &mut String) -> io::Result<usize> {
        let place = self.gather(b'\n').await?;
        self.gathered(place, |bytes| {
            line.push_str(text(bytes)?);
            Ok(bytes.len())
        })
    }

    /// Appends what comes up to the next such byte, with it, and tells how many bytes that were.
    /// Zero is the end of the source; before it, the last part may lack that byte.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost, and nothing appended, when the future is dropped.
    ///
    /// # Errors
    ///
    /// `InvalidData` for what is too long ([`set_max_line`](Self::set_max_line)); else the errors
    /// of the source. Nothing was taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling_runtime::io::BufReader;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// nestling_runtime::block_on(async {
    ///     let mut reader = BufReader::new(&b"key=value"[..]);
    ///     let mut key = Vec::new();
    ///     assert_eq!(reader.read_until(b'=', &mut key).await?, 4);
    ///     assert_eq!(key, b"key=");
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub async fn read_until(&mut self, byte: u8, bytes: &mut Vec<u8>) -> io::Result<usize> {
        let place = self.gather(byte).await?;
        self.gathered(place, |part| {
            bytes.extend_from_slice(part);
            Ok(part.len())
        })
    }

    /// The lines one after the other, each a string of its own without its end.
    ///
    /// # Examples
    ///
    /// See [`Lines`].
    pub fn lines(self) -> Lines<R> {
        Lines { reader: self }
    }

    /// Reads up to a byte. Tells how long the part is that ends with it, if it is in the buffer; if
    /// it came in several reads, it is all that is kept.
    async fn gather(&mut self, end: u8) -> io::Result<Option<usize>> {
        self.fill().await?;
        loop {
            let rest = &self.buffer[self.taken..];
            let (found, length) = (find(end, rest), rest.len());
            let part = found.map_or(length, |at| at + 1);
            if self.kept.len() + part > self.max_line {
                self.keep(length);
                return Err(self.too_long());
            }
            if found.is_some() && self.kept.is_empty() {
                return Ok(found.map(|at| at + 1));
            }
            self.keep(part);
            if found.is_some() || length == 0 {
                return Ok(None);
            }
            self.refill().await?;
        }
    }

    /// Takes what was gathered.
    fn gathered<T>(&mut self, place: Option<usize>, take: impl FnOnce(&[u8]) -> T) -> T {
        let Some(length) = place else {
            let value = take(&self.kept);
            self.kept.clear();
            // The memory of a line that was longer than usual goes.
            self.kept.shrink_to(self.capacity);
            return value;
        };
        let end = self.taken + length;
        let value = take(&self.buffer[self.taken..end]);
        self.taken = end;
        value
    }

    #[cold]
    fn too_long(&self) -> io::Error {
        let text = format!(
            "more than {} bytes without an end of the line; `BufReader::set_max_line` allows more",
            self.max_line
        );
        io::Error::new(io::ErrorKind::InvalidData, text)
    }
}

/// The lines of a source. Made by [`BufReader::lines`].
///
/// # Examples
///
/// ```
/// use nestling_runtime::io::BufReader;
///
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(async {
///     let mut lines = BufReader::new(&b"one\r\ntwo\n\nlast"[..]).lines();
///     let mut all = Vec::new();
///     while let Some(line) = lines.next_line().await? {
///         all.push(line);
///     }
///     assert_eq!(all, ["one", "two", "", "last"]);
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct Lines<R> {
    reader: BufReader<R>,
}

impl<R: AsyncRead> Lines<R> {
    /// The next line, without the `\n` or `\r\n` at its end. `None` at the end of the source.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// As [`BufReader::read_line`].
    pub async fn next_line(&mut self) -> io::Result<Option<String>> {
        let place = self.reader.gather(b'\n').await?;
        self.reader.gathered(place, |bytes| {
            if bytes.is_empty() {
                return Ok(None);
            }
            let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
            let has_end = line.len() < bytes.len();
            let line = if has_end { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
            Ok(Some(text(line)?.to_owned()))
        })
    }
}

impl<R> Lines<R> {
    /// The reader.
    pub fn get_ref(&self) -> &BufReader<R> {
        &self.reader
    }

    /// The reader, for what is not a line in between.
    pub fn get_mut(&mut self) -> &mut BufReader<R> {
        &mut self.reader
    }

    /// The reader, with what it has in its buffer.
    pub fn into_inner(self) -> BufReader<R> {
        self.reader
    }
}

fn text(line: &[u8]) -> io::Result<&str> {
    let error = |_| io::Error::new(io::ErrorKind::InvalidData, "a line is not UTF-8");
    std::str::from_utf8(line).map_err(error)
}

/// Where the first such byte is. A whole chunk is looked at without branches, so several bytes at
/// a time.
fn find(byte: u8, bytes: &[u8]) -> Option<usize> {
    const CHUNK: usize = 32;
    let has = |chunk: &[u8]| chunk.iter().fold(false, |has, &other| has | (other == byte));
    let before = bytes.chunks_exact(CHUNK).take_while(|chunk| !has(chunk)).count() * CHUNK;
    let at = bytes[before..].iter().position(|&other| other == byte)?;
    Some(before + at)
}
