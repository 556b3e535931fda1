//! A connection: requests one after the other, until the client or a stop ends it.

use crate::answer::Answer;
use crate::files::Files;
use crate::request::{HEAD_LIMIT, Refused, Request};
use futures_util::future::{Either, select};
use nestling::net::TcpStream;
use nestling::sync::Notify;
use nestling::time::Instant;
use nestling::{timeout, timeout_at};
use std::cell::Cell;
use std::io;
use std::net::Shutdown;
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

impl Site {
    pub(crate) fn new(files: Files, idle: Duration) -> Self {
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
                    let answer = self.files.answer(&request.path, &request.conditions).await;
                    answer.send(&stream, request.head_only, keep_alive, self.idle).await?;
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
                    Answer::text(status).send(&stream, false, false, self.idle).await?;
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
