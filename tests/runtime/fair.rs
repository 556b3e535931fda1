//! No task keeps the core from the others: not a task that is always ready, not a busy connection.

use crate::support::{pair, watched};
use nestling::net::TcpStream;
use nestling::signal::signals;
use nestling::sync::remote;
use nestling::task::yield_now;
use nestling::time::{interval, sleep};
use nestling::{block_on, nursery};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

/// Questions, each asked when the last one was answered.
const ROUNDS: usize = 500;

/// Answers until the other end is gone.
async fn answer(stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 8];
    loop {
        let (received, filled) = stream.read(buffer).await;
        if received? == 0 {
            return Ok(());
        }
        let (sent, back) = stream.write_all(filled).await;
        sent?;
        buffer = back;
    }
}

fn ask(mut stream: UnixStream, rounds: usize) {
    for _ in 0..rounds {
        stream.write_all(&[1; 8]).expect("it is open");
        stream.read_exact(&mut [0; 8]).expect("an answer");
    }
}

/// Has signals sent to this process by another thread, one when the last one has come.
async fn be_signalled() -> io::Result<()> {
    let mut signals = signals([libc::SIGWINCH])?;
    for _ in 0..3 {
        let sending = thread::spawn(|| {
            let this = std::process::id() as libc::pid_t;
            // SAFETY: it sends a signal, which is handled, and would be ignored else.
            unsafe { libc::kill(this, libc::SIGWINCH) }
        });
        assert_eq!(signals.next().await?, libc::SIGWINCH);
        assert_eq!(sending.join().expect("no panic"), 0);
    }
    Ok(())
}

/// Is woken by another thread, again and again.
async fn be_woken() -> io::Result<()> {
    let (ask, asked) = remote::channel(1);
    let (tell, told) = remote::channel(1);
    let telling = thread::spawn(move || {
        while let Some(number) = asked.recv_blocking() {
            tell.send_blocking(number).expect("it listens");
        }
    });
    for number in 0..20 {
        ask.send(number).await?;
        assert_eq!(told.recv().await, Some(number));
    }
    drop(ask);
    telling.join().expect("no panic");
    Ok(())
}

/// Runs until questions are answered, timers have fired, signals have come, and another thread was
/// heard, beside what `busy` does for ever; then that is cancelled.
pub(crate) fn beside(rounds: usize, busy: impl AsyncFn()) {
    let result: io::Result<()> = block_on(nursery(async |n| {
        let (ours, theirs) = pair();
        let asking = thread::spawn(move || ask(theirs, rounds));
        let all = n.canceller();
        n.spawn(async {
            busy().await;
            Ok::<_, io::Error>(())
        });
        nursery(async |served| {
            served.spawn(answer(ours));
            served.spawn(async {
                let mut ticks = interval(Duration::from_millis(1));
                for _ in 0..20 {
                    ticks.tick().await;
                    sleep(Duration::from_micros(10)).await;
                }
                Ok(())
            });
            served.spawn(be_signalled());
            served.spawn(be_woken());
            Ok::<_, io::Error>(())
        })
        .await?;
        all.cancel();
        asking.join().expect("all was answered");
        Ok(())
    }));
    result.expect("nothing fails");
}

#[test]
fn f8_tasks_that_wake_themselves_keep_nobody_waiting() {
    watched(|| {
        beside(ROUNDS, async || {
            loop {
                yield_now().await;
            }
        });
    });
}

#[test]
fn f9_a_connection_that_is_flooded_keeps_nobody_waiting() {
    watched(|| {
        beside(ROUNDS, async || {
            let (ours, mut theirs) = pair();
            // Ends when the connection does.
            thread::spawn(move || while theirs.write_all(&[0; 16 * 1024]).is_ok() {});
            let mut buffer = vec![0; 16 * 1024];
            loop {
                let (received, back) = ours.read(buffer).await;
                if received.is_err() {
                    return;
                }
                buffer = back;
            }
        });
    });
}
