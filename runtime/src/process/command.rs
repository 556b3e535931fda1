//! `Command`: which program to start, and how.

use super::Stdio;
use super::spawning::Stopping;
use crate::sys;
use std::ffi::OsStr;
use std::io;
use std::mem;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process;
use std::time::Duration;

/// How long a process may take to end when it was asked to, unless it is said otherwise.
const GRACE: Duration = Duration::from_secs(5);

/// Which program to start, and how: [`std::process::Command`], with processes that belong to
/// nurseries.
///
/// Descriptors of this process are not inherited, but for those that are given as input and output.
///
/// # Examples
///
/// ```
/// use nestling_runtime::process::Command;
///
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(async {
///     let mut env = Command::new("env");
///     let output = env.env_clear().env("ANSWER", "42").output().await?;
///     assert_eq!(output.stdout, b"ANSWER=42\n");
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct Command {
    std: process::Command,
    /// A start that was dropped has `std`.
    is_lost: bool,
    /// `std` has a group of its own, which stays until another one is named.
    has_group: bool,
    pub(super) stopping: Stopping,
    pub(super) chosen: Chosen,
}

/// Which of the three streams were chosen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Chosen {
    stdin: bool,
    stdout: bool,
    stderr: bool,
}

impl Chosen {
    /// Chooses the others: no input, and an output of this kind.
    pub(super) fn default_to(self, command: &mut process::Command, output: fn() -> Stdio) {
        self.set_others(command, Stdio::null, output);
    }

    /// Takes that back: the next start has those of this process again.
    pub(super) fn default_no_more(self, command: &mut process::Command) {
        self.set_others(command, Stdio::inherit, Stdio::inherit);
    }

    fn set_others(
        self,
        command: &mut process::Command,
        input: fn() -> Stdio,
        output: fn() -> Stdio,
    ) {
        if !self.stdin {
            command.stdin(input());
        }
        if !self.stdout {
            command.stdout(output());
        }
        if !self.stderr {
            command.stderr(output());
        }
    }
}

impl Command {
    /// A program: a path, or a name that is looked up in `PATH`.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self::from(process::Command::new(program))
    }

    /// Adds an argument.
    pub fn arg(&mut self, argument: impl AsRef<OsStr>) -> &mut Self {
        self.std.arg(argument);
        self
    }

    /// Adds arguments.
    pub fn args(&mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> &mut Self {
        self.std.args(arguments);
        self
    }

    /// Sets a variable of its environment, which else is that of this process.
    pub fn env(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.std.env(name, value);
        self
    }

    /// Sets variables of its environment.
    pub fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(
        &mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> &mut Self {
        self.std.envs(variables);
        self
    }

    /// Takes a variable out of its environment.
    pub fn env_remove(&mut self, name: impl AsRef<OsStr>) -> &mut Self {
        self.std.env_remove(name);
        self
    }

    /// Gives it nothing of this process's environment.
    pub fn env_clear(&mut self) -> &mut Self {
        self.std.env_clear();
        self
    }

    /// Sets the directory in which it starts.
    pub fn current_dir(&mut self, directory: impl AsRef<Path>) -> &mut Self {
        self.std.current_dir(directory);
        self
    }

    /// Sets its input: inherited, piped, nothing, or a descriptor. Nestling's pipes are given by
    /// [`into_std`](crate::io::PipeReader::into_std).
    pub fn stdin(&mut self, input: impl Into<Stdio>) -> &mut Self {
        self.chosen.stdin = true;
        self.std.stdin(input);
        self
    }

    /// Sets its output, likewise.
    pub fn stdout(&mut self, output: impl Into<Stdio>) -> &mut Self {
        self.chosen.stdout = true;
        self.std.stdout(output);
        self
    }

    /// Sets where it complains, likewise.
    pub fn stderr(&mut self, output: impl Into<Stdio>) -> &mut Self {
        self.chosen.stderr = true;
        self.std.stderr(output);
        self
    }

    /// The signal that asks it to end, when it is cancelled or its [`Child`](super::Child) is
    /// dropped; `SIGTERM` unless it is said otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling_runtime::{process::Command, signal};
    /// use std::time::Duration;
    ///
    /// let mut command = Command::new("nginx");
    /// command.stop_signal(signal::SIGQUIT).grace(Duration::from_secs(30));
    /// ```
    pub fn stop_signal(&mut self, signal: i32) -> &mut Self {
        self.stopping.signal = signal;
        self
    }

    /// How long it may take to end after that; then it is killed. Five seconds unless it is said
    /// otherwise; zero kills it almost at once, and `Duration::MAX` never.
    ///
    /// # Examples
    ///
    /// See [`stop_signal`](Self::stop_signal).
    pub fn grace(&mut self, grace: Duration) -> &mut Self {
        self.stopping.grace = grace;
        self
    }

    /// Whether it starts in a process group of its own, which ends with it. Signals then go to all
    /// processes that it has started, and those that have not ended when it has are killed. A
    /// process that leaves the group, as daemons do, is not reached.
    ///
    /// The keys of a terminal, such as Ctrl-C, do not reach the group; and a process in it that
    /// reads from the terminal is stopped (`SIGTTIN`): give it another input.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling_runtime::process::Command;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// nestling_runtime::block_on(async {
    ///     // The output ends with the shell, and not with what it leaves behind.
    ///     let mut shell = Command::new("sh");
    ///     let script = "sleep 1000 & echo started";
    ///     let output = shell.args(["-c", script]).own_process_group(true).output().await?;
    ///     assert_eq!(output.stdout, b"started\n");
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub fn own_process_group(&mut self, own: bool) -> &mut Self {
        self.stopping.whole_group = own;
        self
    }

    /// Runs `code` in the process before the program, after the fork.
    ///
    /// The start then takes as long as it takes to copy the tables of this process's memory, some
    /// 0.1 s for each GiB. It happens on a thread that ends later: do not ask for a signal at the
    /// end of the parent (`PR_SET_PDEATHSIG`), which is sent at the end of that thread.
    ///
    /// # Safety
    ///
    /// As [`CommandExt::pre_exec`]: the code runs in a copy of a process whose other threads are
    /// gone. It may only do what a signal handler may (signal-safety(7)): it does not allocate,
    /// takes no lock, and uses nothing of this library.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling_runtime::process::Command;
    ///
    /// let mut command = Command::new("true");
    /// // SAFETY: umask(2) may be called there.
    /// unsafe {
    ///     command.pre_exec(|| {
    ///         libc::umask(0o077);
    ///         Ok(())
    ///     })
    /// };
    /// ```
    pub unsafe fn pre_exec(
        &mut self,
        code: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
    ) -> &mut Self {
        // SAFETY: the caller's promise, handed on.
        unsafe { self.std.pre_exec(code) };
        self
    }

    /// The command of the standard library, to look at.
    pub fn as_std(&self) -> &process::Command {
        &self.std
    }

    /// The command of the standard library, for what has no method here, such as the user. Say of
    /// input, output and process group here, and not there.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling_runtime::process::Command;
    /// use std::os::unix::process::CommandExt;
    ///
    /// let mut command = Command::new("true");
    /// command.as_std_mut().arg0("false");
    /// ```
    pub fn as_std_mut(&mut self) -> &mut process::Command {
        &mut self.std
    }

    /// Takes the command, to be started elsewhere.
    pub(super) fn take(&mut self) -> io::Result<process::Command> {
        if self.is_lost {
            let text = "the command went with a start of it that was dropped: make another one";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        if self.stopping.whole_group {
            self.std.process_group(0);
            self.has_group = true;
        } else if self.has_group {
            self.std.process_group(sys::own_group()?);
        }
        self.is_lost = true;
        Ok(mem::replace(&mut self.std, process::Command::new("")))
    }

    pub(super) fn put_back(&mut self, command: process::Command) {
        self.std = command;
        self.is_lost = false;
    }
}

impl From<process::Command> for Command {
    fn from(std: process::Command) -> Self {
        let stopping = Stopping { signal: libc::SIGTERM, grace: GRACE, whole_group: false };
        Self { std, is_lost: false, has_group: false, stopping, chosen: Chosen::default() }
    }
}
