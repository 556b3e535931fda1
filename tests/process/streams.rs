//! Input and output of processes, and what they do not inherit.

use crate::support::again;
use crate::support::{descriptors, one_at_a_time};
use crate::{run, shell};
use nestling::io::{BufReader, copy, pipe};
use nestling::nursery;
use nestling::process::{Command, Stdio};
use nestling::signal::{SIGCHLD, signals};
use std::io;

#[test]
fn input_and_output_at_once() {
    run(async || {
        let mut cat = Command::new("cat");
        let mut child = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().await.unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let sent: Vec<u8> = (0..1_000_000_u32).map(|at| ((at * 7) >> 3) as u8).collect();
        let bytes = sent.clone();
        let result = nursery(async |n| {
            n.spawn(async move {
                let mut stdin = stdin;
                copy(&mut &bytes[..], &mut stdin).await?;
                stdin.shutdown().await
            });
            let (result, received) = stdout.read_to_end().await;
            result?;
            Ok::<_, io::Error>(received)
        });
        assert!(result.await.unwrap() == sent);
        assert!(child.wait().await.unwrap().success());
    });
}

#[test]
fn lines_of_output() {
    run(async || {
        let mut script = shell("echo one; echo two; printf three");
        let mut child = script.stdout(Stdio::piped()).spawn().await.unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut got = Vec::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            got.push(line);
        }
        assert_eq!(got, ["one", "two", "three"]);
        drop(lines);
        child.wait().await.unwrap();
    });
}

/// A pipe of ours between two processes.
#[test]
fn a_pipe_between_two_processes() {
    run(async || {
        let (reader, writer) = pipe().unwrap();
        let mut one = shell("echo hello");
        one.stdout(writer.into_std().unwrap());
        let mut other = Command::new("cat");
        other.stdin(reader.into_std().unwrap());
        assert!(one.status().await.unwrap().success());
        // It keeps our end of the pipe open.
        drop(one);
        assert_eq!(other.output().await.unwrap().stdout, b"hello\n");
    });
}

/// B11: a child has its three streams, and nothing of ours.
#[test]
fn b11_a_child_inherits_no_descriptor() {
    const NAME: &str = "streams::b11_a_child_inherits_no_descriptor";
    let _others_wait = (!again::is_inside(NAME)).then(one_at_a_time);
    again::alone(NAME, || {
        nestling::block_on(async {
            // The test's own program may have inherited some itself.
            let inherited = shell("ls /proc/$$/fd").output().await.unwrap().stdout;
            let listener = nestling::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let _signals = signals([SIGCHLD]).unwrap();
            let _pipe = pipe().unwrap();
            let _streams = (nestling::io::stdin().unwrap(), nestling::io::stderr().unwrap());
            let mut others = Command::new("sleep");
            let others = others.arg("1000").stdin(Stdio::piped()).stdout(Stdio::piped());
            let others = others.spawn().await.unwrap();
            assert!(descriptors().len() > 10, "{:?}", descriptors());
            let listed = shell("ls /proc/$$/fd").output().await.unwrap().stdout;
            let (listed, before) =
                (String::from_utf8(listed).unwrap(), String::from_utf8(inherited).unwrap());
            assert_eq!(listed, before, "{:?}", descriptors());
            drop((others, listener));
        });
    });
}

/// A handler of the user's for SIGCHLD hears of children, and takes nothing from us.
#[test]
fn the_users_handler_of_sigchld_is_untouched() {
    const NAME: &str = "streams::the_users_handler_of_sigchld_is_untouched";
    let _others_wait = (!again::is_inside(NAME)).then(one_at_a_time);
    again::alone(NAME, || {
        nestling::block_on(async {
            let mut signals = signals([SIGCHLD]).unwrap();
            let status = shell("exit 3").status().await.unwrap();
            assert_eq!(status.code(), Some(3));
            assert_eq!(signals.next().await.unwrap(), SIGCHLD);
        });
    });
}

/// I2: a child has the default disposition of SIGPIPE, whatever ours is.
#[test]
fn i2_a_child_ends_by_sigpipe() {
    use std::os::unix::process::ExitStatusExt;
    run(async || {
        let mut child = Command::new("yes").stdout(Stdio::piped()).spawn().await.unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().await.unwrap().signal(), Some(libc::SIGPIPE));
    });
}

#[test]
fn environment_directory_and_code_before_the_program() {
    run(async || {
        let mut command = shell("pwd; echo $ANSWER $HOME; umask");
        command.env_clear().envs([("ANSWER", "42")]).current_dir("/");
        let output = unmasked(&mut command).output().await.unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "/\n42\n0027\n");
    });
}

#[expect(unsafe_code, reason = "code between fork and exec")]
fn unmasked(command: &mut Command) -> &mut Command {
    let code = || {
        // SAFETY: no pointers are passed.
        unsafe { libc::umask(0o027) };
        Ok(())
    };
    // SAFETY: umask(2) may be called there.
    unsafe { command.pre_exec(code) }
}

/// What `output` pipes is piped for that start alone.
#[test]
fn a_command_that_was_captured_is_not_captured_again() {
    run(async || {
        let mut echo = Command::new("echo");
        assert_eq!(echo.output().await.unwrap().stdout, b"\n");
        let mut child = echo.spawn().await.unwrap();
        assert!(child.stdin.is_none() && child.stdout.is_none() && child.stderr.is_none());
        assert!(child.wait().await.unwrap().success());
    });
}
