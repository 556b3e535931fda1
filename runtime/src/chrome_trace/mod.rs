//! `ChromeTrace`: writes what an instrument is told as a file that trace viewers open.
//!
//! ```text
//!   cores, as threads:   root ▏ nursery's child ▏ its child ▏ …    a poll each, nested
//!   tasks, a row each:   child ▏ its nursery ▏ the nursery's body ▏ …
//!                        a child of that nursery
//! ```
//!
//! The format is Google's Trace Event Format, as an array of objects.

mod recorder;
mod sink;

use crate::instrument::Event;
use recorder::Recorder;
use sink::Sink;
use std::cell::RefCell;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A trace of nurseries, tasks and their polls, to be opened in Perfetto (`ui.perfetto.dev`) or
/// `chrome://tracing`.
///
/// Every task has a row that shows how long it lived, with the nurseries that it opened nested
/// inside; a child's row starts where it was spawned, and its arguments name its nursery. A core is
/// a thread, which shows the polls, nested as the tasks are. Failures and cancellations are marks
/// on it.
///
/// For a look at a run: every poll writes two lines, on the core's own thread.
///
/// # Examples
///
/// ```
/// use nestling_runtime::inspect::{ChromeTrace, instrument};
///
/// # fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("nestling-trace-{}", std::process::id()));
/// let trace = ChromeTrace::create(&path)?;
/// let guard = instrument(trace.recorder()); // on each core that is to be seen
/// nestling_runtime::block_on(async {});
/// drop(guard);
/// trace.finish()?;
/// # let text = std::fs::read_to_string(&path)?;
/// # std::fs::remove_file(&path)?;
/// # assert!(text.starts_with("[\n") && text.ends_with("\n]\n"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ChromeTrace(Arc<Mutex<Sink>>);

impl ChromeTrace {
    /// Writes into a new file; what was there is gone.
    ///
    /// # Errors
    ///
    /// The file cannot be made.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self::new(File::create(path)?))
    }

    /// Writes into anything, through a buffer.
    pub fn new(into: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Sink::new(Box::new(into)))))
    }

    /// A hook for [`instrument`](crate::inspect::instrument) on this thread. Tasks and nurseries
    /// that are alive when the hook is dropped end there in the trace.
    pub fn recorder(&self) -> impl Fn(&Event) + 'static {
        let recorder = RefCell::new(Recorder::new(Arc::clone(&self.0)));
        move |event| recorder.borrow_mut().record(event)
    }

    /// Completes the file. What is recorded afterwards is left out.
    ///
    /// Without this the trace is completed when its last part is dropped, and an error of writing
    /// is lost.
    ///
    /// # Errors
    ///
    /// The first error of writing; the trace ends before it.
    pub fn finish(self) -> io::Result<()> {
        lock(&self.0).finish()
    }
}

impl fmt::Debug for ChromeTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChromeTrace")
    }
}

fn lock(sink: &Mutex<Sink>) -> MutexGuard<'_, Sink> {
    // A writer that panics leaves half a line behind, no more.
    sink.lock().unwrap_or_else(PoisonError::into_inner)
}
