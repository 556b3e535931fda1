//! `Sink`: the file of a trace, one object a line.

use crate::time::Instant;
use serde_json::{Value, json};
use std::io::{self, BufWriter, Write};
use std::process;

/// The file, shared by the recorders of all cores.
pub(super) struct Sink {
    into: BufWriter<Box<dyn Write + Send>>,
    started: Instant,
    /// Recorders so far: each is a thread of the trace.
    threads: u64,
    lines: u64,
    finished: bool,
    error: Option<io::Error>,
}

impl Sink {
    pub(super) fn new(into: Box<dyn Write + Send>) -> Self {
        let mut sink = Self {
            into: BufWriter::new(into),
            started: Instant::now(),
            threads: 0,
            lines: 0,
            finished: false,
            error: None,
        };
        sink.write(json!({
            "ph": "M", "name": "process_name", "pid": process::id(), "tid": 0,
            "args": { "name": "nestling" },
        }));
        sink
    }

    /// Adds a thread, and gives back its number.
    pub(super) fn add_thread(&mut self, name: &str) -> u64 {
        self.threads += 1;
        self.write(json!({
            "ph": "M", "name": "thread_name", "pid": process::id(), "tid": self.threads,
            "args": { "name": name },
        }));
        self.threads
    }

    /// Microseconds since the trace was started, with the nanoseconds behind the point.
    pub(super) fn now(&self) -> f64 {
        self.started.elapsed().as_nanos() as f64 / 1000.0
    }

    /// Adds an event.
    pub(super) fn write(&mut self, event: Value) {
        if self.finished || self.error.is_some() {
            return;
        }
        let before = if self.lines == 0 { "[\n" } else { ",\n" };
        let written = self.into.write_all(before.as_bytes());
        let written = written.and_then(|()| Ok(serde_json::to_writer(&mut self.into, &event)?));
        self.error = written.err();
        self.lines += 1;
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        if !self.finished {
            self.finished = true;
            if self.error.is_none() {
                let ended = self.into.write_all(b"\n]\n").and_then(|()| self.into.flush());
                self.error = ended.err();
            }
        }
        self.error.take().map_or(Ok(()), Err)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // The error is lost: a program that wants it calls `finish`.
        let _ = self.finish();
    }
}
