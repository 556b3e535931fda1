//! One core is one value: two cores take turns on one thread, each in the middle of its program.

use crate::event_loop::EventLoop;
use crate::net::{TcpListener, TcpStream};
use crate::runtime::Runtime;
use crate::sync::remote::oneshot;
use crate::time::sleep;
use crate::{context, trim};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

const ROUNDS: u8 = 100;

fn core() -> Runtime {
    Runtime::builder().build().expect("a core")
}

/// Answers each byte with the next one.
async fn server(address: oneshot::Sender<SocketAddr>, done: oneshot::Receiver<u8>) -> u8 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    address.send(listener.local_addr().expect("it is bound")).expect("the client waits");
    let (stream, _) = listener.accept().await.expect("the client comes");
    let mut buffer = Vec::with_capacity(1);
    loop {
        let (read, mut full) = stream.read(buffer).await;
        if read.expect("the client sends, and closes in the end") == 0 {
            break;
        }
        full[0] += 1;
        let (written, back) = stream.write_all(full).await;
        written.expect("the client reads");
        buffer = back;
        buffer.clear();
    }
    done.await.expect("the client says so")
}

async fn client(address: oneshot::Receiver<SocketAddr>, done: oneshot::Sender<u8>) {
    let address = address.await.expect("the server listens");
    let stream = TcpStream::connect(address).await.expect("the server listens");
    let mut byte = 0;
    for _ in 0..ROUNDS {
        stream.write_all(vec![byte]).await.0.expect("the server reads");
        let (read, full) = stream.read(Vec::with_capacity(1)).await;
        assert_eq!((read.expect("the server answers"), full[0]), (1, byte + 1));
        sleep(Duration::from_micros(1)).await;
        byte += 1;
    }
    drop(stream);
    done.send(byte).expect("the server waits");
}

/// One turn of a core, which does not sleep: the thread has another one to turn. What the program
/// leaves behind in the end is finished, such as the close of its socket.
fn turn<F: Future>(
    (core, event_loop): (&Runtime, &EventLoop<'_>),
    program: Pin<&mut F>,
) -> Poll<F::Output> {
    let _entered = core.enter().expect("the thread runs no other core");
    let polled = event_loop.once(program, false);
    if polled.is_ready() {
        event_loop.drain();
        event_loop.close();
    }
    polled
}

#[test]
fn two_cores_take_turns_in_the_middle_of_their_programs() {
    let (one, other) = (core(), core());
    let ((address, at), (done, last)) = (oneshot(), oneshot());
    let mut served = pin!(server(address, last));
    let mut called = pin!(client(at, done));
    let [serving, calling] = [&one, &other].map(|core| {
        let _entered = core.enter().expect("the thread runs no other core");
        core.begin()
    });
    let (mut first, mut second) = (Poll::Pending, Poll::Pending);
    while first.is_pending() || second.is_pending() {
        if first.is_pending() {
            first = turn((&one, &serving), served.as_mut());
        }
        if second.is_pending() {
            second = turn((&other, &calling), called.as_mut());
        }
        assert!(!context::is_core(), "between two turns the thread runs no core");
    }
    assert_eq!(first, Poll::Ready(ROUNDS));
    trim::ended();
    for stats in [one.stats(), other.stats()] {
        assert_eq!((stats.in_flight, stats.leaked), (0, 0));
        // Each has counted its own: a send and a receive a round, and some at both ends.
        let rounds = 2 * u64::from(ROUNDS);
        assert!((rounds..rounds + 10).contains(&stats.completed), "{stats:?}");
    }
}
