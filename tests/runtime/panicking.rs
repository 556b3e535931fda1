//! Panics in the code that the runtime calls: everything is drained, and the payload comes out.

use crate::assert_balanced;
use crate::support::{pair, poll_once, sees_the_end, watched};
use nestling::buf::{IoBuf, IoBufMut};
use nestling::net::TcpStream;
use nestling::task::yield_now;
use nestling::time::sleep;
use nestling::{Runtime, nursery};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// Panics with its text when it is dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

/// A buffer that panics when it is dropped, after counting that.
struct BombBuffer {
    bytes: Vec<u8>,
    drops: Rc<Cell<u32>>,
}

impl Drop for BombBuffer {
    fn drop(&mut self) {
        self.drops.set(self.drops.get() + 1);
        panic!("the buffer");
    }
}

// SAFETY: the bytes are a vector's, which is never resized.
unsafe impl IoBuf for BombBuffer {
    fn io_ptr(&self) -> *const u8 {
        self.bytes.as_ptr()
    }

    fn io_len(&self) -> usize {
        self.bytes.len()
    }
}

// SAFETY: as above; all bytes are initialised.
unsafe impl IoBufMut for BombBuffer {
    fn io_ptr_mut(&mut self) -> *mut u8 {
        self.bytes.as_mut_ptr()
    }

    unsafe fn set_init(&mut self, _: usize) {}
}

/// A waker that panics when it is woken.
struct BombWaker;

impl Wake for BombWaker {
    fn wake(self: Arc<Self>) {
        panic!("the waker");
    }
}

/// Polls a future with a waker that panics when it is woken.
fn poll_bombed<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&Waker::from(Arc::new(BombWaker))))
}

/// Five receives in flight on a stream, and the stream: what has to be drained.
fn in_flight(stream: TcpStream) -> Vec<Pin<Box<dyn Future<Output = ()>>>> {
    let stream = Rc::new(stream);
    let read = |_| {
        let stream = Rc::clone(&stream);
        let read = async move { drop(stream.read(vec![0; 64]).await) };
        Box::pin(read) as Pin<Box<dyn Future<Output = ()>>>
    };
    (0..5).map(read).collect()
}

/// A root future that resolves when its receives are in flight, and panics when it is dropped.
struct Root<T> {
    reads: Vec<Pin<Box<dyn Future<Output = ()>>>>,
    output: Option<T>,
    started: bool,
    _bomb: Bomb,
}

impl<T> Root<T> {
    fn new(stream: TcpStream, output: T) -> Self {
        let (reads, output) = (in_flight(stream), Some(output));
        Self { reads, output, started: false, _bomb: Bomb("the future") }
    }
}

impl<T: Unpin> Future for Root<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        if self.started {
            return Poll::Ready(self.output.take().expect("polled once more"));
        }
        self.started = true;
        assert!(self.reads.iter_mut().all(|read| read.as_mut().poll(cx).is_pending()));
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Runs a root future that is to panic. Its panic comes out after its operations are drained, and
/// the runtime goes on to be useful.
fn assert_drained(expected: &str, root: impl AsyncFnOnce()) {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        let (stream, mut peer) = pair();
        let panic = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                let mut reads = in_flight(stream);
                for read in &mut reads {
                    assert!(poll_once(read.as_mut()).await.is_pending());
                }
                yield_now().await;
                root().await;
            });
        }));
        assert_eq!(text(&*panic.unwrap_err()), expected);
        assert_balanced(&runtime);
        assert!(sees_the_end(&mut peer), "its socket was closed");
        assert_eq!(runtime.block_on(async { 6 * 7 }), 42);
        assert_balanced(&runtime);
    });
}

fn text(payload: &(dyn std::any::Any + Send)) -> String {
    let formatted = payload.downcast_ref::<String>().cloned();
    formatted.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string)).unwrap()
}

#[test]
fn g3_panic_in_poll_drains() {
    assert_drained("the poll", async || panic!("the poll"));
}

#[test]
fn g3_panic_in_drop_of_the_root_drains() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        let (stream, mut peer) = pair();
        let root = Root::new(stream, ());
        let panic = catch_unwind(AssertUnwindSafe(|| runtime.block_on(root)));
        assert_eq!(text(&*panic.unwrap_err()), "the future");
        assert_balanced(&runtime);
        assert!(sees_the_end(&mut peer));
    });
}

/// The future's destructor panics, and then so does the output's, for which no owner is left.
#[test]
fn g3_panic_in_drop_of_the_output_drains() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        let (stream, mut peer) = pair();
        let root = Root::new(stream, Bomb("the output"));
        let panic = catch_unwind(AssertUnwindSafe(|| runtime.block_on(root)));
        assert_eq!(text(&*panic.err().unwrap()), "the future");
        assert_balanced(&runtime);
        assert!(sees_the_end(&mut peer));
    });
}

/// A dropped receive's buffer panics when the driver lets it go: once, and in no task's way.
#[test]
fn g3_panic_in_drop_of_a_buffer_drains() {
    let drops = Rc::new(Cell::new(0));
    assert_drained("the buffer", async || {
        let (stream, _peer) = pair();
        let buffer = BombBuffer { bytes: vec![0; 64], drops: Rc::clone(&drops) };
        let mut read = Box::pin(stream.read(buffer));
        assert!(poll_once(read.as_mut()).await.is_pending());
        yield_now().await;
        drop(read);
        sleep(Duration::MAX).await;
    });
    assert_eq!(drops.get(), 1, "it is freed once");
}

/// The same at the end of the runtime: the drain goes on after each panic.
#[test]
fn g3_panic_in_drop_of_buffers_at_the_end_drains() {
    let drops = Rc::new(Cell::new(0));
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        let panic = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                let (stream, _peer) = pair();
                let mut reads: Vec<_> = (0..10)
                    .map(|_| BombBuffer { bytes: vec![0; 64], drops: Rc::clone(&drops) })
                    .map(|buffer| Box::pin(stream.read(buffer)))
                    .collect();
                for read in &mut reads {
                    assert!(poll_once(read.as_mut()).await.is_pending());
                }
                yield_now().await;
            });
        }));
        assert_eq!(text(&*panic.unwrap_err()), "the buffer");
        assert_eq!(drops.get(), 10);
        assert_balanced(&runtime);
    });
}

/// A foreign waker panics when its operation is answered.
#[test]
fn g3_panic_in_a_foreign_waker_drains() {
    assert_drained("the waker", async || {
        let (stream, peer) = pair();
        let mut read = Box::pin(stream.read(vec![0; 64]));
        assert!(poll_bombed(read.as_mut()).is_pending());
        drop(peer);
        sleep(Duration::MAX).await;
    });
}

/// The same for a timer.
#[test]
fn g3_panic_in_the_waker_of_a_timer_drains() {
    assert_drained("the waker", async || {
        let mut short = Box::pin(sleep(Duration::from_millis(1)));
        assert!(poll_bombed(short.as_mut()).is_pending());
        sleep(Duration::MAX).await;
    });
}

/// A panicking waker among those that a cancellation wakes: the others hear of it all the same.
#[test]
fn g3_panicking_waker_does_not_keep_a_cancellation_from_others() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        let ended = Cell::new(0);
        let (streams, _peers): (Vec<_>, Vec<UnixStream>) = (0..9).map(|_| pair()).unzip();
        let panic = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(nursery(async |n| {
                for (number, stream) in streams.iter().enumerate() {
                    let ended = &ended;
                    n.spawn(async move {
                        let mut read = Box::pin(stream.read(vec![0; 8]));
                        let mut bombed = number == 4;
                        let (result, _) = poll_fn(|cx| {
                            if std::mem::take(&mut bombed) {
                                return poll_bombed(read.as_mut());
                            }
                            read.as_mut().poll(cx)
                        })
                        .await;
                        assert!(nestling::is_cancelled(&result.unwrap_err()));
                        ended.set(ended.get() + 1);
                    });
                }
                n.spawn(async { Err::<(), _>(io::Error::other("the failure")) });
                Ok::<(), io::Error>(())
            }))
        }));
        let text = text(&*panic.map(drop).unwrap_err());
        assert_eq!(text, "the waker");
        assert_eq!(ended.get(), 9, "all were told");
        assert_balanced(&runtime);
    });
}
