//! Processes: none outlives its nursery, none is left unreaped, and none has a descriptor of ours.
//!
//! | file | what it holds |
//! |---|---|
//! | `ends.rs` | ends of processes: by themselves, cancelled, dropped, forgotten, in groups |
//! | `failures.rs` | starts that fail, and what is left of them |
//! | `many.rs` | many processes at once, half of them cancelled; much output |
//! | `streams.rs` | input and output: pipes, and what is not inherited |

mod ends;
mod failures;
mod many;
mod streams;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;

use nestling::Runtime;
use nestling::process::{Child, Command, Stdio};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read, Write};

/// Runs a test in a runtime of its own, while no other does, and checks that it leaves nothing in
/// flight, no descriptor, and no process.
fn run<T>(test: impl AsyncFnOnce() -> T) -> T {
    let _others_wait = support::one_at_a_time();
    support::watched(|| {
        let mut runtime = Runtime::builder().entries(8).build().unwrap();
        // The first blocking call makes what all use.
        runtime.block_on(async { Command::new("true").status().await.unwrap() });
        let before = support::descriptors();
        let result = runtime.block_on(test());
        support::assert_balanced(&runtime);
        assert_eq!(support::descriptors(), before);
        assert_eq!(children(), BTreeSet::new());
        result
    })
}

/// The children of this process, those among them that were not reaped included.
fn children() -> BTreeSet<u32> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let lists = tasks.filter_map(|task| {
        // Other threads may end meanwhile.
        fs::read_to_string(task.unwrap().path().join("children")).ok()
    });
    let parse =
        |list: String| Vec::from_iter(list.split_whitespace().map(|id| id.parse().unwrap()));
    lists.flat_map(parse).collect()
}

/// Whether there is a process of that number that has not ended.
fn is_alive(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"));
    stat.is_ok_and(|stat| !stat.rsplit_once(')').unwrap().1.trim_start().starts_with(['Z', 'X']))
}

/// Lets the process say that it has begun, and wait for a byte before it runs the program.
#[expect(unsafe_code, reason = "code between fork and exec")]
fn held_before_exec(
    command: &mut Command,
    mut begun: io::PipeWriter,
    mut wait: io::PipeReader,
) -> &mut Command {
    let code = move || begun.write_all(b"1").and_then(|()| wait.read_exact(&mut [0]));
    // SAFETY: read(2) and write(2) may be called there, and nothing is allocated.
    unsafe { command.pre_exec(code) }
}

/// A shell that runs a script.
fn shell(script: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).stdin(Stdio::null());
    shell
}

/// Starts a shell with its output piped, and returns when it has printed its first line, which is
/// a number; the rest of the script follows.
async fn started(shell: &mut Command) -> io::Result<(Child, u32)> {
    let mut child = shell.stdout(Stdio::piped()).spawn().await?;
    let stdout = child.stdout.as_mut().unwrap();
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        let (result, byte) = stdout.read(Vec::with_capacity(1)).await;
        assert_eq!(result?, 1, "it has ended");
        line.extend(byte);
    }
    let number = String::from_utf8(line).unwrap().trim().parse().unwrap();
    Ok((child, number))
}
