//! A connection: requests one after the other, until the client or a stop ends it.

use crate::files::{Files, content_type};
use crate::request::{HEAD_LIMIT, Refused, Request};
use futures_util::future::{Either, select};
use nestling::net::TcpStream;
use nestling::sync::Notify;
use nestling::time::Instant;
use nestling::{timeout, timeout_at};
use std::cell::Cell;
use std::io;
use std::net::Shutdown;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

/// How long a refused client may go on with its request until the connection is closed: to close
/// it before would have the kernel throw the answer away.
const LINGER: Duration = Duration::from_secs(1);

/// What is served, and whether it still is.
#[derive(Debug)]
pub(crate) struct Site {
    files: Files,
    /// How long a client may take for its next request.
    idle: Duration,
    stopping: Cell<bool>,
    stopped: Notify,
}

/// An answer.
struct Answer {
    status: u16,
    content_type: &'static str,
    body: Vec<u8>,
}

impl Site {
    pub(crate) fn new(root: Option<PathBuf>, idle: Duration) -> Self {
        let files = root.map_or(Files::Memory, Files::Below);
        Self { files, idle, stopping: Cell::new(false), stopped: Notify::new() }
    }

    /// No request is read any more.
    pub(crate) fn stop(&self) {
        self.stopping.set(true);
        self.stopped.notify_all();
    }

    /// Answers what comes.
    pub(crate) async fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut came = Vec::new();
        // Not put off by each byte that comes of a request.
        let mut deadline = Instant::now() + self.idle;
        loop {
            match Request::parse(&came) {
                Ok(Some(request)) => {
                    came.drain(..request.length);
                    let keep_alive = request.keep_alive && !self.stopping.get();
                    let answer = self.answer(&request.path).await;
                    // A client that does not read its answer ends here as well.
                    timeout(self.idle, answer.send(&stream, request.head_only, keep_alive))
                        .await??;
                    if !keep_alive {
                        return end(stream).await;
                    }
                    deadline = Instant::now() + self.idle;
                }
                Ok(None) => match self.more(&stream, came, deadline).await? {
                    Some(more) => came = more,
                    None => return Ok(()),
                },
                Err(Refused(status)) => {
                    Answer::text(status).send(&stream, false, false).await?;
                    return end(stream).await;
                }
            }
        }
    }

    /// Reads more of a request; `None` if none comes, or none is to come.
    async fn more(
        &self,
        stream: &TcpStream,
        mut came: Vec<u8>,
        deadline: Instant,
    ) -> io::Result<Option<Vec<u8>>> {
        if self.stopping.get() && came.is_empty() {
            return Ok(None);
        }
        let is_idle = came.is_empty();
        let reading = timeout_at(deadline, stream.read(Vec::with_capacity(HEAD_LIMIT)));
        let read = match select(pin!(reading), pin!(self.stopped.notified())).await {
            Either::Left((read, _)) => read,
            Either::Right(_) if is_idle => return Ok(None),
            // The rest of a request is waited for, for as long as the drain is.
            Either::Right((_, reading)) => reading.await,
        };
        let Ok((result, part)) = read else { return Ok(None) };
        let length = result?;
        came.extend_from_slice(&part[..length]);
        Ok((length > 0).then_some(came))
    }

    async fn answer(&self, path: &str) -> Answer {
        match self.files.read(path).await {
            Ok(Some(body)) => Answer { status: 200, content_type: content_type(path), body },
            Ok(None) => Answer::text(404),
            Err(_) => Answer::text(500),
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        414 => "URI Too Long",
        431 => "Request Header Fields Too Large",
        _ => "Internal Server Error",
    }
}

impl Answer {
    fn text(status: u16) -> Self {
        let body = format!("{status} {}\n", reason(status)).into_bytes();
        Self { status, content_type: "text/plain; charset=utf-8", body }
    }

    /// Head and body in one write: one segment, if they are small.
    async fn send(self, stream: &TcpStream, head_only: bool, keep_alive: bool) -> io::Result<()> {
        let Self { status, content_type, body } = self;
        let allow = if status == 405 { "Allow: GET, HEAD\r\n" } else { "" };
        let connection = if keep_alive { "keep-alive" } else { "close" };
        let head = format!(
            "HTTP/1.1 {status} {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
             {allow}Connection: {connection}\r\n\r\n",
            reason(status),
            body.len(),
        );
        let mut bytes = head.into_bytes();
        if !head_only {
            bytes.extend_from_slice(&body);
        }
        stream.write_all(bytes).await.0
    }
}

/// Ends a connection so that the client gets the answer, whatever else it is sending.
async fn end(stream: TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write).await?;
    let rest = async {
        let mut buffer = Vec::with_capacity(HEAD_LIMIT);
        loop {
            let (result, back) = stream.read(buffer).await;
            if result.is_err() || result.is_ok_and(|length| length == 0) {
                return;
            }
            buffer = back;
        }
    };
    let _ = timeout(LINGER, rest).await;
    Ok(())
}
