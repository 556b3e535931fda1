//! HTTP/2 on hyper: the streams of a connection are children of its nursery.

use crate::{echo, listener, request, run, whole};
use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper::{Request, Response};
use nestling::io::nursery;
use nestling::net::TcpStream;
use nestling::sync::{Notify, remote};
use nestling::{JoinError, Nursery};
use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Future, pending};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;
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

/// The streams that are open are dropped with the connection, and joined before its nursery ends.
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
                    let limits = Limits { drain: std::time::Duration::ZERO, ..Limits::default() };
                    inner.spawn(serve_http2(stream, limits, service_fn(&never)));
                    handlers.until(|handlers| handlers.begun.get() == STREAMS).await;
                    assert_eq!(handlers.alive.get(), STREAMS);
                    inner.cancel();
                    Ok(())
                })
                .await?;
                assert_eq!(handlers.alive.get(), 0, "all have ended before it returned");
                Ok::<_, io::Error>(())
            });
            let client = client(n, address).await?;
            let answers = join_all((0..STREAMS).map(|_| {
                let mut client = client.clone();
                async move { client.send_request(request("http://here/", "")).await }
            }));
            assert!(answers.await.iter().all(Result::is_err));
            server.await.unwrap()
        })
        .await
        .unwrap();
    });
}

/// R13: the panic of one stream is that of its connection, and ends all others; the server goes on.
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
            let answers = join_all((0..STREAMS).map(|_| {
                let mut client = first.clone();
                async move { client.send_request(request("http://here/", "")).await }
            }));
            assert!(answers.await.iter().all(Result::is_err));
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
            {
                let mut client = client.clone();
                let mut given_up = pin!(client.send_request(request("http://here/", "")));
                let mut begun = pin!(handlers.until(|handlers| handlers.begun.get() == 1));
                std::future::poll_fn(|cx| {
                    assert!(given_up.as_mut().poll(cx).is_pending());
                    match begun.as_mut().poll(cx) {
                        Poll::Ready(()) => Poll::Ready(()),
                        Poll::Pending => Poll::Pending,
                    }
                })
                .await;
            }
            handlers.until(|handlers| handlers.alive.get() == 0).await;
            let answers = join_all((1..STREAMS).map(|_| {
                let mut client = client.clone();
                async move { client.send_request(request("http://here/", "")).await }
            }));
            n.spawn(async {
                handlers.until(|handlers| handlers.alive.get() == STREAMS - 1).await;
                is_open.set(true);
                open.notify_all();
            });
            for answer in answers.await {
                assert_eq!(whole(answer.unwrap()).await, "there");
            }
            Ok(())
        })
        .await
        .unwrap();
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
