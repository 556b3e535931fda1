//! How processes end, and that their nursery waits for it.

use crate::support::{poll_once, turn};
use crate::{children, held_before_exec, is_alive, run, shell, started};
use nestling::process::Command;
use nestling::task::spawn_blocking;
use nestling::{Runtime, is_cancelled, nursery, shield, timeout};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::time::Duration;

/// Ignores what asks it to end, and says so.
const DEAF: &str = "trap '' TERM; echo $$; while :; do sleep 1000 & wait; done";

/// Ends when it is asked to, in its own way, and says when it is ready for that.
const POLITE: &str = "trap 'exit 7' TERM; echo $$; while :; do sleep 1000 & wait; done";

const SLEEPER: &str = "echo $$; exec sleep 1000";

#[test]
fn a_process_ends_by_itself() {
    run(async || {
        let status = shell("exit 3").status().await.unwrap();
        assert_eq!(status.code(), Some(3));
        let output = shell("echo out; echo err >&2; exit 4").output().await.unwrap();
        assert_eq!(output.status.code(), Some(4));
        assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"out\n"[..], &b"err\n"[..]));
        let status = shell("kill -KILL $$").status().await.unwrap();
        assert_eq!(status.signal(), Some(libc::SIGKILL));
    });
}

/// It is reaped when it has ended, whether or not it is waited for; and then tells its status.
#[test]
fn a_process_is_reaped_without_a_wait() {
    run(async || {
        let mut child = shell("exit 5").spawn().await.unwrap();
        assert!(child.id().is_some());
        while child.try_wait().unwrap().is_none() {
            turn().await;
        }
        assert_eq!(children(), BTreeSet::new());
        assert_eq!(child.id(), None);
        assert_eq!(child.wait().await.unwrap().code(), Some(5));
        assert_eq!(child.signal(libc::SIGTERM).unwrap_err().kind(), io::ErrorKind::NotFound);
        child.kill().unwrap();
    });
}

/// Rule 1: the nursery returns when the processes below it have ended and are reaped.
#[test]
fn r01_a_dropped_child_ends_before_its_nursery() {
    run(async || {
        let id = Cell::new(0);
        let result = nursery(async |n| {
            n.spawn(async {
                let (child, number) = started(&mut shell(SLEEPER)).await?;
                id.set(number);
                assert!(is_alive(number));
                drop(child);
                Ok(())
            });
            Ok::<_, io::Error>(())
        });
        result.await.unwrap();
        assert!(id.get() > 0 && !is_alive(id.get()));
        assert_eq!(children(), BTreeSet::new());
    });
}

/// Rule 6: a wait that begins after the cancel is a drop point; the process ends with its `Child`.
#[test]
fn r06_a_wait_in_a_cancelled_task_is_a_drop_point() {
    run(async || {
        let id = Cell::new(0);
        let result = nursery(async |n| {
            n.spawn(async {
                let (mut child, number) =
                    started(shell(POLITE).own_process_group(true)).await.unwrap();
                id.set(number);
                n.cancel();
                let _ = child.wait().await;
                panic!("a drop point");
            });
            Ok::<_, io::Error>(())
        });
        result.await.unwrap();
        assert!(id.get() > 0 && !is_alive(id.get()));
    });
}

/// Rule 3: the cancel reaches a process that is waited for, and the wait says so when that has
/// ended.
#[test]
fn r03_a_wait_in_flight_is_cancelled() {
    run(async || {
        let told = Cell::new(false);
        let result = nursery(async |n| {
            let (mut child, number) = started(shell(POLITE).own_process_group(true)).await?;
            let told = &told;
            n.spawn(async move {
                let error = child.wait().await.unwrap_err();
                assert!(is_cancelled(&error));
                assert!(!is_alive(number));
                assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(7));
                told.set(true);
                child.wait().await.unwrap();
                panic!("a drop point");
            });
            turn().await;
            n.cancel();
            Ok::<_, io::Error>(())
        });
        result.await.unwrap();
        assert!(told.get());
    });
}

/// A child that ignores what asks it to end is killed after the grace.
#[test]
fn a_process_that_ignores_the_signal_is_killed() {
    run(async || {
        let mut deaf = shell(DEAF);
        deaf.grace(Duration::from_millis(30)).own_process_group(true);
        let (mut child, number) = started(&mut deaf).await.unwrap();
        let result = timeout(Duration::ZERO, child.wait()).await;
        let error = result.map_or_else(io::Error::from, |waited| waited.unwrap_err());
        assert!(is_cancelled(&error));
        assert!(!is_alive(number));
        let status = child.wait().await.unwrap();
        assert_eq!(status.signal(), Some(libc::SIGKILL));
    });
}

/// The signal can be chosen, and a grace that is long does not make an obedient child late.
#[test]
fn the_signal_can_be_chosen() {
    run(async || {
        let mut shell =
            shell("trap 'exit 9' HUP; trap '' TERM; echo $$; while :; do sleep 1000 & wait; done");
        shell.stop_signal(libc::SIGHUP).grace(Duration::MAX).own_process_group(true);
        let (mut child, _) = started(&mut shell).await.unwrap();
        drop(timeout(Duration::ZERO, child.wait()).await);
        assert_eq!(child.wait().await.unwrap().code(), Some(9));
    });
}

/// A wait that loses a `select!` is no reason for the process to end.
#[test]
fn a_dropped_wait_lets_the_process_be() {
    run(async || {
        let (mut child, number) = started(&mut shell(SLEEPER)).await.unwrap();
        for _ in 0..3 {
            let mut wait = Box::pin(child.wait());
            assert!(poll_once(wait.as_mut()).await.is_pending());
            drop(wait);
            turn().await;
        }
        assert!(is_alive(number));
        child.kill().unwrap();
        assert_eq!(child.wait().await.unwrap().signal(), Some(libc::SIGKILL));
    });
}

/// A timeout around the start is over: the process lives on.
#[test]
fn a_child_outlives_the_timeout_that_it_was_started_in() {
    run(async || {
        let start = async || started(&mut shell(SLEEPER)).await.unwrap();
        let (mut child, number) = timeout(Duration::from_secs(60), start()).await.unwrap();
        turn().await;
        assert!(is_alive(number));
        let (mut shielded, other) = shield(start()).await;
        turn().await;
        assert!(is_alive(other));
        for child in [&mut child, &mut shielded] {
            child.signal(libc::SIGINT).unwrap();
            assert_eq!(child.wait().await.unwrap().signal(), Some(libc::SIGINT));
        }
    });
}

/// Rule 8: what is started in a shield is not asked to end by a cancel around it.
#[test]
fn r08_a_shield_keeps_a_process() {
    run(async || {
        let result = nursery(async |n| {
            n.spawn(shield(async {
                let (mut child, number) = started(&mut shell(SLEEPER)).await?;
                n.cancel();
                turn().await;
                turn().await;
                assert!(is_alive(number));
                child.kill()?;
                assert_eq!(child.wait().await?.signal(), Some(libc::SIGKILL));
                Ok(())
            }));
            Ok::<_, io::Error>(())
        });
        result.await.unwrap();
    });
}

/// A `Child` that is forgotten: the cancel of its nursery reaches the process all the same.
#[test]
fn a_forgotten_child_is_cancelled_with_its_nursery() {
    run(async || {
        let id = Cell::new(0);
        let result = nursery(async |n| {
            let mut command = Command::new("sleep");
            let child = command.arg("1000").spawn().await?;
            id.set(child.id().unwrap());
            std::mem::forget(child);
            turn().await;
            assert!(is_alive(id.get()));
            n.cancel();
            Ok::<_, io::Error>(())
        });
        result.await.unwrap();
        assert!(!is_alive(id.get()));
    });
}

/// The same where the cancel comes while the process is being started: the start is waited for.
#[test]
fn a_child_that_is_forgotten_after_the_cancel() {
    run(async || {
        let (mut has_begun, begun) = io::pipe().unwrap();
        let (wait, mut go) = io::pipe().unwrap();
        let id = Cell::new(0);
        let result = nursery(async |n| {
            n.spawn(async {
                let mut command = Command::new("sleep");
                let child = held_before_exec(command.arg("1000"), begun, wait).spawn().await?;
                id.set(child.id().unwrap());
                std::mem::forget(child);
                Ok(())
            });
            turn().await;
            has_begun.read_exact(&mut [0]).unwrap();
            n.cancel();
            go.write_all(b"1").unwrap();
            Ok::<_, io::Error>(())
        });
        result.await.unwrap();
        assert_ne!(id.get(), 0, "the start was not waited for");
        assert!(!is_alive(id.get()));
    });
}

/// The end of a runtime is the end of its processes, also of those that were forgotten.
#[test]
fn the_end_of_a_runtime_ends_its_processes() {
    let _others_wait = crate::support::one_at_a_time();
    let mut runtime = Runtime::builder().build().unwrap();
    let (kept, forgotten) = runtime.block_on(async {
        let child = Command::new("sleep").arg("1000").spawn().await.unwrap();
        let forgotten = Command::new("sleep").arg("1000").spawn().await.unwrap();
        let id = forgotten.id().unwrap();
        std::mem::forget(forgotten);
        (child, id)
    });
    assert_eq!(kept.id(), None);
    assert!(!is_alive(forgotten));
    assert_eq!(children(), BTreeSet::new());
    drop(kept);
}

/// A start that is dropped while it runs: the process is gone before the nursery returns.
#[test]
fn r12_a_dropped_start_leaves_nothing() {
    run(async || {
        for round in 0..50 {
            let result = nursery(async |_| {
                let mut command = Command::new("sleep");
                command.arg("1000").own_process_group(round % 2 == 0);
                let mut start = pin!(command.spawn());
                assert!(poll_once(start.as_mut()).await.is_pending());
                Ok::<_, io::Error>(())
            });
            result.await.unwrap();
            assert_eq!(children(), BTreeSet::new());
        }
        let mut command = Command::new("true");
        drop(poll_once(pin!(command.spawn())).await);
        let error = command.spawn().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    });
}

/// A start for which no thread was free before its cancel: the command can be started again.
#[test]
fn r12_a_start_that_never_began_leaves_the_command() {
    let _others_wait = crate::support::one_at_a_time();
    let mut runtime = Runtime::builder().blocking_threads(1).build().unwrap();
    let mut command = Command::new("pwd");
    let (begun, begins) = std::sync::mpsc::channel();
    let (go, wait) = std::sync::mpsc::channel();
    let result = runtime.block_on(nursery(async |n| {
        n.spawn(async {
            let busy = move || {
                begun.send(()).unwrap();
                wait.recv()
            };
            spawn_blocking(busy).await.unwrap().unwrap();
            Ok(())
        });
        turn().await;
        begins.recv().unwrap();
        let mut start = pin!(command.output());
        assert!(poll_once(start.as_mut()).await.is_pending());
        n.cancel();
        assert!(is_cancelled(&start.await.unwrap_err()));
        go.send(()).unwrap();
        Ok::<_, io::Error>(())
    }));
    result.unwrap();
    assert_eq!(runtime.block_on(command.current_dir("/").output()).unwrap().stdout, b"/\n");
}

/// In a cancelled nursery nothing is started.
#[test]
fn r06_a_cancelled_task_starts_nothing() {
    run(async || {
        let result = nursery(async |n| {
            n.cancel();
            n.spawn(async { Ok(()) });
            Command::new("true").status().await?;
            panic!("a drop point");
            #[expect(unreachable_code, reason = "the type of the nursery")]
            Ok::<(), io::Error>(())
        });
        assert!(is_cancelled(&result.await.unwrap_err()));
    });
}

/// What was said of the group holds for one start; the next one can say otherwise.
#[test]
fn a_group_of_its_own_can_be_taken_back() {
    /// The process's number and that of its group, of what `/proc` says.
    fn process_and_group(stat: &[u8]) -> (u32, u32) {
        let stat = str::from_utf8(stat).unwrap();
        let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        (stat.split_once(' ').unwrap().0.parse().unwrap(), fields[2].parse().unwrap())
    }
    run(async || {
        let (_, ours) = process_and_group(&std::fs::read("/proc/self/stat").unwrap());
        let mut cat = Command::new("cat");
        cat.arg("/proc/self/stat");
        for own in [false, true, false, true, true, false, false] {
            let output = cat.own_process_group(own).output().await.unwrap();
            let (process, group) = process_and_group(&output.stdout);
            assert_eq!(group, if own { process } else { ours }, "{own}");
        }
    });
}

/// A grandchild that holds the pipe: it goes with the group, and the output ends.
#[test]
fn a_grandchild_goes_with_the_group() {
    run(async || {
        let mut parent = shell("sleep 1000 & echo $!");
        let output = parent.own_process_group(true).output().await.unwrap();
        assert!(output.status.success());
        let grandchild = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
        // It was killed: no process of ours waits for it, so its end is to be looked for.
        while is_alive(grandchild) {
            turn().await;
        }
    });
}

/// Without a group, it holds the output up, as with the standard library; a cancel ends the wait.
#[test]
fn a_grandchild_that_holds_the_pipe_does_not_hold_up_a_cancel() {
    run(async || {
        let (grandchild, output) = {
            let (mut child, grandchild) =
                started(&mut shell("sleep 1000 & echo $!")).await.unwrap();
            assert!(child.wait().await.unwrap().success());
            let output = timeout(Duration::from_millis(20), child.wait_with_output()).await;
            (grandchild, output)
        };
        let error = output.map_or_else(io::Error::from, |output| output.unwrap_err());
        assert!(is_cancelled(&error));
        assert!(is_alive(grandchild));
        assert!(shell(&format!("kill -KILL {grandchild}")).status().await.unwrap().success());
    });
}
