//! Who asks for a signal gets it, on the own core, and loses none.

use crate::program::{hear, say, start};
use crate::support::again;
use crate::support::process::Process;
use crate::support::{descriptors, poll_once, thread_id, turn, watched};
use nestling::signal::{SIGHUP, SIGUSR1, SIGUSR2, ctrl_c, signals};
use nestling::{Cores, Runtime, block_on, nursery};
use std::fs;
use std::future::pending;
use std::io::{self, ErrorKind};
use std::pin::pin;

#[test]
fn each_core_that_asks_gets_a_signal_while_it_sleeps() {
    let program = || {
        let cores = Runtime::builder().cores(Cores::Count(2));
        cores.run(async |_| {
            let mut signals = signals([SIGUSR1, SIGHUP])?;
            say("ready");
            for expected in [SIGUSR1, SIGHUP, SIGUSR1] {
                assert_eq!(signals.next().await?, expected);
                say("core got it");
            }
            Ok::<_, io::Error>(())
        })?;
        say("done");
        Ok(())
    };
    let name = "delivery::each_core_that_asks_gets_a_signal_while_it_sleeps";
    let Some(mut process) = start(name, program) else { return };
    (0..2).for_each(|_| hear(&mut process, "ready"));
    for signal in ["USR1", "HUP", "USR1"] {
        process.signal(signal);
        (0..2).for_each(|_| hear(&mut process, "core got it"));
    }
    hear(&mut process, "done");
    assert!(process.ended().status.success());
}

/// Raises a signal in this process. By way of a shell, which needs no unsafe code.
fn raise(name: &str) {
    let sent = std::process::Command::new("kill")
        .args([&format!("-{name}"), &std::process::id().to_string()])
        .status();
    assert!(sent.is_ok_and(|status| status.success()));
}

fn alone(name: &str, program: impl FnOnce() -> io::Result<()>) {
    again::alone(name, || watched(program).expect("the program runs"));
}

#[test]
fn e1_signals_that_nobody_waited_for_come_next() {
    alone("delivery::e1_signals_that_nobody_waited_for_come_next", || {
        block_on(async {
            let mut signals = signals([SIGUSR1, SIGUSR2])?;
            raise("USR1");
            raise("USR2");
            let mut both = [signals.next().await?, signals.next().await?];
            both.sort_unstable();
            assert_eq!(both, [SIGUSR1, SIGUSR2]);
            Ok(())
        })
    });
}

#[test]
fn e1_a_dropped_wait_loses_no_signal() {
    alone("delivery::e1_a_dropped_wait_loses_no_signal", || {
        block_on(async {
            let mut signals = signals([SIGUSR1])?;
            for round in 0..200 {
                {
                    let mut wait = pin!(signals.next());
                    assert!(poll_once(wait.as_mut()).await.is_pending());
                    if round % 2 == 0 {
                        turn().await; // the kernel has it
                    }
                    if round % 3 == 0 {
                        raise("USR1"); // and has answered, or will
                    }
                }
                if round % 3 != 0 {
                    raise("USR1");
                }
                assert_eq!(signals.next().await?, SIGUSR1);
            }
            Ok(())
        })
    });
}

#[test]
fn a_cancelled_wait_ends() {
    alone("delivery::a_cancelled_wait_ends", || {
        watched(|| {
            block_on(async {
                nursery(async |n| {
                    n.spawn(async { ctrl_c().await });
                    n.spawn(async { signals([SIGHUP])?.next().await.map(drop) });
                    turn().await;
                    n.cancel();
                    Ok(())
                })
                .await
            })
        })
    });
}

#[test]
fn b10_signals_give_their_descriptors_back() {
    alone("delivery::b10_signals_give_their_descriptors_back", || {
        block_on(async {
            drop(signals([SIGHUP])?);
            turn().await;
            let before = descriptors();
            for _ in 0..1_000 {
                let mut signals = signals([SIGHUP, SIGUSR1])?;
                assert!(poll_once(pin!(signals.next())).await.is_pending());
                drop(signals);
                turn().await;
                turn().await;
            }
            assert_eq!(descriptors(), before);
            Ok(())
        })
    });
}

/// What is said of those that only look like others.
const OWN: &str = "belongs to the C library";

#[test]
fn what_is_no_signal_is_refused() {
    block_on(async {
        for (signal, says) in [
            (9, "cannot be handled"),
            (0, "does not exist"),
            (65, "from 1 to 64"),
            (32, OWN),
            (33, OWN),
        ] {
            let error = signals([SIGHUP, signal]).expect_err("it cannot be had");
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let text = error.to_string();
            assert!(text.contains(&format!("signal {signal} ")) && text.contains(says), "{text}");
        }
    });
}

#[test]
fn f10_a_core_that_waits_for_a_signal_sleeps() {
    let program = || {
        block_on(async {
            nursery(async |n| {
                n.spawn(async { signals([SIGUSR1])?.next().await.map(drop) });
                n.spawn_daemon(pending::<()>());
                turn().await;
                say(&thread_id().to_string());
                Ok(())
            })
            .await
        })
    };
    let name = "delivery::f10_a_core_that_waits_for_a_signal_sleeps";
    let Some(mut process) = start(name, program) else { return };
    wait_until_asleep(&mut process);
    process.signal("USR1");
    assert!(process.ended().status.success());
}

/// Waits until the thread whose number the process says sleeps.
fn wait_until_asleep(process: &mut Process) {
    let thread = loop {
        if let Some(said) = process.line().strip_prefix("says ") {
            break said.parse::<u32>().expect("a number");
        }
    };
    let stat = format!("/proc/{}/task/{thread}/stat", process.id());
    crate::support::process::eventually("it sleeps", || {
        let stat = fs::read_to_string(&stat).expect("it runs");
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" S"))
    });
}
