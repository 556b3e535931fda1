//! The pool of a client: its limit, what it keeps, what it replaces; and the example over it.

use crate::foreign::{Server, is_installed};
use crate::process::{Process, eventually};
use crate::{alone, echo, listener, run};
use bytes::Bytes;
use futures_util::future::{join_all, select};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use nestling::io::nursery;
use nestling::sync::{Notify, remote};
use nestling::task::yield_now;
use std::cell::Cell;
use std::convert::Infallible;
use std::future::pending;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::process::Command;
use std::time::Duration;
use std::{env, fs, thread};
use web::{Limits, Pool, serve_http};

fn request(address: SocketAddr, body: &str) -> Request<Full<Bytes>> {
    let request = Request::post(format!("http://{address}/"));
    request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap()
}

fn get(address: SocketAddr) -> Request<Full<Bytes>> {
    Request::get(format!("http://{address}/")).body(Full::default()).unwrap()
}

#[test]
fn a_limit_per_host_holds_and_connections_are_kept() {
    const LIMIT: usize = 3;
    run(async || {
        let (one, two) = (listener().await, listener().await);
        let (alive, most) = (Cell::new(0), Cell::new(0));
        let count = async |request: Request<Incoming>| {
            alive.set(alive.get() + 1);
            most.set(most.get().max(alive.get()));
            yield_now().await;
            alive.set(alive.get() - 1);
            echo(request).await
        };
        nursery(async |n| {
            let first = n.spawn(serve_http(one.0, Limits::default(), service_fn(&count)));
            let second = n.spawn(serve_http(two.0, Limits::default(), service_fn(echo)));
            nursery(async |connections| {
                let pool = &Pool::new(connections, LIMIT);
                let send = async |number: usize| {
                    let (to, sent) = ([one.1, two.1][number % 2], number.to_string());
                    let response = pool.send(request(to, &sent)).await.unwrap();
                    assert_eq!(response.body(), &sent);
                };
                join_all((0..100).map(send)).await;
                assert_eq!(pool.made(), 2 * LIMIT);
                Ok(())
            })
            .await?;
            first.cancel();
            second.cancel();
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(most.get(), LIMIT);
    });
}

/// The server of another program, which closes each connection after one answer without a word.
#[test]
fn b2_a_kept_connection_that_the_server_has_closed_is_replaced() {
    run(async || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (closed, closes): (Vec<_>, Vec<_>) = (0..3).map(|_| remote::oneshot()).unzip();
        let server = thread::spawn(move || {
            for closed in closed {
                let (stream, _) = listener.accept().unwrap();
                answer(stream);
                closed.send(()).unwrap();
            }
        });
        nursery(async |n| {
            let pool = Pool::new(n, 1);
            for closed in closes {
                let response = pool.send(get(address)).await.unwrap();
                assert_eq!(response.body(), "hi");
                closed.await.unwrap();
            }
            assert_eq!(pool.made(), 3);
            Ok(())
        })
        .await
        .unwrap();
        server.join().unwrap();
    });
}

/// Reads the head of a request, answers it, and closes the connection.
fn answer(mut stream: TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").unwrap();
    String::from_utf8(head).unwrap()
}

/// Who asks is not for the header of the host, which goes into logs.
#[test]
fn user_and_password_of_a_url_are_not_sent() {
    run(async || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || answer(listener.accept().unwrap().0));
        nursery(async |n| {
            let request = Request::get(format!("http://user:secret@{address}/path"));
            Pool::new(n, 1).send(request.body(Full::default()).unwrap()).await?;
            Ok(())
        })
        .await
        .unwrap();
        let head = server.join().unwrap();
        assert_eq!(head, format!("GET /path HTTP/1.1\r\nhost: {address}\r\n\r\n"));
    });
}

/// Its place is another's, and what the server still says on its connection is no one's answer.
#[test]
fn a_request_that_is_given_up_takes_its_connection_along() {
    run(async || {
        let (listener, address) = listener().await;
        let (begun, count) = (Notify::new(), Cell::new(0));
        let first_hangs = async |_: Request<Incoming>| {
            count.set(count.get() + 1);
            begun.notify_all();
            if count.get() == 1 {
                pending::<()>().await;
            }
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("second"))))
        };
        nursery(async |n| {
            let limits = Limits { drain: Duration::ZERO, ..Limits::default() };
            let server = n.spawn(serve_http(listener, limits, service_fn(&first_hangs)));
            nursery(async |connections| {
                let pool = Pool::new(connections, 1);
                {
                    let given_up = pin!(pool.send(request(address, "one")));
                    select(given_up, pin!(begun.notified())).await;
                }
                let response = pool.send(request(address, "two")).await.unwrap();
                assert_eq!(response.body(), "second");
                assert_eq!(pool.made(), 2);
                Ok(())
            })
            .await?;
            server.cancel();
            Ok(())
        })
        .await
        .unwrap();
    });
}

#[test]
fn an_address_without_a_server_is_named() {
    run(async || {
        nursery(async |n| {
            let pool = Pool::new(n, 1);
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let refused = pool.send(request(address, "")).await.unwrap_err();
            assert!(refused.to_string().contains(&address.to_string()), "{refused}");
            let relative = Request::get("/path").body(Full::default()).unwrap();
            let no_url = pool.send(relative).await.unwrap_err();
            assert!(no_url.to_string().starts_with("'/path' is no URL"), "{no_url}");
            let no_port = Request::get("http://127.0.0.1:99999/").body(Full::default()).unwrap();
            let no_port = pool.send(no_port).await.unwrap_err();
            assert!(no_port.to_string().contains("no port"), "{no_port}");
            Ok(())
        })
        .await
        .unwrap();
    });
}

/// What the example says, and how it ends.
fn client(arguments: &[&str]) -> crate::process::Ended {
    Process::start(Command::new(env!("CARGO_BIN_EXE_http_client")).args(arguments)).ended()
}

#[test]
fn the_example_asks_the_example_http() {
    let server = Server::start(env!("CARGO_BIN_EXE_http"), &["--drain", "0"]);
    let (hello, bytes) = (server.url("/hello"), server.url("/bytes/3000000"));
    let ended = client(&["--connections", "2", "--times", "20", &hello, &bytes]);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(ended.stdout.matches(&format!("{hello}: 200 OK, 6 bytes")).count(), 20);
    assert_eq!(ended.stdout.matches(&format!("{bytes}: 200 OK, 3000000 bytes")).count(), 20);
    assert!(ended.stdout.ends_with("40 requests over 2 connections\n"), "{ended:?}");
    let late = client(&["--deadline", "50", &server.url("/wait/60000"), &hello]);
    assert_eq!(late.status.code(), Some(1), "{late:?}");
    assert!(late.stderr.contains("/wait/60000: the deadline passed"), "{late:?}");
    assert!(late.stdout.contains("200 OK, 6 bytes"), "{late:?}");
    server.stop();
    assert_eq!(client(&[]).status.code(), Some(2));
}

#[test]
fn the_example_asks_nginx() {
    if !is_installed("nginx") {
        return;
    }
    let _alone = alone();
    let folder = env::temp_dir().join(format!("nestling-web-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let at = folder.display();
    fs::write(folder.join("page"), vec![b'n'; 100_000]).unwrap();
    // It closes each connection after ten answers, and says so in the last one.
    let configuration = format!(
        "daemon off; master_process off; pid {at}/pid; error_log {at}/error;\n\
         events {{ worker_connections 512; }}\n\
         http {{ access_log off; client_body_temp_path {at}/a; proxy_temp_path {at}/b;\n\
         fastcgi_temp_path {at}/c; uwsgi_temp_path {at}/d; scgi_temp_path {at}/e;\n\
         keepalive_requests 10; server {{ listen {address}; root {at}; }} }}\n"
    );
    fs::write(folder.join("conf"), configuration).unwrap();
    let mut nginx = Command::new("nginx");
    nginx.arg("-e").arg(folder.join("error")).arg("-c").arg(folder.join("conf"));
    // Else its worker is another user's, who may not look into the folder of a test of root's.
    let nginx = Process::start(nginx.args(["-g", "user root;"]));
    eventually("nginx listens", || TcpStream::connect(address).is_ok());
    let url = format!("http://{address}/page");
    let ended = client(&["--connections", "1", "--times", "40", &url]);
    nginx.signal("QUIT");
    nginx.ended();
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(ended.stdout.matches(": 200 OK, 100000 bytes").count(), 40, "{ended:?}");
    assert!(ended.stdout.ends_with("40 requests over 4 connections\n"), "{ended:?}");
}
