//! `Answer`: a status, headers, and a body, which is text or a part of a file.

use crate::conditions::Validators;
use nestling::fs::File;
use nestling::net::TcpStream;
use nestling::{buf::IoBuf, timeout};
use std::fmt::Write;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::time::Duration;

/// What is read of a file and sent at a time, in bytes.
const PIECE: u64 = 256 << 10;

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

    /// Sends it, piece by piece, each of which the client has to take within `patience`. Head and
    /// body go in one write if they are small: one segment.
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

/// Sends what is in `piece`, and then a part of a file, through the same memory.
async fn send_file(
    stream: &TcpStream,
    mut piece: Vec<u8>,
    file: &File,
    mut range: Range<u64>,
    patience: Duration,
) -> io::Result<()> {
    piece.reserve_exact((range.end - range.start).min(PIECE) as usize);
    loop {
        let before = piece.len();
        if range.start < range.end {
            let room = (range.end - range.start).min(PIECE) as usize;
            let (result, back) =
                file.read_at(piece.slice(before..before + room), range.start).await;
            piece = back.into_inner();
            let length = result?;
            if length == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            range.start += length as u64;
        }
        let result;
        (result, piece) = timeout(patience, stream.write_all(piece)).await?;
        result?;
        if range.is_empty() {
            return Ok(());
        }
        piece.clear();
    }
}
