//! What was needed for a burst is given back when that is over, while the runtime goes on.
//!
//! `NESTLING_BURST=1000000` makes the bursts larger.

use crate::alone;
use crate::counting::held;
use nestling::net::{TcpListener, TcpStream};
use nestling::sync::{Notify, Semaphore, remote, unbounded};
use nestling::task::{self, TaskLocal};
use nestling::time::sleep;
use nestling::{Cancelled, nursery};
use nestling_runtime::lowlevel::nop;
use std::env;
use std::fs;
use std::future::pending;
use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// What may be left of a burst, in bytes: the smallest tables, which are not given back. The
/// smallest burst here takes some megabytes.
const LEFT: isize = 192 * 1024;

/// More than the time between two looks of a core at its tables.
const TRIMMED: Duration = Duration::from_millis(1_500);

/// Tasks of a burst, unless the environment says otherwise.
fn burst() -> usize {
    env::var("NESTLING_BURST").map_or(100_000, |given| given.parse().expect("a number"))
}

/// Waits until the process holds little more than before. It hangs if that never comes.
async fn until_given_back(before: isize) {
    while held() - before > LEFT {
        sleep(Duration::from_millis(20)).await;
    }
}

/// A burst, twice: the second finds what the first has left, and as much is given back again.
fn gives_back(burst: impl AsyncFn()) {
    alone(|| {
        nestling::block_on(async {
            let before = held();
            for _ in 0..2 {
                burst().await;
                assert!(held() - before > LEFT, "a burst that holds nothing shows nothing");
                until_given_back(before).await;
            }
        });
    });
}

#[test]
fn a_burst_of_tasks() {
    gives_back(async || {
        let ran: Result<(), Cancelled> = nursery(async |n| {
            (0..burst()).for_each(|_| drop(n.spawn(task::yield_now())));
            Ok(())
        })
        .await;
        ran.expect("nothing fails");
    });
}

/// Nurseries have a table of their own, and so have those who join.
#[test]
fn a_burst_of_nurseries_with_joins() {
    static NUMBER: TaskLocal<u32> = TaskLocal::new();
    gives_back(async || {
        let ran: Result<(), Cancelled> = nursery(async |n| {
            for _ in 0..burst() / 10 {
                n.spawn(NUMBER.scope(1, async {
                    let inner: Result<(), Cancelled> = nursery(async |n| {
                        let first = n.spawn(task::yield_now());
                        n.spawn(first);
                        task::yield_now().await;
                        Ok(())
                    })
                    .await;
                    inner
                }));
            }
            Ok(())
        })
        .await;
        ran.expect("nothing fails");
    });
}

#[test]
fn a_burst_of_operations_and_timers() {
    gives_back(async || {
        let ran: io::Result<()> = nursery(async |n| {
            for _ in 0..burst() {
                n.spawn(async {
                    nop().await?;
                    sleep(Duration::from_micros(1)).await;
                    Ok::<_, io::Error>(())
                });
            }
            Ok(())
        })
        .await;
        ran.expect("nothing fails");
    });
}

/// Connections of which both ends are in this process: 10,000, or what its descriptors allow.
#[test]
fn a_burst_of_connections() {
    let limits = fs::read_to_string("/proc/self/limits").expect("Linux");
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let limit = limit.and_then(|limit| limit.split_whitespace().next()?.parse().ok());
    let count = limit.map_or(10_000, |limit: usize| (limit.saturating_sub(200) / 2).min(10_000));
    gives_back(async || {
        let ran: io::Result<()> = async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            nursery(async |n| {
                for _ in 0..count {
                    let client = TcpStream::connect(address).await?;
                    let (server, _) = listener.accept().await?;
                    // Idle, each with a receive in flight and a buffer of its own.
                    n.spawn(async move { server.read(vec![0; 512]).await.0.map(drop) });
                    n.spawn(async move { client.read(vec![0; 512]).await.0.map(drop) });
                    task::yield_now().await;
                }
                n.cancel();
                Ok(())
            })
            .await
        }
        .await;
        ran.expect("the loopback works");
    });
}

/// A few of a burst stay for long, and they are not the first. Who follows them stands further in
/// front, so the tables shrink although somebody is there at all times.
#[test]
fn a_burst_of_which_some_stay() {
    const STAY: usize = 8;
    // An operation that is in flight as long, in a nursery of its own.
    async fn stay(ended: &Notify) -> io::Result<()> {
        nursery(async |n| {
            n.spawn_daemon(async {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                listener.accept().await.map(drop)
            });
            ended.notified().await;
            Ok(())
        })
        .await
    }
    alone(|| {
        let (first, second) = (&Notify::new(), &Notify::new());
        let ran: io::Result<()> = nestling::block_on(nursery(async |n| {
            let before = held();
            for number in 0..burst() {
                if number % (burst() / STAY) == burst() / STAY - 1 {
                    n.spawn(stay(first));
                }
                n.spawn(async { nop().await.map(drop) });
            }
            task::yield_now().await;
            assert!(held() - before > 4 * LEFT, "a burst that holds nothing shows nothing");
            while n.len() > STAY {
                task::yield_now().await;
            }
            // Long enough for a look at tables that cannot shrink yet.
            sleep(TRIMMED).await;
            (0..STAY).for_each(|_| drop(n.spawn(stay(second))));
            task::yield_now().await;
            first.notify_all();
            until_given_back(before).await;
            assert_eq!(n.len(), STAY, "they are there");
            second.notify_all();
            Ok(())
        }));
        ran.expect("nothing fails");
    });
}

#[test]
fn a_burst_of_waiters_and_messages() {
    let (semaphore, (sender, receiver)) = (&Semaphore::new(1), &unbounded());
    let (there, here) = &remote::channel(usize::MAX);
    gives_back(async || {
        let ran: Result<(), Cancelled> = nursery(async |n| {
            for number in 0..burst() {
                n.spawn(async move {
                    let _permit = semaphore.acquire().await;
                    sender.send(number).expect("the receiver is there");
                    there.send(number).await.expect("the receiver is there");
                });
            }
            Ok(())
        })
        .await;
        ran.expect("nothing fails");
        for _ in 0..burst() {
            assert!(receiver.recv().await.is_some() && here.recv().await.is_some());
        }
    });
}

/// A core that has nothing more to do sleeps; it gives back all the same, and then sleeps on.
#[test]
fn a_burst_of_a_core_that_rests_afterwards() {
    alone(|| {
        let (tell, told) = mpsc::channel();
        let core = thread::spawn(move || {
            let ran: Result<(), Cancelled> = nestling::block_on(nursery(async |n| {
                let before = held();
                for _ in 0..burst() {
                    n.spawn(task::yield_now());
                }
                task::yield_now().await;
                tell.send((before, n.canceller().remote())).expect("the test waits");
                pending().await
            }));
            ran.expect_err("it is cancelled")
        });
        let (before, canceller) = told.recv().expect("it does not panic");
        while held() - before > LEFT {
            thread::sleep(Duration::from_millis(20));
        }
        canceller.cancel();
        core.join().expect("it does not panic");
    });
}
