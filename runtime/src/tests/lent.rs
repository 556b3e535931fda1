//! Memory that is lent to the kernel: it is there, and used for nothing else, until the kernel
//! is done.
//!
//! For Miri, which sees when it is not; on the kernel that is modelled, which is chosen here when a
//! core starts. What is sent on a descriptor is received on the same; see `ring/modelled`.

use crate::Runtime;
use crate::buf::{IoBuf, IoBufMut};
use crate::config::Kernel;
use crate::driver;
use crate::fd::SharedFd;
use crate::net::{TcpListener, TcpStream};
use crate::op::{self, Accept, Close, Connect, Op, Recv, SendOp, SendZc, Shutdown};
use crate::pool::Pool;
use crate::ring::Wait;
use crate::yield_now::yield_now;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

/// Runs a program on a core of the modelled kernel.
fn block_on<F: Future>(program: F) -> F::Output {
    let mut builder = Runtime::builder();
    builder.config.kernel = Kernel::Modelled;
    builder.build().expect("it needs nothing").block_on(program)
}

/// A descriptor, of whatever kind.
fn shared() -> SharedFd {
    SharedFd::new(OwnedFd::from(io::pipe().expect("descriptors are left").0))
}

/// Until what was submitted is with the kernel.
async fn turn() {
    op::nop().await.expect("nothing is cancelled");
}

async fn poll_once<F: Future + ?Sized>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

async fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
    poll_once(Pin::new(future)).await.is_pending()
}

async fn send(fd: &SharedFd, bytes: &'static str) {
    let (result, _) = SendOp::new(fd.clone(), bytes, 0).await;
    assert_eq!(result.expect("there is room"), bytes.len());
}

fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 1))
}

thread_local! {
    /// The results that the driver had discarded when such bytes were dropped last.
    static DISCARDED: Cell<u64> = const { Cell::new(0) };
}

/// Bytes, and a count of how often such have been dropped.
struct Counted {
    bytes: Vec<u8>,
    dropped: Rc<Cell<u32>>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.dropped.set(self.dropped.get() + 1);
        driver::current().into_iter().for_each(|it| DISCARDED.set(it.borrow().stats().discarded));
    }
}

// SAFETY: all of it is the vector's.
unsafe impl IoBuf for Counted {
    fn io_ptr(&self) -> *const u8 {
        self.bytes.io_ptr()
    }

    fn io_len(&self) -> usize {
        self.bytes.io_len()
    }

    fn io_capacity(&self) -> usize {
        self.bytes.io_capacity()
    }
}

// SAFETY: all of it is the vector's.
unsafe impl IoBufMut for Counted {
    fn io_ptr_mut(&mut self) -> *mut u8 {
        self.bytes.io_ptr_mut()
    }

    unsafe fn set_init(&mut self, length: usize) {
        // SAFETY: the caller's promise.
        unsafe { self.bytes.set_init(length) }
    }
}

fn counted(dropped: &Rc<Cell<u32>>) -> Counted {
    Counted { bytes: Vec::with_capacity(8), dropped: Rc::clone(dropped) }
}

#[test]
fn what_is_sent_is_received_in_buffers_of_every_kind() {
    block_on(async {
        let fd = shared();
        send(&fd, "vector").await;
        let (result, buffer) =
            Recv::new(fd.clone(), Vec::with_capacity(32), 0, Wait::IfEmpty).await;
        assert_eq!((result.expect("it came").length, &*buffer), (6, &b"vector"[..]));
        send(&fd, "box").await;
        let boxed = vec![0; 4].into_boxed_slice();
        let (result, buffer) = Recv::new(fd.clone(), boxed, 0, Wait::IfEmpty).await;
        assert_eq!((result.expect("it came").length, &*buffer), (3, &b"box\0"[..]));
        send(&fd, "slice").await;
        let (result, buffer) =
            Recv::new(fd.clone(), vec![7; 4].slice(1..3), 0, Wait::IfEmpty).await;
        assert_eq!(result.map(|got| (got.length, got.more)).expect("it came"), (2, true));
        assert_eq!(buffer.into_inner(), [7, b's', b'l', 7]);
        let mut buffer = Vec::with_capacity(8);
        buffer.push(b'!');
        let (_, buffer) = Recv::new(fd.clone(), buffer, 1, Wait::First).await;
        assert_eq!(buffer, b"!ice");
    });
}

/// Starts a receive, moves it while the kernel has it, and lets it be answered.
async fn moved<B: IoBufMut>(buffer: B) -> B {
    let fd = shared();
    let mut receive = Recv::new(fd.clone(), buffer, 0, Wait::IfEmpty);
    assert!(is_pending(&mut receive).await);
    turn().await;
    let mut elsewhere = Box::new(receive);
    assert!(is_pending(&mut elsewhere).await);
    send(&fd, "moved").await;
    let receive: Op<_> = *elsewhere;
    let (result, buffer) = receive.await;
    assert_eq!(result.expect("it came").length, 5);
    buffer
}

#[test]
fn an_operation_may_be_moved_while_it_is_in_flight() {
    block_on(async {
        assert_eq!(moved(Vec::with_capacity(8)).await, b"moved");
        assert_eq!(&*moved(vec![0; 5].into_boxed_slice()).await, b"moved");
        assert_eq!(moved(vec![0; 7].slice(2..)).await.into_inner(), b"\0\0moved");
    });
}

#[test]
fn a_buffer_goes_when_the_kernel_is_done_with_a_receive_that_was_dropped() {
    let dropped = Rc::new(Cell::new(0));
    block_on(async {
        let fd = shared();
        let mut receive = Recv::new(fd.clone(), counted(&dropped), 0, Wait::IfEmpty);
        assert!(is_pending(&mut receive).await);
        turn().await;
        drop(receive);
        assert_eq!(dropped.get(), 0, "the kernel has it");
        turn().await;
        assert_eq!(dropped.get(), 1);
        // A receive whose bytes come before the kernel is asked to cancel it.
        let mut receive = Recv::new(fd.clone(), counted(&dropped), 0, Wait::IfEmpty);
        assert!(is_pending(&mut receive).await);
        turn().await;
        let mut bytes = SendOp::new(fd.clone(), "late", 0);
        assert!(is_pending(&mut bytes).await);
        drop(receive);
        assert_eq!(dropped.get(), 1, "the kernel has it");
        turn().await;
        assert_eq!(dropped.get(), 2);
        // And a receive of which the kernel never hears.
        let mut receive = Recv::new(fd.clone(), counted(&dropped), 0, Wait::IfEmpty);
        assert!(is_pending(&mut receive).await);
        drop(receive);
        assert_eq!(dropped.get(), 3);
    });
}

#[test]
fn what_is_in_flight_at_the_end_is_drained() {
    let dropped = Rc::new(Cell::new(0));
    block_on(async {
        let fd = shared();
        let mut receives: Vec<_> =
            (0..5).map(|_| Recv::new(fd.clone(), counted(&dropped), 0, Wait::IfEmpty)).collect();
        for receive in &mut receives {
            assert!(is_pending(receive).await);
        }
        turn().await;
    });
    assert_eq!(dropped.get(), 5);
}

#[test]
fn a_send_that_waits_for_room_keeps_its_bytes() {
    block_on(async {
        let fd = shared();
        send(&fd, "sixteen bytes is").await;
        let mut sends: Vec<_> = (0..2)
            .map(|at| SendOp::new(fd.clone(), format!("more {at}").into_bytes(), 0))
            .collect();
        for send in &mut sends {
            assert!(is_pending(send).await);
        }
        turn().await;
        let kept = sends.pop().expect("there are two");
        drop(sends);
        turn().await;
        let (result, buffer) =
            Recv::new(fd.clone(), Vec::with_capacity(16), 0, Wait::IfEmpty).await;
        assert_eq!((result.is_ok(), &*buffer), (true, &b"sixteen bytes is"[..]));
        assert_eq!(kept.await.0.expect("there is room"), 6);
        let (_, buffer) = Recv::new(fd.clone(), Vec::with_capacity(16), 0, Wait::IfEmpty).await;
        assert_eq!(buffer, b"more 1");
        Shutdown::new(fd.clone(), std::net::Shutdown::Both).await.expect("it is open");
        let (result, _) = Recv::new(fd.clone(), Vec::with_capacity(16), 0, Wait::IfEmpty).await;
        assert_eq!(result.expect("it was shut").length, 0);
        Close::new(fd.into_sole().await).await.expect("it is open");
    });
}

#[test]
fn a_stream_keeps_what_a_dropped_read_has_received() {
    block_on(async {
        let fd = shared();
        let stream = TcpStream::from_fd(fd.clone());
        let mut read = Box::pin(stream.read(Vec::with_capacity(8)));
        assert!(poll_once(read.as_mut()).await.is_pending());
        turn().await;
        send(&fd, "kept").await;
        drop(read);
        let (result, buffer) = stream.read(Vec::with_capacity(2)).await;
        assert_eq!((result.expect("it was kept"), &*buffer), (2, &b"ke"[..]));
        let (result, buffer) = stream.read(Vec::with_capacity(8)).await;
        assert_eq!((result.expect("it was kept"), &*buffer), (2, &b"pt"[..]));
        // More than the line holds, so both sides wait for each other.
        let mut written = pin!(stream.write_all(vec![1; 50]));
        let mut read = pin!(stream.read_exact(vec![0; 50]));
        let mut done = (false, false);
        poll_fn(|cx| {
            done.0 = done.0 || written.as_mut().poll(cx).is_ready();
            done.1 = done.1 || read.as_mut().poll(cx).is_ready();
            if done == (true, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    });
}

/// Buffers of a pool: what the kernel writes, what a lease reads and changes, on this thread and on
/// another, behind the runtime's end, and in line for the only buffer.
#[test]
fn a_pool_shares_out_its_memory() {
    let kept = block_on(async {
        let pool = Pool::new(2, 4).expect("there is memory");
        let fd = shared();
        let stream = TcpStream::from_fd(fd.clone());
        send(&fd, "abcdefgh").await;
        let mut first = stream.recv_in(&pool).await.expect("it came");
        let second = stream.recv_in(&pool).await.expect("it came");
        first[0] = b'A';
        assert_eq!((&first[..], &second[..]), (&b"Abcd"[..], &b"efgh"[..]));
        send(&fd, "ijkl").await;
        let mut third = Box::pin(stream.recv_in(&pool));
        // No buffer is left: it stands in line, where an interpreter may take too long for it.
        assert!(poll_once(third.as_mut()).await.is_pending());
        turn().await;
        assert!(poll_once(third.as_mut()).await.is_pending());
        std::thread::spawn(move || drop(second)).join().expect("it does not panic");
        let third = third.await.expect("it came");
        assert_eq!(&third[..], b"ijkl");
        // A receive that was dropped, into the memory that came back.
        drop(first);
        let mut dropped = Box::pin(stream.recv_in(&pool));
        assert!(poll_once(dropped.as_mut()).await.is_pending());
        turn().await;
        send(&fd, "mn").await;
        drop(dropped);
        assert_eq!(&stream.recv_in(&pool).await.expect("it was kept")[..], b"mn");
        assert!(pool.leased() <= 1);
        third
    });
    let reader = std::thread::spawn(move || kept.to_vec());
    assert_eq!(reader.join().expect("it does not panic"), b"ijkl");
}

/// What is kept for the next read never counts as discarded, not even for as long as it is given
/// to that: counters do not fall.
#[test]
fn stats_of_what_is_kept_only_grow() {
    block_on(async {
        let fd = shared();
        let stream = TcpStream::from_fd(fd.clone());
        let dropped = Rc::new(Cell::new(0));
        let mut read = Box::pin(stream.read(counted(&dropped)));
        assert!(poll_once(read.as_mut()).await.is_pending());
        turn().await;
        send(&fd, "kept").await;
        drop(read);
        assert_eq!(dropped.get(), 1);
        let stats = driver::expect_current("a test").borrow().stats();
        assert_eq!((DISCARDED.get(), stats.discarded, stats.resumed), (0, 0, 1));
    });
}

#[test]
fn an_accept_may_be_moved_and_dropped_and_leaves_its_connection() {
    block_on(async {
        let fd = shared();
        let mut accept = Accept::new(fd.clone());
        assert!(is_pending(&mut accept).await);
        turn().await;
        let accept = Box::new(accept);
        let connect = Connect::new(fd.clone(), address().into());
        connect.await.expect("somebody listens");
        let (_, peer) = accept.await.expect("somebody has connected");
        assert!(peer.is_ipv4());

        let fd = shared();
        let listener = TcpListener::from_fd(fd.clone());
        let mut accept = Box::pin(listener.accept());
        assert!(poll_once(accept.as_mut()).await.is_pending());
        turn().await;
        drop(accept);
        turn().await;
        let mut accept = Box::pin(listener.accept());
        assert!(poll_once(accept.as_mut()).await.is_pending());
        turn().await;
        let connect = Connect::new(fd.clone(), address().into());
        connect.await.expect("somebody listens");
        drop(accept);
        yield_now().await;
        drop(listener.accept().await.expect("it was parked"));
    });
}

/// D10: a notification that comes before the result that tells of it. The buffer comes back to its
/// future; or goes, once that is gone, in flight or with the result.
#[test]
fn d10_a_notification_before_its_result() {
    block_on(async {
        let bytes: Rc<[u8]> = Rc::from(*b"early");
        let send = |fd: &SharedFd| SendZc::new(fd.clone(), Rc::clone(&bytes));
        let (result, mut lending) = send(&shared()).await;
        assert_eq!(result.expect("there is room"), bytes.len());
        let (back, _) = poll_fn(|cx| lending.poll_back(cx)).await.expect("it has come");
        assert!(Rc::ptr_eq(&back, &bytes));
        drop(back);

        let (_, lending) = send(&shared()).await;
        drop(lending);
        assert_eq!(Rc::strong_count(&bytes), 1);

        for waits in [false, true] {
            let fd = shared();
            if waits {
                send_all(&fd).await;
            }
            let mut sending = send(&fd);
            assert!(is_pending(&mut sending).await);
            turn().await;
            drop(sending);
            turn().await;
            assert_eq!(Rc::strong_count(&bytes), 1);
        }
        assert!(!driver::expect_current("a test").borrow().awaits_notices());
    });
}

/// Fills a descriptor: the next send waits.
async fn send_all(fd: &SharedFd) {
    let mut full = SendOp::new(fd.clone(), vec![0; 64], 0);
    assert!(poll_once(Pin::new(&mut full)).await.is_pending());
    full.await.0.expect("there is some room");
}
