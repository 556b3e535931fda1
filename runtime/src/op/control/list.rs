//! The kernel's list of control messages, written and read as bytes.
//!
//! ```text
//!   │ length of all this │ level │ kind │ data …  │ padding │ the next one …
//!     usize                c_int   c_int   bytes     up to a multiple of a usize's size
//! ```
//!
//! Bytes are copied, never pointed to as structures, so neither where they lie nor what they say
//! can do harm.

use libc::c_int;

/// Up to the data. It needs no padding: it is a multiple of the alignment (`CMSG_LEN(0)`).
const HEADER: usize = size_of::<usize>() + 2 * size_of::<c_int>();

const _: () = assert!(HEADER == size_of::<libc::cmsghdr>() && HEADER.is_multiple_of(ALIGN));

const ALIGN: usize = size_of::<usize>();

/// What a message with so many bytes of data takes in the list (`CMSG_SPACE`).
pub(crate) const fn space(data: usize) -> usize {
    (HEADER + data).next_multiple_of(ALIGN)
}

/// Adds a message to the list.
pub(crate) fn push(list: &mut Vec<u8>, level: c_int, kind: c_int, data: &[u8]) {
    let end = list.len() + space(data.len());
    list.extend_from_slice(&(HEADER + data.len()).to_ne_bytes());
    list.extend_from_slice(&level.to_ne_bytes());
    list.extend_from_slice(&kind.to_ne_bytes());
    list.extend_from_slice(data);
    list.resize(end, 0);
}

/// One message of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) level: c_int,
    pub(crate) kind: c_int,
    pub(crate) data: &'a [u8],
}

/// The messages of a list, up to one that is not whole.
///
/// A last one without its padding is whole: the kernel leaves that out when the room ends there
/// (and `CMSG_NXTHDR` of the C library passes over it).
#[derive(Debug)]
pub(crate) struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    pub(crate) fn new(list: &'a [u8]) -> Self {
        Self { rest: list }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let length = usize::from_ne_bytes(self.rest.get(..ALIGN)?.try_into().ok()?);
        let message = self.rest.get(..length)?;
        let (header, data) = message.split_at_checked(HEADER)?;
        let level = c_int::from_ne_bytes(*header[ALIGN..].first_chunk()?);
        let kind = c_int::from_ne_bytes(*header.last_chunk()?);
        let padded = length.next_multiple_of(ALIGN).min(self.rest.len());
        self.rest = &self.rest[padded..];
        Some(Message { level, kind, data })
    }
}
