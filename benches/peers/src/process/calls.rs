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

impl Counting {
    pub(crate) fn of(process: u32) -> io::Result<Self> {
        let threads = fs::read_dir(format!("/proc/{process}/task"))?;
        let mut this = Self { all: Vec::new(), enters: Vec::new() };
        for thread in threads {
            let thread = thread?.file_name();
            let thread = thread.to_str().and_then(|name| name.parse().ok());
            let thread = thread.ok_or(io::ErrorKind::InvalidData)?;
            this.all.push(counter("raw_syscalls/sys_enter", thread)?);
            this.enters.push(counter("syscalls/sys_enter_io_uring_enter", thread)?);
        }
        Ok(this)
    }

    /// All calls so far, and those of `io_uring_enter` among them.
    pub(crate) fn read(&mut self) -> io::Result<[u64; 2]> {
        let sum = |counters: &mut Vec<Counter>| -> io::Result<u64> {
            counters.iter_mut().map(Counter::read).sum()
        };
        Ok([sum(&mut self.all)?, sum(&mut self.enters)?])
    }
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
