//! HTTP/2 on hyper: the streams of a connection are children of its nursery.

use crate::{echo, listener, request, run, whole};
use bytes::Bytes;
use futures_util::future::{Either, join_all, select};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper::{Request, Response};
use nestling::io::nursery;
use nestling::net::TcpStream;
use nestling::sync::{Notify, remote};
use nestling::time::sleep;
use nestling::{JoinError, Nursery};
use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use web::{Limits, connect_http2, serve_http2, serve_tcp};

const STREAMS: usize = 100;

async fn client<'scope>(
    n: &'scope Nursery<'scope, '_>,
    address: SocketAddr,
) -> io::Result<SendRequest<Full<Bytes>>> {
    connect_http2(n, TcpStream::connect(address).await?).await
}

/// Counts the handlers that are alive, and tells of each that has begun.
#[derive(Default)]
struct Handlers {
    begun: Cell<usize>,
    alive: Cell<usize>,
    changed: Notify,
}

struct Alive<'a>(&'a Handlers);

impl Handlers {
    fn begin(&self) -> Alive<'_> {
        self.begun.set(self.begun.get() + 1);
        self.alive.set(self.alive.get() + 1);
        self.changed.notify_all();
        Alive(self)
    }

    async fn until(&self, holds: impl Fn(&Self) -> bool) {
        while !holds(self) {
            self.changed.notified().await;
        }
    }
}

impl Drop for Alive<'_> {
    fn drop(&mut self) {
        self.0.alive.set(self.0.alive.get() - 1);
        self.0.changed.notify_all();
    }
}

/// Begins a request, and gives it up once its handler has begun: that is dropped.
async fn reset_one(client: &SendRequest<Full<Bytes>>, handlers: &Handlers) {
    let (begun, mut client) = (handlers.begun.get(), client.clone());
    {
        let given_up = pin!(client.send_request(request("http://here/", "")));
        let has_begun = pin!(handlers.until(|handlers| handlers.begun.get() > begun));
        assert!(matches!(select(given_up, has_begun).await, Either::Right(_)));
    }
    handlers.until(|handlers| handlers.alive.get() == begun).await;
}

/// Asks for what the others of a hundred streams bring, at the same time.
async fn ask_all(client: &SendRequest<Full<Bytes>>) -> Vec<hyper::Result<Response<Incoming>>> {
    let ask = |_| {
        let mut client = client.clone();
        async move { client.send_request(request("http://here/", "")).await }
    };
    join_all((1..STREAMS).map(ask)).await
}

type Answer = Result<Response<Full<Bytes>>, Infallible>;

#[test]
fn bodies_of_a_hundred_streams_are_exact() {
    run(async || {
        let (listener, address) = listener().await;
        nursery(async |n| {
            n.spawn(async {
                let (stream, _) = listener.accept().await?;
                serve_tcp(stream, Limits::default(), service_fn(echo)).await
            });
            let client = client(n, address).await?;
            join_all((0..STREAMS).map(|number| {
                let mut client = client.clone();
                async move {
                    let sent = Bytes::from(vec![number as u8; 1 + number * 1000]);
                    let response = client.send_request(request("http://here/", sent.clone())).await;
                    assert!(whole(response.unwrap()).await == sent, "stream {number}");
                }
            }))
            .await;
            Ok(())
        })
        .await
        .unwrap();
    });
}

/// One of a hundred was reset; those that are open are dropped with the connection, and joined
/// before its nursery ends.
#[test]
fn r01_a_cancelled_connection_ends_its_streams() {
    run(async || {
        let (listener, address) = listener().await;
        let handlers = Handlers::default();
        let never = async |_: Request<Incoming>| -> Answer {
            let _alive = handlers.begin();
            pending().await
        };
        nursery(async |n| {
            let server = n.supervise(async {
                let (stream, _) = listener.accept().await?;
                nursery(async |inner| {
                    let limits = Limits { drain: Duration::ZERO, ..Limits::default() };
                    inner.spawn(serve_http2(stream, limits, service_fn(&never)));
                    handlers.until(|handlers| handlers.begun.get() == STREAMS).await;
                    assert_eq!(handlers.alive.get(), STREAMS - 1);
                    inner.cancel();
                    Ok(())
                })
                .await?;
                assert_eq!(handlers.alive.get(), 0, "all have ended before it returned");
                Ok::<_, io::Error>(())
            });
            let client = client(n, address).await?;
            reset_one(&client, &handlers).await;
            assert!(ask_all(&client).await.iter().all(Result::is_err));
            server.await.unwrap()
        })
        .await
        .unwrap();
    });
}

/// R13: one of a hundred was reset; the panic of another one is that of its connection, and ends
/// all others; the server goes on.
#[test]
fn r13_a_stream_that_panics_takes_its_connection_along() {
    run(async || {
        let (listener, address) = listener().await;
        let handlers = Handlers::default();
        let last_panics = async |_: Request<Incoming>| -> Answer {
            let _alive = handlers.begin();
            if handlers.begun.get() == STREAMS {
                panic!("a stream");
            }
            pending().await
        };
        nursery(async |n| {
            let server = n.supervise(async {
                let (stream, _) = listener.accept().await?;
                serve_http2(stream, Limits::default(), service_fn(&last_panics)).await
            });
            let first = client(n, address).await?;
            reset_one(&first, &handlers).await;
            assert!(ask_all(&first).await.iter().all(Result::is_err));
            let Err(JoinError::Panic(payload)) = server.await else { panic!("it is told") };
            assert_eq!(payload.downcast_ref(), Some(&"a stream"));
            assert_eq!(handlers.alive.get(), 0);
            n.spawn(async {
                let (stream, _) = listener.accept().await?;
                serve_http2(stream, Limits::default(), service_fn(echo)).await
            });
            let mut second = client(n, address).await?;
            let response = second.send_request(request("http://here/", "still here")).await;
            assert_eq!(whole(response.unwrap()).await, "still here");
            Ok(())
        })
        .await
        .unwrap();
    });
}

/// The client gives one stream up: its handler is dropped, and the others go on.
#[test]
fn a_stream_that_is_reset_ends_alone() {
    run(async || {
        let (listener, address) = listener().await;
        let (handlers, open) = (Handlers::default(), Notify::new());
        let is_open = Cell::new(false);
        let wait = async |_: Request<Incoming>| -> Answer {
            let _alive = handlers.begin();
            while !is_open.get() {
                open.notified().await;
            }
            Ok(Response::new(Full::new(Bytes::from("there"))))
        };
        nursery(async |n| {
            n.spawn(async {
                let (stream, _) = listener.accept().await?;
                serve_http2(stream, Limits::default(), service_fn(&wait)).await
            });
            let client = client(n, address).await?;
            reset_one(&client, &handlers).await;
            n.spawn(async {
                handlers.until(|handlers| handlers.alive.get() == STREAMS - 1).await;
                is_open.set(true);
                open.notify_all();
            });
            for answer in ask_all(&client).await {
                assert_eq!(whole(answer.unwrap()).await, "there");
            }
            Ok(())
        })
        .await
        .unwrap();
    });
}

/// Runs a future, and calls `then` when it was polled so many times and has not ended.
async fn polled<F: Future>(times: usize, future: F, then: impl Fn() -> Poll<()>) {
    let (mut future, mut polls) = (pin!(future), 0);
    poll_fn(|cx| {
        if future.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        polls += 1;
        if polls == times { then() } else { Poll::Pending }
    })
    .await;
}

/// After the stop a response goes on for as long as its client takes it, in however small steps,
/// and although its handler has ended: hyper has handed the body over as a whole.
#[test]
fn a_response_that_is_read_slowly_outlives_the_stop() {
    const WINDOW: u32 = 1 << 16;
    const STEP: Duration = Duration::from_millis(30);
    let body = Bytes::from(vec![7; 4 << 20]);
    run(async || {
        let (listener, address) = listener().await;
        let answer = async |_: Request<Incoming>| {
            Ok::<_, Infallible>(Response::new(Full::new(body.clone())))
        };
        nursery(async |n| {
            let server = n.spawn(async {
                let (stream, _) = listener.accept().await?;
                let limits = Limits { drain: Duration::from_secs(3600), ..Limits::default() };
                serve_tcp(stream, limits, service_fn(&answer)).await
            });
            let mut narrow = http2::Builder::new(n);
            narrow.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
            let stream = TcpStream::connect(address).await?;
            let (mut client, connection) = narrow.handshake(stream).await.unwrap();
            n.spawn(async { connection.await.map_err(io::Error::other) });
            let asked = request("http://here/", "");
            let mut response = client.send_request(asked).await.unwrap().into_body();
            server.cancel();
            let (mut length, mut window) = (0, 0);
            while let Some(frame) = response.frame().await {
                let came = frame.expect("the response is whole").into_data().unwrap().len();
                (length, window) = (length + came, window + came);
                if window >= WINDOW as usize {
                    window = 0;
                    sleep(STEP).await;
                }
            }
            assert_eq!(length, body.len());
            Ok(())
        })
        .await
        .unwrap();
    });
}

/// Has a body sent back; an error is as good.
async fn exact(mut client: SendRequest<Full<Bytes>>, length: usize) {
    let sent = Bytes::from(vec![length as u8; length]);
    let response = client.send_request(request("http://here/", sent.clone()));
    let Ok(response) = response.await else { return };
    let Ok(body) = response.into_body().collect().await else { return };
    assert!(body.to_bytes() == sent, "{length} bytes");
}

/// R12: dropped or cancelled after any poll, with streams in both directions, it leaves nothing,
/// and clients see an error or the whole answer.
#[test]
fn r12_a_connection_that_is_dropped_or_cancelled_at_every_poll() {
    run(async || {
        let (listener, address) = listener().await;
        let limits = Limits { drain: Duration::ZERO, ..Limits::default() };
        for (times, is_cancelled) in (1..).flat_map(|times| [(times, false), (times, true)]) {
            let cut = Cell::new(false);
            nursery(async |n| {
                n.spawn(async {
                    let (stream, _) = listener.accept().await?;
                    let served = serve_tcp(stream, limits, service_fn(echo));
                    nursery(async |inner| {
                        let then = || {
                            cut.set(true);
                            if !is_cancelled {
                                return Poll::Ready(());
                            }
                            inner.cancel();
                            Poll::Pending
                        };
                        polled(times, served, then).await;
                        Ok(())
                    })
                    .await
                });
                let client = client(n, address).await?;
                for length in [1, 1000, 100_000] {
                    join_all((0..10).map(|number| exact(client.clone(), number * length))).await;
                }
                Ok(())
            })
            .await
            .unwrap();
            if !cut.get() && is_cancelled {
                assert!(times > 3, "one poll at least for each round: {times}");
                break;
            }
        }
    });
}

/// For what asks for an executor that is `Send`, such as a pool of connections.
#[test]
fn r01_a_spawner_is_an_executor_as_well() {
    run(async || {
        let (sender, receiver) = remote::oneshot();
        let result = nursery(async |n| {
            let executor = n.spawner();
            std::thread::spawn(move || {
                executor.execute(async move { sender.send("ran").unwrap() });
            });
            Ok(receiver.await.unwrap())
        });
        assert_eq!(result.await.unwrap(), "ran");
    });
}
