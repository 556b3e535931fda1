//! A sibling fails beside 1, 100 or 9,900 waiting receives: until nothing of them is left.
//!
//! ```text
//! cargo bench --manifest-path benches/peers/Cargo.toml --bench cancel
//! ```
//!
//! Times are per receive, and are not for the same work. Nestling's receives are in the kernel,
//! which is asked to cancel each and answers: when the nursery has returned, nothing touches the
//! buffers. The peers' receives wait for Tokio's epoll to say that a socket is readable: the kernel
//! knows nothing of them, and to cancel is to drop a future. The bench of the same name in Nestling
//! itself compares with a ring that does as much.
//!
//! - `Tokio JoinSet`: `abort_all`, then `join_next` until the set is empty.
//! - `FuturesUnordered`: drops the set.
//! - `moro-local`: `terminate`; the scope drops its children.

#[path = "../receives/mod.rs"]
mod receives;
mod rounds;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use receives::{LENGTH, Sockets, cancel, descriptors};
use rounds::{Contender, compare};
use std::cell::Cell;
use std::future::Future;
use std::io;
use std::os::unix;
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinSet, LocalSet};

const COUNTS: [usize; 3] = [1, 100, 9_900];

/// Receives in a round, at least: one nursery after the other.
const RECEIVES: usize = 1_000;

/// Tokio's sockets, on which nothing ever arrives.
struct Theirs {
    streams: Vec<Rc<UnixStream>>,
    _peers: Vec<unix::net::UnixStream>,
    waiting: Rc<Cell<usize>>,
}

impl Theirs {
    fn new(count: usize) -> Self {
        let pairs = (0..count).map(|_| {
            let (ours, theirs) = unix::net::UnixStream::pair().expect("a socket pair");
            ours.set_nonblocking(true).expect("a socket that does not block");
            (Rc::new(UnixStream::from_std(ours).expect("a stream")), theirs)
        });
        let (streams, _peers) = pairs.unzip();
        Self { streams, _peers, waiting: Rc::default() }
    }

    /// So many receives.
    fn receives(
        &self,
        count: usize,
    ) -> impl Iterator<Item = impl Future<Output = io::Result<()>> + 'static> {
        self.waiting.set(0);
        self.streams.iter().cycle().take(count).map(|stream| {
            let (stream, waiting) = (Rc::clone(stream), Rc::clone(&self.waiting));
            async move {
                let mut buffer = vec![0; LENGTH];
                waiting.set(waiting.get() + 1);
                loop {
                    stream.readable().await?;
                    match stream.try_read(&mut buffer) {
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        read => return read.map(drop),
                    }
                }
            }
        })
    }

    /// The sibling fails: now.
    fn fail(&self, count: usize) -> Instant {
        assert_eq!(self.waiting.get(), count, "every receive has begun");
        Instant::now()
    }
}

/// A receive, or the sibling that fails.
type Receive = Pin<Box<dyn Future<Output = io::Result<()>>>>;

/// What the sibling fails with.
fn error() -> io::Error {
    io::Error::from(io::ErrorKind::AddrInUse)
}

async fn join_set(sockets: &Theirs, count: usize) -> Duration {
    let mut set = JoinSet::new();
    for receive in sockets.receives(count) {
        set.spawn_local(receive);
    }
    set.spawn_local(async { Err(error()) });
    let first = set.join_next().await.expect("a sibling").expect("no panic");
    let start = sockets.fail(count);
    assert!(first.is_err());
    set.abort_all();
    while set.join_next().await.is_some() {}
    start.elapsed()
}

async fn unordered(sockets: &Theirs, count: usize) -> Duration {
    let mut set = FuturesUnordered::new();
    for receive in sockets.receives(count) {
        set.push(Box::pin(receive) as Receive);
    }
    set.push(Box::pin(async { Err(error()) }));
    let first = set.next().await.expect("a sibling");
    let start = sockets.fail(count);
    assert!(first.is_err());
    drop(set);
    start.elapsed()
}

async fn moro(sockets: &Theirs, count: usize) -> Duration {
    let failed = Cell::new(None);
    let result: io::Result<()> = moro_local::async_scope!(|scope| {
        for receive in sockets.receives(count) {
            scope.spawn(receive);
        }
        let sibling = scope.spawn(async { Err(error()) });
        let result = sibling.await;
        failed.set(Some(sockets.fail(count)));
        // From the body: a child that terminates its scope panics.
        scope.terminate::<io::Result<()>>(result).await
    })
    .await;
    let elapsed = failed.get().expect("the sibling has failed").elapsed();
    assert!(result.is_err());
    elapsed
}

fn block_on<F: Future>(runtime: &Runtime, future: F) -> F::Output {
    LocalSet::new().block_on(runtime, future)
}

fn main() {
    let Some(rounds) = rounds::rounds() else { return };
    let most = COUNTS.into_iter().max().expect("there are counts").min(descriptors() / 4);

    let mut ours = nestling::Runtime::builder().build().expect("a runtime");
    let sockets = Sockets::new(most);
    println!("{} socket pairs for each", sockets.len());
    let runtime = Builder::new_current_thread().enable_io().build().expect("a runtime");
    let entered = runtime.enter();
    let theirs = Theirs::new(most);
    drop(entered);
    for count in COUNTS {
        let times = RECEIVES.div_ceil(count);
        let repeat = |work: &dyn Fn() -> Duration| (0..times).map(|_| work()).sum();
        let mut contenders: [Contender<'_>; 4] = [
            ("nestling", Box::new(|| (0..times).map(|_| cancel(&mut ours, &sockets, count)).sum())),
            (
                "Tokio JoinSet",
                Box::new(|| repeat(&|| block_on(&runtime, join_set(&theirs, count)))),
            ),
            (
                "FuturesUnordered",
                Box::new(|| repeat(&|| block_on(&runtime, unordered(&theirs, count)))),
            ),
            ("moro-local", Box::new(|| repeat(&|| block_on(&runtime, moro(&theirs, count))))),
        ];
        compare(&format!("cancel {count}"), (times * count) as u64, rounds, &mut contenders);
    }
}
