//! Standard streams, in a process that was started with some of each kind.

use crate::support::again::{again, is_inside};
use nestling::io::{stderr, stdin, stdout};
use std::io::{ErrorKind, Read, Write};
use std::process::{Command, Stdio};

/// Copies the standard input of the process to its output, and complains at the end. The test
/// program prints lines of its own before and after.
fn copy_all() {
    nestling::block_on(async {
        let (input, output) = (stdin().unwrap(), stdout().unwrap());
        loop {
            let (result, buffer) = input.read(Vec::with_capacity(1000)).await;
            if result.unwrap() == 0 {
                break;
            }
            output.write_all(buffer).await.0.unwrap();
        }
        stderr().unwrap().write_all("<end>").await.0.unwrap();
    });
}

fn copied(mut command: Command, input: &[u8]) -> (String, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input).unwrap();
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

const COPY: &str = "std_streams::a_pipe_a_file_and_nothing";

#[test]
fn a_pipe_a_file_and_nothing() {
    if is_inside(COPY) {
        return copy_all();
    }
    let mut piped = again(COPY);
    piped.stdin(Stdio::piped());
    let (out, err) = copied(piped, b"<from a pipe>");
    assert!(out.contains("<from a pipe>") && err.contains("<end>"), "{out} {err}");

    let mut file = again(COPY);
    file.stdin(std::fs::File::open("Cargo.toml").unwrap());
    let (out, err) = copied(file, b"");
    assert!(out.contains(&std::fs::read_to_string("Cargo.toml").unwrap()), "{out}");
    assert!(err.contains("<end>"));

    let (out, err) = copied(again(COPY), b"");
    assert!(err.contains("<end>"), "{out} {err}");

    // All three closed: the standard library has opened /dev/null in their place.
    let program = again(COPY);
    let mut shell = Command::new("sh");
    let script = "name=$1; shift; exec \"$name\" \"$@\" 0<&- 1>&- 2>&-";
    shell.args(["-c", script, "sh"]).arg(program.get_program()).args(program.get_args());
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    assert!(shell.status().unwrap().success());
}

const FULL: &str = "std_streams::a_full_pipe_and_a_reader_that_goes";

/// The output is a pipe that is full: other tasks go on. Then its reader goes: an error, and no
/// signal.
#[test]
fn a_full_pipe_and_a_reader_that_goes() {
    if is_inside(FULL) {
        nestling::block_on(async {
            let output = stdout().unwrap();
            let write = async {
                let (result, _) = output.write_all(vec![b'.'; 1 << 20]).await;
                assert_eq!(result.unwrap_err().kind(), ErrorKind::BrokenPipe);
            };
            let mut write = std::pin::pin!(write);
            let mut turns = 0;
            while crate::support::poll_once(write.as_mut()).await.is_pending() {
                turns += 1;
                if turns == 100 {
                    stderr().unwrap().write_all("<full>\n").await.0.unwrap();
                }
                crate::support::turn().await;
            }
            stderr().unwrap().write_all("<broken>\n").await.0.unwrap();
        });
        // What the test program prints would fail.
        std::process::exit(0);
    }
    let mut child = again(FULL);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut complaints = child.stderr.take().unwrap();
    let mut said = String::new();
    while !said.contains("<full>") {
        let mut bytes = [0; 64];
        let length = complaints.read(&mut bytes).unwrap();
        assert!(length > 0, "{said}");
        said += std::str::from_utf8(&bytes[..length]).unwrap();
    }
    drop(child.stdout.take());
    complaints.read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    assert!(said.contains("<broken>"), "{said}");
}

const TERMINAL: &str = "std_streams::a_terminal_that_takes_nothing";

/// The output is a terminal that takes nothing more, as after Ctrl-S: the core goes on, and the
/// write can be cancelled.
#[test]
fn a_terminal_that_takes_nothing() {
    if is_inside(TERMINAL) {
        nestling::block_on(async {
            let output = stdout().unwrap();
            let result = nestling::nursery(async |n| {
                n.spawn(async {
                    let (result, _) = output.write_all(vec![b'.'; 1 << 20]).await;
                    assert!(nestling::is_cancelled(&result.unwrap_err()));
                    stderr().unwrap().write_all("<cancelled>\n").await.0
                });
                for _ in 0..100 {
                    crate::support::turn().await;
                }
                stderr().unwrap().write_all("<full>\n").await.0?;
                n.cancel();
                Ok::<_, std::io::Error>(())
            });
            result.await.unwrap();
        });
        std::process::exit(0);
    }
    let (controller, terminal) = terminal();
    let mut command = again(TERMINAL);
    let mut child = command.stdout(terminal).stderr(Stdio::piped()).spawn().unwrap();
    drop(command);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("<full>"), "{said}");
    assert!(child.wait().unwrap().success(), "{said}");
    drop(controller);
}

/// A terminal of no window: its controller, and its own end.
#[expect(unsafe_code, reason = "no crate that is used here opens terminals")]
fn terminal() -> (std::os::fd::OwnedFd, std::os::fd::OwnedFd) {
    use std::os::fd::FromRawFd;
    use std::ptr::{null, null_mut};
    let (mut controller, mut terminal) = (-1, -1);
    // SAFETY: the two numbers are written, and nothing else is passed.
    let result = unsafe {
        libc::openpty(&raw mut controller, &raw mut terminal, null_mut(), null(), null())
    };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: it was opened for us.
    let controller = unsafe { std::os::fd::OwnedFd::from_raw_fd(controller) };
    // SAFETY: the same.
    (controller, unsafe { std::os::fd::OwnedFd::from_raw_fd(terminal) })
}
