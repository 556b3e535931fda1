//! What several contestants need alike.

pub(super) mod channels;
mod due;
mod small;
mod spent;

pub(super) use due::due;
pub(super) use small::{SmallFiles, small_files_of};
pub(crate) use spent::{Spent, Start};

use std::future::poll_fn;
use std::hint::spin_loop;
use std::os::unix::net::UnixStream;
use std::os::unix::process::parent_id;
use std::path::PathBuf;
use std::task::Poll;
use std::time::{Duration, Instant};
use std::{env, fs, io};

/// Bytes of a read.
pub(super) const READ: usize = 4096;
/// Reads at a time.
pub(super) const DEPTH: u64 = 32;
/// Of the file, in pieces of that size: 64 MiB.
const PIECES: u64 = 1 << 14;
/// Tasks that are joined together.
pub(super) const TASKS: u64 = 1_000;
/// Receives that are cancelled together.
pub(super) const RECEIVES: u64 = 100;
/// Bytes that each of them could take, if ever any came.
pub(super) const RECEIVED: usize = 64;
/// Tasks that receive datagrams at one socket, where a task has one operation under way.
pub(super) const RECEIVERS: usize = 8;
/// Messages that may be on their way to the other core.
pub(super) const BOUND: usize = 1024;

/// Spins for so long: what a slower program would do.
pub(super) fn spin(time: Duration) {
    if time.is_zero() {
        return;
    }
    let start = Instant::now();
    while start.elapsed() < time {
        spin_loop();
    }
}

/// A file in the page cache: the same for all processes of a comparison, which removes it in the
/// end.
pub(crate) fn cached_file(comparison: u32) -> PathBuf {
    env::temp_dir().join(format!("nestling-peers-{comparison}"))
}

/// A folder of small files, likewise.
pub(crate) fn small_files(comparison: u32) -> PathBuf {
    env::temp_dir().join(format!("nestling-peers-{comparison}-small"))
}

/// That of the comparison that has started this process; it is made if it is not there.
pub(super) fn cached() -> io::Result<PathBuf> {
    let path = cached_file(parent_id());
    let length = PIECES * READ as u64;
    let is_there = fs::metadata(&path).is_ok_and(|file| file.len() == length);
    if !is_there {
        fs::write(&path, vec![1; length as usize])?;
    }
    Ok(path)
}

/// Where the next read is: at random, and the same for all.
pub(super) fn next_place(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
    (*state >> 40) % PIECES * READ as u64
}

/// Connected sockets on which nothing ever arrives; the second ends only have to stay open.
pub(super) fn silent_pairs() -> io::Result<(Vec<UnixStream>, Vec<UnixStream>)> {
    let pairs = (0..RECEIVES).map(|_| UnixStream::pair());
    Ok(pairs.collect::<io::Result<Vec<_>>>()?.into_iter().unzip())
}

/// A yield for runtimes that have none: wakes itself, and is polled again.
pub(super) async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// So often, arms so many timers, which all wait, and drops them. Each has another time, far away;
/// the same times for all.
pub(super) async fn arm<S: Future>(times: u64, count: u64, sleep: impl Fn(Duration) -> S) -> Spent {
    let mut sum = Spent::default();
    for _ in 0..times {
        let mut state = 1_u64;
        let start = Start::now();
        let mut timers = Vec::new();
        for _ in 0..count {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            let after = Duration::from_millis(60_000 + (state >> 33) % 3_600_000);
            let mut timer = Box::pin(sleep(after));
            poll_fn(|cx| {
                assert!(timer.as_mut().poll(cx).is_pending(), "it is far away");
                Poll::Ready(())
            })
            .await;
            timers.push(timer);
        }
        drop(timers);
        sum += start.elapsed();
    }
    sum
}

/// Runs two threads, each on a core of its own; what the first returns counts.
pub(super) fn on_two_cores<T: Send>(
    first: impl FnOnce() -> T + Send,
    second: impl FnOnce() + Send,
) -> T {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let [one, other, ..] = cores[..] else { panic!("two cores are needed") };
    std::thread::scope(|threads| {
        threads.spawn(move || {
            core_affinity::set_for_current(other);
            second();
        });
        let first = threads.spawn(move || {
            core_affinity::set_for_current(one);
            first()
        });
        first.join().expect("it does not panic")
    })
}

/// The handler of HTTP: a short text.
pub(super) async fn answer(
    _: hyper::Request<hyper::body::Incoming>,
) -> Result<hyper::Response<http_body_util::Full<&'static [u8]>>, std::convert::Infallible> {
    Ok(hyper::Response::new(http_body_util::Full::new(b"Hello, World!")))
}

/// The same by axum.
pub(super) fn router() -> axum::Router {
    axum::Router::new().route("/", axum::routing::get(async || "Hello, World!"))
}
