//! Sockets: connections that are accepted, used, dropped and closed. None is lost, none is left.
//!
//! A process of its own, whose tests run one at a time: many compare the open descriptors before
//! and after.
//!
//! | file | what it holds |
//! |---|---|
//! | `accepts.rs`, `accepted.rs` | connections that came for accepts which were dropped |
//! | `incoming*.rs` | connections that come one after the other, for one request |
//! | `leases*.rs` | what is received into the buffers of a pool |
//! | `receives.rs`, `errors.rs`, `cancelled.rs` | what came for reads that were dropped |
//! | `halves.rs`, `vectored.rs` | directions with owners of their own; several buffers, and looks |
//! | `udp.rs`, `udp_control.rs` | datagrams; what goes along with them |
//! | `datagram_stream.rs` | datagrams one after the other, for one request |
//! | `unix.rs`, `seqpacket.rs` | connections of this machine, as streams and as messages |
//! | `unix_datagram.rs` | datagrams of this machine |
//! | `passing.rs` | descriptors that are passed along |
//! | `counter.rs` | random reads and writes against a count of the bytes |
//! | `moved.rs`, `dealt.rs` | streams that move, and to other cores |
//! | `dropped.rs` | every operation, dropped at every stage |
//! | `connecting.rs` | options of connects, and several addresses at once |
//! | `closing.rs`, `lingering.rs` | closes, and numbers that are used again |
//! | `nurseries.rs` | sockets of children |
//! | `options.rs` | options of sockets |
//! | `polled.rs`, `polled_short.rs` | streams for code that polls; their short reads |
//! | `polled_again.rs` | their second tries, on a busy core |
//! | `raced.rs` | operations that end while they are cancelled |
//! | `sends.rs` | sends that wait for room, shutdowns, closes |
//! | `serve.rs`, `balanced.rs` | a server of one call, on one core and on several |
//! | `lost.rs` | what the counters say of results that no code hears of |
//! | `zero_copy.rs` | sends without a copy: the result, and then the buffer |
//! | `forgotten.rs` | futures that are forgotten in flight |
//!
//! # Operation by operation
//!
//! What the kernel is asked for, and which test holds each of its ends; `-` is one that it has not:
//! a datagram goes as a whole, and never waits for room on the way to this machine; what takes
//! nothing has nothing that another call could resume. (`tables.rs` sees that each cell names one
//! test.)
//!
//! | operation | success | short | error |
//! |---|---|---|---|
//! | accept | `accepts::e2_` | - | `incoming_scarce::i6_descriptors_run` |
//! | accept, many | `incoming::r17_the_kernel` | - | `incoming::b_a_listener` |
//! | connect | `connecting::a_connection` | - | `connecting::the_error` |
//! | recv | `counter::e1_no_byte_is` | `counter::e1_no_byte_is` | `errors::r17_a_reset_is` |
//! | recv, leased | `leases::lease_has` | `leases::long_message` | `leases::f_reset` |
//! | recv, many | `leases::a_stream_goes` | `leases::long_message` | `leases::f_reset` |
//! | recvmsg | `udp::datagrams` | `udp::i10_` | `udp::a_refusal` |
//! | recvmsg, parts | `vectored::a_readv` | `vectored::b1_of_too` | `vectored::a_reset` |
//! | recvmsg, along | `passing::descriptors` | `passing::what_there` | `passing::a_reset` |
//! | recvmsg, many | `datagram_stream::data` | `datagram_stream::i10` | `datagram_stream::a_ref` |
//! | recvmsg, peek | `vectored::a_peek` | `udp::i10_` | `vectored::a_reset` |
//! | send | `counter::e1_no_byte_is` | `sends::a_send` | `unix::a_peer` |
//! | sendto | `udp::datagrams` | - | `udp::errors_of` |
//! | sendmsg | `udp_control::a_source` | `vectored::a_writev` | `udp_control::errors_of` |
//! | sendmsg, along | `passing::what_is` | `passing::b1_a_send_that_w` | `passing::errors_of` |
//! | send, zero-copy | `zero_copy::d10_the` | `zero_copy::a_short` | `zero_copy::d12_` |
//! | poll | `polled::readiness` | - | `polled::a_broken` |
//! | poll for the end | `leases::d1_` | - | `leases::f_reset` |
//! | shutdown | `halves::i3_a_dropped_write` | - | `sends::a_shutdown_of` |
//! | close | `closing::b8_close` | - | `lingering::i4_` |
//!
//! | operation | cancelled in flight | dropped |
//! |---|---|---|
//! | accept | `unix::b1_a_cancelled_a` | `dropped::e10_accept` |
//! | accept, many | `incoming_cancelled::r03_a_cancel_bet` | `incoming::r15_` |
//! | connect | `connecting::r09_` | `dropped::e10_connect` |
//! | recv | `cancelled::r17_a_cancelled_read_t` | `dropped::e10_read` |
//! | recv, leased | `leases::r06_` | `dropped::e10_recv_d` |
//! | recv, many | `leases::r03_each` | `dropped::e10_recv_str` |
//! | recvmsg | `udp::b1_a_canc` | `dropped::e10_recv_msg` |
//! | recvmsg, parts | `vectored::b1_a_` | `vectored::r17_a_dr` |
//! | recvmsg, along | `passing::b1_a_can` | `passing::r17_a_dr` |
//! | recvmsg, many | `datagram_stream::r17_a_can` | `datagram_stream::e10_` |
//! | recvmsg, peek | `vectored::b1_a_` | `vectored::a_dropped` |
//! | send | `sends::b1_a_can` | `dropped::e10_write` |
//! | sendto | - | `dropped::e10_send_to` |
//! | sendmsg | `sends::b1_a_can` | `dropped::e10_send_msg` |
//! | sendmsg, along | `passing::b1_a_send_that_w` | `dropped::e10_send_msg` |
//! | send, zero-copy | `sends::b1_a_can` | `zero_copy::d10_a_send_that_is_dropped_b` |
//! | poll | `polled::r06_a_c` | `polled::b1_a_d` |
//! | poll for the end | `leases::r03_each` | `dropped::e10_recv_str` |
//! | shutdown | `sends::a_shutdown_and` | `dropped::e10_shutdown` |
//! | close | `sends::a_shutdown_and` | `dropped::e10_close` |
//!
//! | operation | raced | resumed |
//! |---|---|---|
//! | accept | `accepts::r17_two` | `accepts::r17_an_ans` |
//! | accept, many | `incoming_beside::r17_an_acc` | `incoming::r17_connections_that_were` |
//! | connect | `connecting::b1_` | - |
//! | recv | `errors::r17_a_reset_that` | `receives::r17_an_ans` |
//! | recv, leased | `leases::r17_two_rec` | `leases::r17_an_` |
//! | recv, many | `raced::r17_a_stream_of_l` | `leases::r17_a_stream_that` |
//! | recvmsg | `udp::r17_a_rec` | `udp::r17_an_` |
//! | recvmsg, parts | `vectored::r17_an_` | `vectored::r17_a_readv` |
//! | recvmsg, along | `passing::b1_a_mes` | `passing::r17_a_dr` |
//! | recvmsg, many | `raced::r17_a_stream_of_d` | `datagram_stream::r17_an` |
//! | recvmsg, peek | `udp::a_peek` | `vectored::r17_a_peek` |
//! | send | `sends::b1_a_send` | - |
//! | sendto | `udp::b1_a_send` | - |
//! | sendmsg | `sends::b1_a_send` | - |
//! | sendmsg, along | `passing::b1_a_send_that_r` | - |
//! | send, zero-copy | `sends::b1_a_send` | - |
//! | poll | `raced::r17_a_wait` | - |
//! | poll for the end | `leases::r03_each` | - |
//! | shutdown | `raced::b1_` | - |
//! | close | `raced::b8_` | - |
//!
//! A zero-copy send has a notification besides, which may come before its result: no kernel was
//! seen to do that, and one that is modelled does (`lent.rs` of the runtime).

mod accepted;
mod accepts;
mod balanced;
mod cancelled;
mod closing;
mod connecting;
mod counter;
mod datagram_stream;
mod dealt;
mod dropped;
mod errors;
mod forgotten;
mod halves;
mod incoming;
mod incoming_beside;
mod incoming_cancelled;
mod incoming_scarce;
mod leases;
mod leases_killed;
mod leases_scarce;
mod lingering;
mod lost;
mod moved;
mod nurseries;
mod options;
mod passing;
mod polled;
mod polled_again;
mod polled_short;
mod raced;
mod receives;
mod sends;
mod seqpacket;
mod serve;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;
mod tables;
mod udp;
mod udp_control;
mod unix;
mod unix_datagram;
mod vectored;
mod zero_copy;

use nestling::buf::BufResult;
use nestling::net::TcpListener;
use nestling::task::yield_now;
use nestling::{Builder, Runtime, Stats, nursery};
use std::cell::Cell;
use std::future::Future;
use std::io;
use std::net;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use support::again::{self, is_inside};
use support::{
    Count, alone, descriptors, one_at_a_time, poll_counted, poll_once, polled, ring, start,
    until_woken,
};

/// Runs a test in a runtime of its own, with few places in the ring's queue, so that cancel
/// requests have to wait; and checks that no descriptor and nothing in flight is left of it.
fn run(test: impl AsyncFnOnce()) -> Stats {
    run_on(Runtime::builder().entries(8), test)
}

/// The same, with other options.
fn run_on(builder: Builder, test: impl AsyncFnOnce()) -> Stats {
    alone(|| {
        let mut runtime = builder.build().unwrap();
        runtime.block_on(yield_now());
        let before = descriptors();
        runtime.block_on(test());
        assert_eq!(descriptors(), before);
        assert_balanced(&runtime)
    })
}

/// Runs a test in a process of its own.
fn by_itself(name: &str, test: impl FnOnce()) {
    // Starting a process takes descriptors.
    let _others_wait = (!is_inside(name)).then(one_at_a_time);
    again::alone(name, test);
}

/// Asserts that nothing is left over in a runtime that rests.
fn assert_balanced(runtime: &Runtime) -> Stats {
    let stats = support::assert_balanced(runtime);
    assert_eq!(polled(ring()), Vec::<String>::new());
    stats
}

/// A listener, and its address.
fn listener() -> (TcpListener, net::SocketAddr) {
    let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (TcpListener::from_std(listener).unwrap(), address)
}

fn connect(address: net::SocketAddr) -> net::TcpStream {
    net::TcpStream::connect(address).unwrap()
}

/// Starts an operation, and returns when it was answered; it was not polled since.
async fn answered<F: Future>(future: F, answer: impl FnOnce()) -> Pin<Box<F>> {
    let mut future = Box::pin(future);
    let count = Arc::new(Count::default());
    assert!(poll_counted(future.as_mut(), &count).is_pending());
    answer();
    until_woken(&count).await;
    future
}

/// Two tasks that receive by a stream each, and count what they get: they take what is sent, until
/// its end, and do not ask the kernel again and again.
async fn share<F: Future<Output = io::Result<()>>>(
    takers: [F; 2],
    got: &Cell<u8>,
    send: impl Fn(u8),
    end: impl FnOnce(),
) {
    nursery(async |n| {
        takers.into_iter().for_each(|taker| drop(n.spawn(taker)));
        for _ in 0..20 {
            support::turn().await;
        }
        let before = submitted();
        for _ in 0..20 {
            support::turn().await;
        }
        assert!(submitted() - before <= 20 + 2, "besides those of the turns");
        for round in 1..=50 {
            send(round);
            while got.get() < round {
                support::turn().await;
            }
        }
        end();
        Ok::<_, io::Error>(())
    })
    .await
    .unwrap();
}

/// A future that waits, and is polled when it was woken, and not else.
struct Waiting<F>(Pin<Box<F>>, Arc<Count>);

/// Starts an operation that has to wait, and lets it enter the kernel.
async fn waiting<F: Future>(future: F) -> Waiting<F> {
    let mut this = Waiting(Box::pin(future), Arc::default());
    assert!(poll_counted(this.0.as_mut(), &this.1).is_pending());
    support::turn().await;
    this
}

impl<F: Future> Waiting<F> {
    async fn woken(&mut self) -> F::Output {
        let mut seen = 0;
        loop {
            while self.1.get() == seen {
                support::turn().await;
            }
            seen = self.1.get();
            if let Poll::Ready(output) = poll_counted(self.0.as_mut(), &self.1) {
                return output;
            }
        }
    }
}

/// What comes of a read.
type Read = BufResult<usize, Vec<u8>>;

/// Receives in flight that can be dropped just before another one: more than the ring's queue has
/// places for, so that the cancel of that other one has to wait, and what has come for it wins.
struct Crowd {
    reads: Vec<Pin<Box<dyn Future<Output = Read>>>>,
    _peer: UnixStream,
}

impl Crowd {
    async fn new() -> Self {
        let (stream, peer) = support::pair();
        let stream = Rc::new(stream);
        let mut reads = Vec::new();
        for _ in 0..16 {
            let stream = Rc::clone(&stream);
            let read = async move { stream.read(vec![0; 1]).await };
            let mut read: Pin<Box<dyn Future<Output = _>>> = Box::pin(read);
            assert!(poll_once(read.as_mut()).await.is_pending());
            reads.push(read);
        }
        support::turn().await;
        Self { reads, _peer: peer }
    }

    /// Drops them, if the cancel of what is dropped next is to wait; else keeps them.
    fn cancel(&mut self, now: bool) {
        if now {
            self.reads.clear();
        }
    }
}

/// What a future resolves to at its first poll.
async fn at_once<F: Future>(future: F) -> F::Output {
    let mut future = Box::pin(future);
    match poll_once(future.as_mut()).await {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it is not there yet"),
    }
}

/// Submissions so far.
fn submitted() -> u64 {
    nestling::stats().submitted
}
