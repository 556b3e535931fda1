//! Processes: none outlives its nursery, none is left unreaped, and none has a descriptor of ours.
//!
//! | file | what it holds |
//! |---|---|
//! | `ends.rs` | ends of processes: by themselves, cancelled, dropped, forgotten, in groups |
//! | `failures.rs` | starts that fail, and what is left of them |
//! | `many.rs` | many processes at once, half of them cancelled; much output |
//! | `streams.rs` | input and output: pipes, and what is not inherited |
//!
//! # What is shown of each operation
//!
//! Raced means that it ends while it is cancelled, or at a random moment of others. A dash: no test
//! brings it about.
//!
//! | operation | success | error | cancelled in flight | begun when cancelled | dropped | raced |
//! |---|---|---|---|---|---|---|
//! | start | 1, 2 | 3, 4, 5 | 6 | 7 | 8 | 9 |
//! | wait | 10 | 11 | 12, 13 | 14 | 15 | 9 |
//! | status | 10 | 3, 11 | 9 | 7 | - | 9 |
//! | output | 2, 10 | 5 | 6, 16 | - | - | 9 |
//! | signal, kill | 17 | 17 | | | | 9 |
//! | input and output of a child | 18 | 19 | 16 | | 20 | |
//! | a `Child` that is kept, dropped or forgotten | 21 | | 22 | 23 | 24 | 9 |
//! | end of the runtime | 25 | | | | | |
//!
//! 1 `environment_directory_and_code_before_the_program`.
//! 2 `a_command_that_was_captured_is_not_captured_again`. 3 `a_program_that_is_not_there`,
//! `a_directory_that_is_not_there`, `an_argument_that_is_too_long`.
//! 4 `b2_descriptors_run_out_in_the_middle_of_a_start`.
//! 5 `a_start_that_is_refused_leaves_the_command`.
//! 6 `r12_a_start_that_never_began_leaves_the_command`. 7 `r06_a_cancelled_task_starts_nothing`.
//! 8 `r12_a_dropped_start_leaves_nothing`. 9 `a_thousand_processes_leave_nothing`.
//! 10 `a_process_ends_by_itself`. 11 `a_status_that_is_lost_is_an_error`.
//! 12 `r03_a_wait_in_flight_is_cancelled`. 13 `a_process_that_ignores_the_signal_is_killed`.
//! 14 `r06_a_wait_in_a_cancelled_task_is_a_drop_point`. 15 `a_dropped_wait_lets_the_process_be`.
//! 16 `a_grandchild_that_holds_the_pipe_does_not_hold_up_a_cancel`.
//! 17 `a_process_is_reaped_without_a_wait`. 18 `input_and_output_at_once`,
//! `much_output_comes_whole`. 19 `i2_input_of_a_child_that_has_ended_is_an_error`.
//! 20 `i2_a_child_ends_by_sigpipe`. 21 `a_child_outlives_the_timeout_that_it_was_started_in`,
//! `r08_a_shield_keeps_a_process`. 22 `a_forgotten_child_is_cancelled_with_its_nursery`.
//! 23 `a_child_that_is_forgotten_after_the_cancel`.
//! 24 `r01_a_dropped_child_ends_before_its_nursery`. 25 `the_end_of_a_runtime_ends_its_processes`.

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
