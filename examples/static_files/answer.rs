//! `Answer`: a status, headers, and a body, which is text or a part of a file.

use crate::conditions::Validators;
use nestling::fs::File;
use nestling::io::transferred;
use nestling::net::TcpStream;
use nestling::{buf::IoBuf, is_cancelled, timeout};
use std::fmt::Write;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::time::Duration;

/// A file of so many bytes goes in one write with the head.
const SMALL: u64 = 64 << 10;
/// What is sent of a larger one at a time, in bytes: within the kernel, from 1 MiB on.
const PIECE: u64 = 4 << 20;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: String,
    body: Body,
}

/// What follows the headers.
#[derive(Debug)]
pub(crate) enum Body {
    /// Nothing, not even a length of it.
    None,
    Text(Vec<u8>),
    File(File, Range<u64>),
}

impl Body {
    fn length(&self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Text(text) => Some(text.len() as u64),
            Self::File(_, range) => Some(range.end - range.start),
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        301 => "Moved Permanently",
        304 => "Not Modified",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        412 => "Precondition Failed",
        414 => "URI Too Long",
        416 => "Range Not Satisfiable",
        431 => "Request Header Fields Too Large",
        _ => "Internal Server Error",
    }
}

impl Answer {
    pub(crate) fn new(status: u16, body: Body) -> Self {
        let answer = Self { status, headers: String::new(), body };
        match answer.body.length() {
            Some(length) => answer.with("Content-Length", &length.to_string()),
            None => answer,
        }
    }

    /// The status alone.
    pub(crate) fn text(status: u16) -> Self {
        let body = Body::Text(format!("{status} {}\n", reason(status)).into_bytes());
        let answer = Self::new(status, body).of_kind("text/plain; charset=utf-8");
        if status == 405 { answer.with("Allow", "GET, HEAD") } else { answer }
    }

    /// It is at this path, which is encoded.
    pub(crate) fn moved(path: &str) -> Self {
        Self::text(301).with("Location", path)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        _ = write!(self.headers, "{name}: {value}\r\n");
        self
    }

    pub(crate) fn of_kind(self, kind: &str) -> Self {
        self.with("Content-Type", kind)
    }

    pub(crate) fn validated(self, validators: &Validators) -> Self {
        self.with("ETag", &validators.tag).with("Last-Modified", &validators.date())
    }

    /// Sends it, piece by piece, of each of which the client has to take some within `patience`.
    /// Head and body go in one write if they are small: one segment.
    ///
    /// # Errors
    ///
    /// The client has gone, or does not read; or the file is not what it was any more, of which the
    /// client hears by the end of the connection.
    pub(crate) async fn send(
        self,
        stream: &TcpStream,
        head_only: bool,
        keep_alive: bool,
        patience: Duration,
    ) -> io::Result<()> {
        let Self { status, headers, body } = self;
        let connection = if keep_alive { "keep-alive" } else { "close" };
        let reason = reason(status);
        let head =
            format!("HTTP/1.1 {status} {reason}\r\n{headers}Connection: {connection}\r\n\r\n");
        let mut piece = head.into_bytes();
        match body {
            Body::File(file, range) if !head_only => {
                send_file(stream, piece, &file, range, patience).await
            }
            Body::Text(text) if !head_only => {
                piece.extend_from_slice(&text);
                timeout(patience, stream.write_all(piece)).await?.0
            }
            _ => timeout(patience, stream.write_all(piece)).await?.0,
        }
    }
}

/// Sends the head and then a part of a file: in one write, if that is small.
async fn send_file(
    stream: &TcpStream,
    mut head: Vec<u8>,
    file: &File,
    mut range: Range<u64>,
    patience: Duration,
) -> io::Result<()> {
    if range.end - range.start <= SMALL {
        let (start, length) = (head.len(), (range.end - range.start) as usize);
        head.reserve_exact(length);
        let (result, all) =
            file.read_exact_at(head.slice(start..start + length), range.start).await;
        result?;
        return timeout(patience, stream.write_all(all.into_inner())).await?.0;
    }
    timeout(patience, stream.write_all(head)).await?.0?;
    while !range.is_empty() {
        let piece = range.start..range.end.min(range.start + PIECE);
        let sent =
            match timeout(patience, nestling::io::send_file(file, piece, &mut &*stream)).await? {
                // A slow client: it has its time again for the rest.
                Err(error) if is_cancelled(&error) && transferred(&error) > Some(0) => {
                    transferred(&error).map_or(0, |sent| sent as u64)
                }
                sent => sent?,
            };
        if sent == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        range.start += sent;
    }
    Ok(())
}
