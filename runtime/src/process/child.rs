//! `Child`: a process that was started here.

use super::output::both;
use super::running::Running;
use super::wait::wait;
use super::{ExitStatus, Output};
use crate::pipe::{PipeReader, PipeWriter};
use std::io;
use std::sync::Arc;

/// A process that was started by [`Command::spawn`](super::Command::spawn).
///
/// The process belongs to the nursery in which it was started, or to the shield or timeout between
/// them. When that scope is cancelled, the process is asked to end, by `SIGTERM`; after a grace of
/// five seconds it is killed. [`Command`](super::Command) sets both. The nursery returns when the
/// process has ended and is reaped. When a timeout or a shield is over, the nursery around has the
/// process.
///
/// When the `Child` is dropped, the process is asked to end in the same way, and the nursery waits.
/// A `Child` that is forgotten lets it be: the nursery waits for its end. What is started in a
/// cancelled nursery, inside a shield, is not asked before the shield ends.
///
/// # Examples
///
/// A program that is not trusted, with a limit to what it may print:
///
/// ```
/// use nestling_runtime::process::{Command, Stdio};
///
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(async {
///     let mut child = Command::new("yes").stdout(Stdio::piped()).spawn().await?;
///     let stdout = child.stdout.take().expect("it is piped");
///     let mut printed = 0;
///     while printed < 100_000 {
///         printed += stdout.read(Vec::with_capacity(4096)).await.0?;
///     }
///     child.kill()?;
///     assert!(!child.wait().await?.success());
///     Ok(())
/// })
/// # }
/// ```
///
/// Input and output at once:
///
/// ```
/// use nestling_runtime::process::{Command, Stdio};
///
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(async {
///     let mut sort = Command::new("sort");
///     let mut child = sort.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().await?;
///     let stdin = child.stdin.take().expect("it is piped");
///     stdin.write_all("b\na\n").await.0?;
///     drop(stdin); // the end of its input
///     assert_eq!(child.wait_with_output().await?.stdout, b"a\nb\n");
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct Child {
    process: Arc<Running>,
    /// The input of the process, if that is piped. [`wait`](Self::wait) closes the pipe.
    pub stdin: Option<PipeWriter>,
    /// The output of the process, if that is piped.
    pub stdout: Option<PipeReader>,
    /// The standard error of the process, if that is piped.
    pub stderr: Option<PipeReader>,
}

impl Child {
    pub(super) fn new(
        process: Arc<Running>,
        stdin: Option<PipeWriter>,
        stdout: Option<PipeReader>,
        stderr: Option<PipeReader>,
    ) -> Self {
        Self { process, stdin, stdout, stderr }
    }

    /// The number of the process; `None` when that has ended, and the number may be another's.
    pub fn id(&self) -> Option<u32> {
        self.process.ended().is_none().then(|| self.process.id())
    }

    /// Waits for the end of the process. Closes its input first, because the process might wait for
    /// more. The process is reaped as soon as it has ended, also without this call.
    ///
    /// # Cancellation
    ///
    /// The process is asked to end, and killed after the grace; when it has ended, the wait says
    /// that it was cancelled. If it had ended by itself in the same moment, its status comes all
    /// the same. So `timeout(d, child.wait())` ends the process when the time is up, and returns
    /// after the process's end. A wait that is dropped, such as the loser of a `select!`, lets the
    /// process be.
    ///
    /// # Errors
    ///
    /// The wait was cancelled; the limit of operations in flight is reached; something else in this
    /// program has taken the status, which the error explains.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        wait(&self.process).await
    }

    /// How it has ended, if that was known when this turn of the core began.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait), but for cancellation.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.ended().transpose()
    }

    /// Waits for its end, and collects what it prints meanwhile, as far as that is piped.
    ///
    /// # Cancellation
    ///
    /// As [`wait`](Self::wait). What it has printed is lost; also when the future is dropped, which
    /// asks the process to end.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub async fn wait_with_output(mut self) -> io::Result<Output> {
        let (stdout, stderr) = (self.stdout.take(), self.stderr.take());
        let read = both(read(stdout), read(stderr));
        let (status, (stdout, stderr)) = both(self.wait(), read).await;
        Ok(Output { status: status?, stdout: stdout?, stderr: stderr? })
    }

    /// Sends it a signal, or to its group if it has one
    /// [of its own](super::Command::own_process_group).
    ///
    /// # Errors
    ///
    /// `NotFound` if the process has ended; there is no such signal; the signal may not be sent,
    /// because the process runs as another user.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        self.process.signal(signal)
    }

    /// Ends the process, by `SIGKILL`. [`wait`](Self::wait) tells when it has ended.
    ///
    /// # Errors
    ///
    /// The process may not be ended, because it runs as another user. That it has ended already is
    /// no error.
    pub fn kill(&mut self) -> io::Result<()> {
        match self.signal(libc::SIGKILL) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.process.stop();
    }
}

/// All of an output that is piped. After an error the pipe is closed, so that the process does not
/// wait for a reader.
async fn read(output: Option<PipeReader>) -> io::Result<Vec<u8>> {
    let Some(output) = output else { return Ok(Vec::new()) };
    let (result, bytes) = output.read_to_end().await;
    result.map(|()| bytes)
}
