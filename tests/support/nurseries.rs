//! What tests of nurseries share: an anti-hang harness, an error type, a log, sockets that never
//! answer.

use super::{assert_balanced, descriptors, turns};
use nestling::net::{TcpListener, TcpStream};
use nestling::{Cancelled, Options, Runtime, Stats, is_cancelled};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

pub(crate) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Options of a nursery with so many slots.
pub(crate) fn slots(count: usize) -> Options {
    Options { slots: Some(count), ..Options::default() }
}

/// Far more than any test needs: it only tells a hang from a slow machine.
const HANG: Duration = Duration::from_secs(30);

/// Runs a test on a thread of its own, with fresh thread-locals, and fails if it hangs.
#[track_caller]
pub(crate) fn within<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, ended) = channel();
    let thread = thread::spawn(move || {
        let value = test();
        let _ = done.send(());
        value
    });
    if ended.recv_timeout(HANG) == Err(RecvTimeoutError::Timeout) {
        panic!("the test hangs");
    }
    thread.join().unwrap_or_else(|payload| resume_unwind(payload))
}

/// Runs an async test to its end and checks that the kernel has nothing of it any more.
#[track_caller]
pub(crate) fn run<T: Send + 'static>(test: impl AsyncFnOnce() -> T + Send + 'static) -> T {
    counted(test).0
}

/// As [`run`], with the driver's counters at the end.
#[track_caller]
pub(crate) fn counted<T: Send + 'static>(
    test: impl AsyncFnOnce() -> T + Send + 'static,
) -> (T, Stats) {
    within(move || {
        let mut runtime = Runtime::builder().build().expect("a ring");
        let value = runtime.block_on(test());
        (value, assert_balanced(&runtime))
    })
}

/// A panic with a number, without the report that would fill the test's output.
pub(crate) fn throw(number: u32) -> ! {
    resume_unwind(Box::new(number))
}

/// The number that [`throw`] threw.
#[track_caller]
pub(crate) fn thrown(payload: &(dyn Any + Send)) -> u32 {
    *payload.downcast_ref().expect("the payload of `throw`")
}

/// How the nurseries of the tests fail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum E {
    /// On purpose, with a number.
    Boom(u32),
    /// An operation failed by itself.
    Io(io::ErrorKind),
    /// Something was cancelled.
    Cancelled,
}

impl From<Cancelled> for E {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl From<io::Error> for E {
    fn from(error: io::Error) -> Self {
        if is_cancelled(&error) { Self::Cancelled } else { Self::Io(error.kind()) }
    }
}

/// How often something happened.
#[derive(Debug, Default)]
pub(crate) struct Count(Cell<u64>);

impl Count {
    pub(crate) fn get(&self) -> u64 {
        self.0.get()
    }

    pub(crate) fn one(&self) {
        self.add_if(true);
    }

    pub(crate) fn add_if(&self, happened: bool) {
        self.0.set(self.0.get() + u64::from(happened));
    }
}

/// Counts the polls of a future.
pub(crate) async fn count_polls<F: Future>(count: &Count, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        count.one();
        future.as_mut().poll(cx)
    })
    .await
}

/// What happened, in order.
#[derive(Debug, Default)]
pub(crate) struct Log(RefCell<Vec<&'static str>>);

impl Log {
    pub(crate) fn say(&self, word: &'static str) {
        self.0.borrow_mut().push(word);
    }

    /// Takes what was said so far.
    pub(crate) fn take(&self) -> Vec<&'static str> {
        self.0.take()
    }

    /// Says a word when it is dropped.
    pub(crate) fn at_drop(&self, word: &'static str) -> AtDrop<'_> {
        AtDrop(self, word)
    }
}

#[derive(Debug)]
pub(crate) struct AtDrop<'a>(&'a Log, &'static str);

impl Drop for AtDrop<'_> {
    fn drop(&mut self) {
        self.0.say(self.1);
    }
}

/// Runs a closure when it is dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A listener to which no client connects unless a test does: its accepts never answer.
pub(crate) async fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port")
}

/// An operation that does not answer by itself, unless a test connects.
pub(crate) async fn never(listener: &TcpListener) -> Result<(), E> {
    accept(listener).await.map(drop)
}

/// A place outside of any child where an accept may be left.
pub(crate) type Parked = RefCell<Option<Pin<Box<dyn Future<Output = Result<(), E>>>>>>;

/// A connection.
pub(crate) async fn accept(listener: &TcpListener) -> Result<TcpStream, E> {
    Ok(listener.accept().await?.0)
}

/// Two ends of a connection.
pub(crate) async fn pair() -> (TcpStream, TcpStream) {
    try_pair().await.expect("not cancelled")
}

/// As [`pair`], in what may be cancelled meanwhile.
pub(crate) async fn try_pair() -> Result<(TcpStream, TcpStream), E> {
    let listener = listener().await;
    let here = std_connect(listener.local_addr().expect("an address"));
    let there = accept(&listener).await?;
    Ok((TcpStream::from_std(here).expect("a stream"), there))
}

/// Connects on the spot, without the ring: the other side's backlog has room.
pub(crate) fn std_connect(address: SocketAddr) -> std::net::TcpStream {
    std::net::TcpStream::connect(address).expect("the backlog has room")
}

/// Names the socket behind a descriptor, also after its number has gone to another one.
pub(crate) fn inode(socket: &impl AsRawFd) -> String {
    let link = format!("/proc/self/fd/{}", socket.as_raw_fd());
    let name = std::fs::read_link(link).expect("an open descriptor");
    name.to_str().expect("text").to_owned()
}

/// Whether this process has a descriptor of the socket.
pub(crate) fn is_open(inode: &str) -> bool {
    descriptors().values().any(|name| name == inode)
}

/// Turns of the loop in which everything that is ready runs, and the kernel answers what it can at
/// once. Counted by round trips through the kernel, because a yield may be all within one turn.
pub(crate) async fn settle() {
    turns(8).await;
}
