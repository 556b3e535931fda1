//! A contestant in a process of its own, so that no runtime disturbs another: started, timed, and
//! ended.

mod calls;
#[path = "../../clock.rs"]
mod clock;
mod foreign;

pub(crate) use calls::{Counted, Counting, REMEDY};
pub(crate) use clock::ProcessClock;
pub(crate) use foreign::Foreign;

use crate::contestants::{Contestant, Program};
use crate::rows::Row;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use std::{env, thread};

/// What a contestant is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How {
    /// Bytes of the buffer for each connection, or for each direction of one.
    pub(crate) buffer: usize,
    /// How long it spins for each message: to see that a slower program is seen.
    pub(crate) slow: Duration,
}

/// Ends this process if it is still there after so long: a contestant that hangs is a failure, not
/// the end of the comparison.
pub(crate) fn end_after(limit: Duration) {
    thread::spawn(move || {
        thread::sleep(limit);
        eprintln!("not done after {limit:?}");
        std::process::exit(3);
    });
}

/// A process that runs.
pub(crate) struct Process {
    child: Child,
    /// None of one that does not end by itself.
    output: Option<BufReader<ChildStdout>>,
    /// The configuration of a program that is not ours.
    file: Option<PathBuf>,
}

/// This program again, as a contestant.
fn again(command: &str, row: &Row, contestant: Contestant, how: How) -> io::Result<Command> {
    let mut process = Command::new(env::current_exe()?);
    process
        .arg(command)
        .args(["--row", row.name, "--contestant", contestant.name()])
        .args(["--buffer", &how.buffer.to_string()])
        .args(["--slow-us", &how.slow.as_micros().to_string()])
        .stdout(Stdio::piped());
    Ok(process)
}

impl Process {
    /// Starts a server for so many connections, before `to` if it is a proxy. Gives its address.
    pub(crate) fn serve(
        program: Program,
        row: &Row,
        contestant: Contestant,
        connections: usize,
        to: Option<SocketAddr>,
        how: How,
    ) -> io::Result<(Self, SocketAddr)> {
        if let Program::Foreign(program) = program {
            let to = to.ok_or(io::ErrorKind::InvalidInput)?;
            let (child, address, file) = program.start(to, how.buffer)?;
            return Ok((Self { child, output: None, file: Some(file) }, address));
        }
        let mut command = again("serve", row, contestant, how)?;
        command.args(["--connections", &connections.to_string()]);
        if let Some(to) = to {
            command.args(["--to", &to.to_string()]);
        }
        let mut this = Self::start(command)?;
        let mut line = String::new();
        this.output.as_mut().map(|output| output.read_line(&mut line)).transpose()?;
        let address = line.trim().parse().map_err(io::Error::other)?;
        if matches!(program, Program::Datagrams(_) | Program::Listener(_)) {
            this.output = None;
        }
        Ok((this, address))
    }

    /// Starts what measures itself, for so long.
    pub(crate) fn work(
        row: &Row,
        contestant: Contestant,
        seconds: f64,
        counts: bool,
        how: How,
    ) -> io::Result<Self> {
        let mut command = again("work", row, contestant, how)?;
        command.args(["--seconds", &seconds.to_string()]);
        if counts {
            command.arg("--count");
        }
        Self::start(command)
    }

    fn start(mut command: Command) -> io::Result<Self> {
        let mut child = command.spawn()?;
        let output = child.stdout.take().map(BufReader::new);
        Ok(Self { child, output, file: None })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Bytes of memory that are its own.
    pub(crate) fn memory(&self) -> io::Result<f64> {
        memory(self.id(), "RssAnon")
    }

    /// Waits for the end that it comes to by itself, after its last connection or with its work,
    /// and gives what it has printed. One that does not come to an end is ended.
    pub(crate) fn finish(mut self) -> Result<String, String> {
        let mut printed = String::new();
        let Some(output) = &mut self.output else { return Ok(printed) };
        output.read_to_string(&mut printed).map_err(|error| error.to_string())?;
        let status = self.child.wait().map_err(|error| error.to_string())?;
        match status.success() {
            true => Ok(printed),
            false => Err(format!("ended with {status}")),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.file.iter().for_each(|file| foreign::remove(file));
    }
}

/// A field of a process's status that is in KiB, in bytes.
pub(crate) fn memory(process: u32, field: &str) -> io::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kib.map(|kib| kib * 1024.0).ok_or_else(|| io::ErrorKind::InvalidData.into())
}
