//! What tests of several binaries share: a watchdog, wakers that can be watched, sockets, and what
//! the process has open.

pub(crate) mod again;
pub(crate) mod hooks;
pub(crate) mod nurseries;
pub(crate) mod process;
pub(crate) mod random;
pub(crate) mod sandbox;
pub(crate) mod sockets;
pub(crate) mod threads;

use nestling::net::{TcpListener, TcpStream};
use nestling::{Runtime, Stats};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::io::{ErrorKind, Read, Write};
use std::net;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// How long a test may take before it counts as hung. Nothing is ever measured against this.
const HUNG: Duration = Duration::from_secs(120);

/// Runs a test, and ends the process with its name if it hangs.
pub(crate) fn watched<T>(test: impl FnOnce() -> T) -> T {
    let (done, waiting) = channel::<()>();
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    let watchdog = std::thread::spawn(move || {
        if waiting.recv_timeout(HUNG) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            // Not `eprintln`: that would be captured, and lost with the process.
            let _ = writeln!(std::io::stderr(), "{name} hangs: ending the process");
            std::process::abort();
        }
    });
    let result = test();
    drop(done);
    watchdog.join().expect("the watchdog only waits");
    result
}

/// Runs a test while no other one does.
pub(crate) fn alone<T>(test: impl FnOnce() -> T) -> T {
    let _one = one_at_a_time();
    watched(test)
}

/// Waits until no other test of this program counts what the process has.
pub(crate) fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The open descriptors of this process, and what each of them is.
pub(crate) fn descriptors() -> BTreeMap<RawFd, String> {
    let entries = std::fs::read_dir("/proc/self/fd").expect("/proc is mounted");
    let open = entries.filter_map(|entry| {
        let path = entry.expect("a readable folder").path();
        // Other threads may have closed it by now.
        let what = std::fs::read_link(&path).ok()?.to_string_lossy().into_owned();
        Some((path.file_name()?.to_str()?.parse().ok()?, what))
    });
    // One of them reads this folder.
    open.filter(|(_, what)| !what.starts_with("/proc/")).collect()
}

/// The descriptor of the one ring that is open.
pub(crate) fn ring() -> RawFd {
    let open = descriptors();
    let mut rings = open.iter().filter(|(_, what)| what.contains("[io_uring]"));
    let (&ring, _) = rings.next().expect("a runtime is there");
    assert!(rings.next().is_none(), "one runtime at a time");
    ring
}

/// The lines of the kernel's account of a ring that name something it polls, but for the bell.
pub(crate) fn polled(ring: RawFd) -> Vec<String> {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{ring}")).expect("an open ring");
    let list = info.lines().skip_while(|line| !line.starts_with("PollList"));
    let list = list.skip(1).take_while(|line| line.starts_with("  "));
    list.filter(|line| !line.contains("op=6,")).map(str::to_owned).collect()
}

/// Asserts that nothing is in flight in a runtime that rests, and that nothing was lost or leaked.
pub(crate) fn assert_balanced(runtime: &Runtime) -> Stats {
    let stats = runtime.stats();
    assert_eq!(stats.submitted, stats.completed, "{stats:?}");
    assert_eq!((stats.in_flight, stats.stale, stats.leaked), (0, 0, 0), "{stats:?}");
    stats
}

/// A waker that counts how often it was woken.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicUsize);

impl Count {
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls a future once with a waker of its own, which only the count hears.
pub(crate) fn poll_counted<F: Future + ?Sized>(
    future: Pin<&mut F>,
    count: &Arc<Count>,
) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&Waker::from(Arc::clone(count))))
}

/// Polls a future once with the waker of the task that awaits this.
pub(crate) async fn poll_once<F: Future + ?Sized>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

/// Returns after everything that was queued before, operations and cancels, is with the kernel.
///
/// A task that only yields may be polled again in the same turn.
pub(crate) async fn turn() {
    nestling_runtime::lowlevel::nop().await.expect("a no-operation always works");
}

/// As many of them.
pub(crate) async fn turns(count: usize) {
    for _ in 0..count {
        turn().await;
    }
}

/// Starts an operation that has to wait, and lets it enter the kernel.
pub(crate) async fn start<F: Future + ?Sized>(mut future: Pin<&mut F>) {
    assert!(poll_once(future.as_mut()).await.is_pending());
    turn().await;
}

/// Spends the awaits that this turn has left, and goes on in it.
pub(crate) async fn end_turn() {
    while poll_once(std::pin::pin!(nestling::task::consume_budget())).await.is_ready() {}
}

/// Lets the loop turn until the counted waker was woken.
pub(crate) async fn until_woken(count: &Count) {
    while count.get() == 0 {
        nestling::task::yield_now().await;
    }
}

/// A stream of the library and the other end of it, without a port.
pub(crate) fn pair() -> (TcpStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("descriptors are left");
    let ours = net::TcpStream::from(OwnedFd::from(ours));
    (TcpStream::from_std(ours).expect("a socket"), theirs)
}

/// The same over TCP, from a listener on an address; the other end is a blocking socket.
pub(crate) async fn tcp_pair(address: &str) -> (TcpStream, net::TcpStream) {
    let listener = TcpListener::bind(address).await.expect("a free port");
    let theirs = net::TcpStream::connect(listener.local_addr().expect("an address"));
    let (ours, _) = listener.accept().await.expect("it has connected");
    (ours, theirs.expect("the backlog has room"))
}

/// Writes to a socket until it takes no more, so that the other end's sends have to wait.
pub(crate) fn fill(socket: &mut (impl Write + ?Sized)) {
    let chunk = [0; 4096];
    loop {
        match socket.write(&chunk) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) => panic!("the socket cannot be filled: {error}"),
        }
    }
}

/// Whether the other end of a blocking socket is gone: its end, or a reset.
pub(crate) fn sees_the_end(socket: &mut impl Read) -> bool {
    loop {
        match socket.read(&mut [0; 64]) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

/// The kernel's number of the calling thread.
pub(crate) fn thread_id() -> u32 {
    let link = std::fs::read_link("/proc/thread-self").expect("/proc is mounted");
    let id = link.file_name().and_then(|name| name.to_str()?.parse().ok());
    id.expect("a thread's folder is its number")
}

/// Whether a thread of this process sleeps right now.
pub(crate) fn asleep(thread: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat"));
    stat.is_ok_and(|stat| threads::says_asleep(&stat))
}
