//! One command: its process, its output, its end.

use crate::options::Options;
use nestling::io::{PipeReader, pipe, stdout};
use nestling::process::{Command, ExitStatus, Stdio};
use nestling::timeout;
use std::fmt;
use std::io;

/// How a command has ended.
#[derive(Debug)]
pub(crate) enum Ended {
    Well,
    Badly(ExitStatus),
    TooLate,
    TooMuch,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Well => f.write_str("succeeded"),
            Self::Badly(status) => write!(f, "failed: {status}"),
            Self::TooLate => f.write_str("was too late"),
            Self::TooMuch => f.write_str("printed too much"),
        }
    }
}

/// Runs a command to its end, or ends it, and prints its output as one piece.
///
/// The process and all that it has started are asked to end when the time is up, when it prints too
/// much, and when this is cancelled: by another job that fails, or by Ctrl-C. There is nothing to
/// be done for that but to drop the child, and no way to forget it: the nursery around waits.
pub(crate) async fn run(number: usize, script: &str, options: &Options) -> io::Result<Ended> {
    let (output, end) = pipe()?;
    let end = end.into_std()?;
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).stdin(Stdio::null()).stdout(end.try_clone()?).stderr(end);
    let mut child = shell.own_process_group(true).grace(options.grace).spawn().await?;
    // It has the end of the pipe that is written to.
    drop(shell);
    let id = child.id().map_or("ended already".to_owned(), |id| format!("process {id}"));
    print(format!("job {number} ({id}): {script}\n")).await?;

    let mut printed = Vec::new();
    let watched = async {
        let all = collect(&output, &mut printed, options.output).await?;
        if all { child.wait().await.map(Some) } else { Ok(None) }
    };
    // A read or a wait that the deadline has stopped says so itself.
    let ended = match timeout(options.deadline, watched).await {
        Ok(Ok(Some(status))) if status.success() => Ended::Well,
        Ok(Ok(Some(status))) => Ended::Badly(status),
        Ok(Ok(None)) => Ended::TooMuch,
        Err(_) => Ended::TooLate,
        Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => Ended::TooLate,
        Ok(Err(error)) => return Err(error),
    };
    drop(child);
    let printed = String::from_utf8_lossy(&printed);
    print(format!("{printed}job {number} {ended}\n")).await?;
    Ok(ended)
}

/// Collects what is printed, to its end; or until it is more than the limit, which is false.
async fn collect(output: &PipeReader, printed: &mut Vec<u8>, limit: usize) -> io::Result<bool> {
    let mut buffer = Vec::with_capacity(16 << 10);
    loop {
        let result;
        (result, buffer) = output.read(buffer).await;
        let length = result?;
        let room = limit - printed.len();
        printed.extend(&buffer[..length.min(room)]);
        if length == 0 || length > room {
            return Ok(length == 0);
        }
    }
}

/// Prints it without a stop of the core, for which the other jobs would have to wait.
async fn print(text: String) -> io::Result<()> {
    stdout()?.write_all(text).await.0
}
