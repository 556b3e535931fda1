//! HTTP/1.1 on hyper: bodies, kept connections, cuts and drains.

use crate::{echo, listener, request, run, whole};
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper::{Request, Response};
use nestling::io::nursery;
use nestling::net::TcpStream;
use nestling::sync::oneshot;
use nestling::task::yield_now;
use nestling::time::sleep;
use nestling::{Nursery, grace};
use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use web::{Limits, connect_http1, serve_http, serve_http1, serve_tcp};

async fn client<'scope>(
    n: &'scope Nursery<'scope, '_>,
    address: SocketAddr,
) -> io::Result<SendRequest<Full<Bytes>>> {
    connect_http1(n, TcpStream::connect(address).await?).await
}

fn pattern(length: usize) -> Bytes {
    (0..length).map(|at| (at % 251) as u8).collect()
}

/// One connection is kept for bodies from 1 B to 64 MiB, which go back as they come.
#[test]
fn bodies_are_exact() {
    run(async || {
        let (listener, address) = listener().await;
        nursery(async |n| {
            n.spawn(async {
                let (stream, _) = listener.accept().await?;
                serve_tcp(stream, Limits::default(), service_fn(echo)).await
            });
            let mut client = client(n, address).await?;
            for length in [0, 1, 1000, 65_537, 1 << 20, 64 << 20] {
                let sent = pattern(length);
                let response = client.send_request(request("/", sent.clone())).await;
                assert!(whole(response.unwrap()).await == sent, "{length} bytes");
            }
            Ok(())
        })
        .await
        .unwrap();
    });
}

/// Each has requests of its own, and the handlers share a counter that is borrowed and not `Send`.
#[test]
fn a_thousand_connections() {
    const MANY: usize = 1_000;
    run(async || {
        let (listener, address) = listener().await;
        let served = Cell::new(0);
        let count = async |request: Request<hyper::body::Incoming>| {
            served.set(served.get() + 1);
            echo(request).await
        };
        nursery(async |n| {
            let server = n.spawn(serve_http(listener, Limits::default(), service_fn(&count)));
            nursery(async |clients| {
                for number in 0..MANY {
                    let mut client = client(clients, address).await?;
                    clients.spawn(async move {
                        for round in 0..3 {
                            let sent = format!("{number} {round}");
                            let response = client.send_request(request("/", sent.clone())).await;
                            assert_eq!(whole(response.unwrap()).await, sent);
                        }
                    });
                }
                Ok(())
            })
            .await?;
            server.cancel();
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(served.get(), 3 * MANY);
    });
}

/// After the stop the request that has begun is answered, and the connection ends, although the
/// client would keep it.
#[test]
fn a_connection_drains() {
    run(async || {
        let (listener, address) = listener().await;
        let (begun, has_begun) = oneshot();
        let begun = Cell::new(Some(begun));
        let slow = async |_: Request<hyper::body::Incoming>| {
            begun.take().unwrap().send(()).unwrap();
            sleep(Duration::from_millis(20)).await;
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("slow"))))
        };
        nursery(async |n| {
            let server = n.spawn(async {
                let (stream, _) = listener.accept().await?;
                serve_http1(stream, Limits::default(), service_fn(&slow)).await
            });
            let mut client = client(n, address).await?;
            let answer = client.send_request(request("/", ""));
            n.spawn(async move {
                has_begun.await.unwrap();
                server.cancel();
            });
            let answer = answer.await.unwrap();
            assert_eq!(answer.headers()["connection"], "close");
            assert_eq!(whole(answer).await, "slow");
            client.ready().await.unwrap_err();
            Ok(())
        })
        .await
        .unwrap();
    });
}

/// A request that is there when the stop comes is answered, although nothing has looked at it yet.
#[test]
fn a_request_that_waits_at_the_stop_is_answered() {
    run(async || {
        let (listener, address) = listener().await;
        let client = TcpStream::connect(address).await.unwrap();
        client.write_all("GET / HTTP/1.1\r\nhost: here\r\n\r\n").await.0.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        nursery(async |n| {
            let server = n.spawn(async {
                let served = grace(Duration::from_secs(3600), async |stop| {
                    stop.requested().await;
                    serve_tcp(stream, Limits::default(), service_fn(echo)).await
                });
                served.await.unwrap()
            });
            yield_now().await;
            server.cancel();
            let (length, buffer) = client.read(vec![0; 1024]).await;
            assert!(buffer[..length?].starts_with(b"HTTP/1.1 200 OK"));
            Ok(())
        })
        .await
        .unwrap();
    });
}

/// Cut in the middle: what the handler holds is dropped with the connection, and the client sees
/// its end.
#[test]
fn a_cancelled_connection_drops_its_handler() {
    run(async || {
        let (listener, address) = listener().await;
        let (begun, has_begun) = oneshot();
        let begun = Cell::new(Some(begun));
        let never = async |_: Request<hyper::body::Incoming>| {
            begun.take().unwrap().send(()).unwrap();
            std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>().await
        };
        nursery(async |n| {
            let server = n.spawn(async {
                let (stream, _) = listener.accept().await?;
                let served = grace(Duration::ZERO, async |_| {
                    let limits = Limits { drain: Duration::ZERO, ..Limits::default() };
                    serve_http1(stream, limits, service_fn(&never)).await
                });
                served.await.unwrap_or(Ok(()))
            });
            let stream = TcpStream::connect(address).await?;
            stream.write_all("GET / HTTP/1.1\r\nhost: here\r\n\r\n").await.0?;
            has_begun.await.unwrap();
            server.cancel();
            assert_eq!(stream.read(vec![0; 16]).await.0?, 0);
            Ok(())
        })
        .await
        .unwrap();
    });
}

/// A client that has said all may end its direction, and still gets the answer.
#[test]
fn b8_a_half_closed_client_is_answered() {
    run(async || {
        let (listener, address) = listener().await;
        nursery(async |n| {
            n.spawn(async {
                let (stream, _) = listener.accept().await?;
                serve_http1(stream, Limits::default(), service_fn(echo)).await
            });
            let stream = TcpStream::connect(address).await?;
            let text = "POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 5\r\n\r\nhello";
            stream.write_all(text).await.0?;
            stream.shutdown(std::net::Shutdown::Write).await?;
            let mut all = Vec::new();
            loop {
                let (length, buffer) = stream.read(vec![0; 1024]).await;
                match length? {
                    0 => break,
                    length => all.extend_from_slice(&buffer[..length]),
                }
            }
            let all = String::from_utf8(all).unwrap();
            assert!(all.starts_with("HTTP/1.1 200") && all.ends_with("\r\n\r\nhello"), "{all}");
            Ok(())
        })
        .await
        .unwrap();
    });
}
