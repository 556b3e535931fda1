//! Many processes at once, and much output.

use crate::support::random::{Random, one_seed};
use crate::support::turn;
use crate::{children, run, shell};
use nestling::buf::IoBuf;
use nestling::process::{Command, Stdio};
use nestling::task::yield_now;
use nestling::{is_cancelled, nursery};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::env;
use std::io;
use std::os::unix::process::ExitStatusExt;

fn from_environment(name: &str, default: usize) -> usize {
    env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// What one process does, and how it may end.
async fn one(random: &mut Random, cancelled: &Cell<usize>) -> io::Result<()> {
    let ended = match random.below(4) {
        0 => Command::new("true").status().await.map(|status| status.success()),
        1 => shell("exit 0").output().await.map(|output| output.status.success()),
        2 => {
            let mut child = Command::new("sleep").arg("1000").spawn().await?;
            child.wait().await.map(|_| panic!("it ends only when it is asked to"))
        }
        _ => {
            let mut child = Command::new("sleep").arg("1000").spawn().await?;
            for _ in 0..random.below(8) {
                yield_now().await;
            }
            child.kill()?;
            let status = child.wait().await;
            status.map(|status| status.signal() == Some(libc::SIGKILL))
        }
    };
    if ended.as_ref().is_err_and(is_cancelled) {
        cancelled.set(cancelled.get() + 1);
    }
    assert!(ended?);
    Ok(())
}

/// A thousand processes (`NESTLING_PROCESSES`), of which many are cancelled at random moments:
/// `run` looks for what is left.
#[test]
fn a_thousand_processes_leave_nothing() {
    const AT_ONCE: usize = 20;
    let mut random = Random::new(one_seed().unwrap_or(1));
    let cancelled = Cell::new(0);
    run(async || {
        let processes = from_environment("NESTLING_PROCESSES", 1_000);
        for _ in 0..processes / AT_ONCE {
            let result = nursery(async |n| {
                for _ in 0..AT_ONCE {
                    let mut random = Random::new(random.next());
                    let cancelled = &cancelled;
                    n.spawn(async move { one(&mut random, cancelled).await });
                }
                for _ in 0..random.below(40) {
                    turn().await;
                }
                while random.percent(50) {
                    turn().await;
                }
                n.cancel();
                Ok::<_, io::Error>(())
            });
            result.await.unwrap();
            assert_eq!(children(), BTreeSet::new());
        }
    });
    assert!(cancelled.get() > 0, "the cancels came too early, or too late");
}

/// Much output (`NESTLING_OUTPUT`, in bytes) is read slowly, in pieces of random length.
#[test]
fn much_output_comes_whole() {
    let wanted = from_environment("NESTLING_OUTPUT", 10 << 20);
    let mut random = Random::new(one_seed().unwrap_or(1));
    run(async || {
        let mut script = shell(&format!("yes nestling | head -c {wanted}"));
        let mut child = script.stdout(Stdio::piped()).spawn().await.unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut came = 0;
        let mut buffer = Vec::<u8>::with_capacity(64 << 10);
        loop {
            if random.percent(5) {
                yield_now().await;
            }
            let length = 1 + random.below(buffer.capacity());
            let (result, part) = stdout.read(buffer.slice(..length)).await;
            buffer = part.into_inner();
            let read = result.unwrap();
            if read == 0 {
                break;
            }
            let expected = b"nestling\n".iter().cycle().skip(came % 9);
            assert!(buffer[..read].iter().zip(expected).all(|(byte, expected)| byte == expected));
            came += read;
        }
        assert_eq!(came, wanted);
        assert!(child.wait().await.unwrap().success());
    });
}
