//! The start of a process, on a thread that may block.
//!
//! Not on the core: fork and exec take 0.1 ms and now and then 8 ms, with code before the exec 0.1
//! s for each GiB that the process has in memory, and more if the program is not in memory
//! (measured on 6.18). And a thread of the pool may run on all processors, so the child may as
//! well; that of a pinned core may not.

use super::running::{Running, lost};
use super::{Child, Command, ExitStatus, Output, Stdio};
use crate::blocking::blocking_io;
use crate::pipe::{PipeReader, PipeWriter};
use crate::scope::is_cancelled;
use crate::sys;
use std::ffi::OsStr;
use std::io;
use std::mem;
use std::os::fd::OwnedFd;
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How a process is asked to end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopping {
    pub(super) signal: i32,
    /// After so long it is killed.
    pub(super) grace: Duration,
    /// Signals go to its whole group.
    pub(super) whole_group: bool,
}

/// A process that was started, and belongs to no scope yet. Dropped, it is killed and reaped.
pub(super) struct Started {
    whole_group: bool,
    /// `None` once it was handed over.
    child: Option<(process::Child, Option<OwnedFd>)>,
}

impl Started {
    fn new(command: &mut process::Command, whole_group: bool) -> io::Result<Self> {
        let child = command.spawn()?;
        let mut this = Self { whole_group, child: Some((child, None)) };
        let (child, pidfd) = this.child.as_mut().expect("it was put there");
        match sys::open_process(child.id()) {
            Ok(process) => *pidfd = Some(process),
            Err(error) => {
                if error.raw_os_error() == Some(libc::ESRCH) {
                    // The kernel has reaped it, and its number may be that of a stranger.
                    this.child = None;
                }
                return Err(error);
            }
        }
        Ok(this)
    }

    pub(super) fn into_parts(mut self) -> (process::Child, OwnedFd) {
        let (child, pidfd) = self.child.take().expect("only this takes it");
        (child, pidfd.expect("it was started whole"))
    }

    fn child_mut(&mut self) -> &mut process::Child {
        &mut self.child.as_mut().expect("it was not handed over").0
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let Some((mut child, _)) = self.child.take() else { return };
        if self.whole_group {
            let _ = sys::signal_group(child.id(), libc::SIGKILL);
        }
        // The process may have left its group. The kill does not fail: the process was not reaped.
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn lock(command: &Mutex<process::Command>) -> MutexGuard<'_, process::Command> {
    command.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The error of a start, with the name of the program. A cancellation needs none.
fn in_vain(program: &OsStr, error: io::Error) -> io::Error {
    if is_cancelled(&error) {
        return error;
    }
    let remedy = match error.raw_os_error() {
        // The process was started, and the kernel has reaped it already.
        Some(libc::ESRCH) => return lost(format_args!("{program:?}"), libc::ECHILD),
        Some(libc::E2BIG) => "; pass fewer or shorter arguments and variables, or a file",
        Some(libc::EMFILE) => {
            "; raise the limit of open files (ulimit -n), or start fewer at a time"
        }
        Some(libc::EAGAIN) => {
            "; the limit of processes is reached: raise it (ulimit -u, or pids.max of the control \
             group), or start fewer at a time"
        }
        _ => "",
    };
    let text = format!("cannot start {program:?}: {error}{remedy}");
    io::Error::new(error.kind(), text)
}

impl Command {
    /// Starts the program. The process belongs to the nursery around this call, and is asked to end
    /// when that is cancelled, or when its [`Child`] is dropped.
    ///
    /// Input and output are those of this process, unless it was said otherwise.
    ///
    /// # Cancellation
    ///
    /// A start that has not begun never happens, and the `Command` can be started again. One that
    /// has begun is waited for. When the future is dropped meanwhile, the process is killed and
    /// reaped before the nursery around returns, and the `Command` is of no use any more.
    ///
    /// # Errors
    ///
    /// There is no such program, or it may not be run; arguments and environment are too long; the
    /// process may have no further process, descriptor or thread. The error names the program.
    /// Nothing of a start that has failed is left.
    ///
    /// # Examples
    ///
    /// See [`Child`].
    pub async fn spawn(&mut self) -> io::Result<Child> {
        self.spawn_with(None).await
    }

    /// Starts it, with an output of this kind where none was chosen.
    async fn spawn_with(&mut self, output: Option<fn() -> Stdio>) -> io::Result<Child> {
        let stopping = self.stopping;
        let whole_group = stopping.whole_group;
        let mut command = self.take()?;
        if let Some(output) = output {
            self.chosen.default_to(&mut command, output);
        }
        // Shared, so that it is here again also after a start that was refused or cancelled.
        let shared = Arc::new(Mutex::new(command));
        let lent = Arc::clone(&shared);
        let started =
            blocking_io(&"start of a process", move || Started::new(&mut lock(&lent), whole_group));
        let started = started.await;
        let mut command = mem::replace(&mut *lock(&shared), process::Command::new(""));
        if output.is_some() {
            self.chosen.default_no_more(&mut command);
        }
        let started = started.map_err(|error| in_vain(command.get_program(), error));
        self.put_back(command);
        let mut started = started?;
        let child = started.child_mut();
        let stdin = child.stdin.take().map(|end| PipeWriter::from_owned(end.into()));
        let stdout = child.stdout.take().map(|end| PipeReader::from_owned(end.into()));
        let stderr = child.stderr.take().map(|end| PipeReader::from_owned(end.into()));
        let process = Running::new(started, stopping)?;
        Ok(Child::new(process, stdin, stdout, stderr))
    }

    /// Runs the program to its end, and tells how it has ended. The program has the input and
    /// output of this process, unless it was said otherwise; what was to be piped is closed.
    ///
    /// # Cancellation
    ///
    /// The process is asked to end: see [`Child::wait`].
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn) and [`Child::wait`].
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling_runtime::process::Command;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// nestling_runtime::block_on(async {
    ///     let status = Command::new("sh").args(["-c", "exit 3"]).status().await?;
    ///     assert_eq!(status.code(), Some(3));
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub async fn status(&mut self) -> io::Result<ExitStatus> {
        let mut child = self.spawn().await?;
        drop(mem::take(&mut child.stdout));
        drop(mem::take(&mut child.stderr));
        child.wait().await
    }

    /// Runs the program to its end, and collects what it prints. Its input is empty, unless it was
    /// said otherwise.
    ///
    /// The output ends when no process has it any more: a process that the program has started and
    /// left behind holds this up, unless the program is
    /// [ended with its group](Self::own_process_group). There is no limit to the memory: see
    /// [`Child`] for programs that are not trusted.
    ///
    /// # Cancellation
    ///
    /// The process is asked to end: see [`Child::wait`]. What it has printed is lost.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn) and [`Child::wait`]. A program that fails is no error: see the
    /// status.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling_runtime::process::Command;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// nestling_runtime::block_on(async {
    ///     let output = Command::new("echo").arg("hello").output().await?;
    ///     assert_eq!((output.status.success(), &output.stdout[..]), (true, &b"hello\n"[..]));
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub async fn output(&mut self) -> io::Result<Output> {
        self.spawn_with(Some(Stdio::piped)).await?.wait_with_output().await
    }
}
