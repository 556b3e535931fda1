//! An example as a process, which ends with the test.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// After so long a test fails that waits for something. Nothing else depends on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `holds` does.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// A process that does not outlive the test, however that ends.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// The lines that it prints and that were not looked at.
    lines: Receiver<String>,
}

/// How a run of an example ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// What it printed, without the lines that were looked at before.
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Process {
    /// Starts it. What it complains about has to fit into a pipe.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::start_with(Stdio::null(), command)
    }

    /// Starts it with something to read, or with a descriptor in that place.
    pub(crate) fn start_with(stdin: Stdio, command: &mut Command) -> Self {
        let command = command.stdin(stdin).env("RUST_BACKTRACE", "0");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        // A thread, so that a process that says nothing does not stop the test.
        thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, lines }
    }

    /// The next line that it prints.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
            let _ = self.child.kill();
            panic!("it says nothing: {:?}", self.stderr());
        };
        line
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Descriptors that it has open.
    #[allow(dead_code, reason = "not every program asks")]
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap().count()
    }

    /// Its resident memory, in KiB.
    #[allow(dead_code, reason = "not every program asks")]
    pub(crate) fn resident(&self) -> u64 {
        kib(self.id(), "VmRSS:")
    }

    /// Sends it a signal. By way of a shell, which needs no unsafe code.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -s $0 $1", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ended(mut self) -> Ended {
        eventually("it ends", || self.child.try_wait().unwrap().is_some());
        let status = self.child.wait().unwrap();
        let stdout = self.lines.iter().map(|line| line + "\n").collect();
        Ended { status, stdout, stderr: self.stderr() }
    }

    fn stderr(&mut self) -> String {
        io::read_to_string(self.child.stderr.take().unwrap()).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kibibytes that a line of the kernel's account of a process tells.
#[allow(dead_code, reason = "not every program asks")]
pub(crate) fn kib(process: u32, line: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a status");
    let size = status.lines().find_map(|text| text.strip_prefix(line)).expect("the line");
    size.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn run(mut command: Command, arguments: &[&str]) -> Ended {
    Process::start(command.args(arguments)).ended()
}

/// An example's program. Cargo builds examples for `cargo test`, but not for `cargo test --test`.
/// Keep the answer: asking cargo takes a while.
pub(crate) fn build(name: &str) -> PathBuf {
    // target/<profile>/deps/<this test>, or target/<triple>/<profile>/… if cargo was told a target,
    // of which it will hear again from the environment.
    let test = env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap();
    let target =
        folder.ancestors().nth(if env::var_os("CARGO_BUILD_TARGET").is_some() { 2 } else { 1 });
    let profile = match folder.file_name().unwrap().to_str().unwrap() {
        "debug" => "dev",
        other => other,
    };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--example", name, "--profile", profile]);
    build.arg("--target-dir").arg(target.unwrap());
    assert!(build.status().unwrap().success(), "{build:?}");
    folder.join("examples").join(name)
}
