//! `dump_tree_on_signal`: a signal prints the trees of all cores that asked for it.

use crate::support::again::{again, is_inside};
use crate::support::nurseries::{E, run, settle};
use crate::support::threads::says_asleep;
use crate::support::watched;
use nestling::inspect::dump_tree_on_signal;
use nestling::{Cores, Runtime, dump_tree, nursery};
use std::fs;
use std::future::pending;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// The test that starts itself again, and is killed then.
const TEST: &str = "signal::a_signal_prints_the_tree_of_each_core_while_it_sleeps";

/// Cores of that process.
const CORES: usize = 2;

/// Runs until it is killed: a task that waits for the signal on each core, and one that sleeps.
fn serve() -> io::Result<()> {
    let cores = Runtime::builder().name("shown").cores(Cores::Count(CORES));
    cores.run(async |_| {
        nursery(async |n| {
            n.spawn_named("printer", dump_tree_on_signal(libc::SIGUSR1));
            n.spawn_named("sleeper", pending::<()>());
            settle().await;
            println!("ready");
            Ok::<_, io::Error>(())
        })
        .await
    })?;
    Ok(())
}

/// Ends the process with the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether all threads of a process sleep.
fn asleep(process: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
    let mut states =
        threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("stat")).ok());
    states.all(|stat| says_asleep(&stat))
}

#[test]
fn a_signal_prints_the_tree_of_each_core_while_it_sleeps() {
    if is_inside(TEST) {
        return serve().expect("it is killed");
    }
    watched(send_signals);
}

fn send_signals() {
    let started = again(TEST).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut process = Killed(started.expect("a process"));
    let said = BufReader::new(process.0.stdout.take().expect("it is piped"));
    let ready = said.lines().filter(|line| line.as_ref().is_ok_and(|line| line.ends_with("ready")));
    assert_eq!(ready.take(CORES).count(), CORES);
    let mut printed = BufReader::new(process.0.stderr.take().expect("it is piped")).lines();
    for round in 0..3 {
        while !asleep(process.0.id()) {
            std::thread::yield_now();
        }
        let sent = Command::new("kill").args(["-USR1", &process.0.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()));
        // Each core's tree comes in one piece, in any order.
        let mut threads = Vec::new();
        for _ in 0..CORES {
            let mut line = || printed.next().expect("a line").expect("text");
            let first = line();
            threads.push(first.split('"').nth(1).expect("a name").to_owned());
            // The core's own nursery, in which its program is the body.
            assert!(line().contains("nursery \"core\""));
            assert!(line().contains("body"));
            let tree: Vec<_> = (0..3).map(|_| line()).collect();
            assert!(tree[0].contains("nursery at") && tree[0].contains("2 children"), "{tree:?}");
            assert!(tree[1].contains("child \"printer\"") && tree[1].contains("running"));
            assert!(tree[2].contains("child \"sleeper\"") && tree[2].contains("a waker"));
        }
        threads.sort();
        assert_eq!(threads, ["shown-0", "shown-1"], "in round {round}");
    }
}

#[test]
fn cancelled_it_leaves_nothing() {
    run(async || {
        let result: Result<(), E> = nursery(async |n| {
            n.spawn(async { Ok(dump_tree_on_signal(libc::SIGUSR2).await.map(drop)?) });
            settle().await;
            assert!(dump_tree().to_string().contains("poll on fd"));
            n.cancel();
            Ok(())
        })
        .await;
        assert_eq!(result, Ok(()));
    });
}

#[test]
fn a_signal_that_cannot_be_handled_is_an_error() {
    run(async || {
        let error = dump_tree_on_signal(libc::SIGKILL).await.expect_err("nobody can");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    });
}
