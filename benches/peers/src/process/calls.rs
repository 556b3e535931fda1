//! System calls of a process, counted by the kernel at its own trace points: for all processes in
//! the same way, whatever library makes them.

use perf_event::events::Tracepoint;
use perf_event::{Builder, Counter};
use std::fs;
use std::io;
use std::path::Path;

/// Where trace points are, if the machine says so.
const EVENTS: &str = "/sys/kernel/tracing/events";

/// What to do about a machine where [`Counting::of`] fails.
pub(crate) const REMEDY: &str = "\
system calls are not counted; for that, be root and `mount -t tracefs none /sys/kernel/tracing`";

/// Counts the calls of a process, of threads included that begin later.
pub(crate) struct Counting {
    /// One of each kind for each thread.
    all: Vec<Counter>,
    enters: Vec<Counter>,
}

/// All calls so far, and those of `io_uring_enter` among them; or why they are not counted, which
/// is no failure of the process.
pub(crate) type Counted = Result<[u64; 2], String>;

impl Counting {
    /// Begins for all threads that there are.
    pub(crate) fn of(process: u32) -> Result<Self, String> {
        Self::begin(process).map_err(|error| error.to_string())
    }

    fn begin(process: u32) -> io::Result<Self> {
        let threads = fs::read_dir(format!("/proc/{process}/task"))?;
        let mut this = Self { all: Vec::new(), enters: Vec::new() };
        for thread in threads {
            let thread = thread?.file_name();
            let thread = thread.to_str().and_then(|name| name.parse().ok());
            let thread = thread.ok_or(io::ErrorKind::InvalidData)?;
            let begin = || {
                let all = counter("raw_syscalls/sys_enter", thread)?;
                Ok((all, counter("syscalls/sys_enter_io_uring_enter", thread)?))
            };
            match begin() {
                Ok((all, enters)) => {
                    this.all.push(all);
                    this.enters.push(enters);
                }
                Err(error) if has_ended(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(this)
    }

    pub(crate) fn read(&mut self) -> Counted {
        let sum = |counters: &mut Vec<Counter>| -> io::Result<u64> {
            counters.iter_mut().map(Counter::read).sum()
        };
        let mut read = || Ok([sum(&mut self.all)?, sum(&mut self.enters)?]);
        read().map_err(|error: io::Error| error.to_string())
    }
}

/// Whether the thread has ended meanwhile.
fn has_ended(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ESRCH)
}

fn counter(event: &str, thread: i32) -> io::Result<Counter> {
    let id = fs::read_to_string(Path::new(EVENTS).join(event).join("id"))?;
    let id = id.trim().parse().map_err(io::Error::other)?;
    let mut counter = Builder::new(Tracepoint::with_id(id))
        .observe_pid(thread)
        .any_cpu()
        .include_kernel()
        .inherit(true)
        .build()?;
    counter.enable()?;
    Ok(counter)
}
