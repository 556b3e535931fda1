//! `serve`: connections that fail alone, a limit, a stop that drains, and too few descriptors.

use crate::support::sandbox::leave_descriptors;
use crate::support::turn;
use crate::{by_itself, listener, run};
use nestling::io::nursery;
use nestling::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use nestling::{Limit, Serve, Stats, is_cancelled, serve};
use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::io::{self, Read, Write};
use std::net::{self, SocketAddr};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net as unix;
use std::process;
use std::rc::Rc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);

/// Signals are for a test of its own: their handlers are the whole process's.
pub(crate) fn quietly() -> Serve {
    Serve { signals: false, drain: LONG, ..Serve::default() }
}

/// Sends back what comes.
async fn echo(stream: TcpStream, _peer: SocketAddr) -> io::Result<()> {
    loop {
        let (read, mut bytes) = stream.read(Vec::with_capacity(64)).await;
        if read? == 0 {
            return Ok(());
        }
        if bytes == b"panic" {
            panic!("asked to");
        }
        if bytes == b"fail" {
            return Err(io::Error::other("asked to fail"));
        }
        bytes = stream.write_all(bytes).await.1;
        drop(bytes);
    }
}

async fn says(stream: &TcpStream, word: &'static str) -> Vec<u8> {
    stream.write_all(word).await.0.unwrap();
    let (read, mut bytes) = stream.read(Vec::with_capacity(64)).await;
    bytes.truncate(read.unwrap());
    bytes
}

/// The same listener for another server, as another process would have it.
fn shared(listener: &TcpListener) -> TcpListener {
    let fd = listener.as_fd().try_clone_to_owned().unwrap();
    TcpListener::from_std(fd.into()).unwrap()
}

#[test]
fn d1_a_connection_that_fails_or_panics_ends_alone() {
    run(async || {
        let (listener, address) = listener();
        let told = Rc::new(RefCell::new(Vec::new()));
        let noted = Rc::clone(&told);
        let how = quietly().on_failure(move |peer, error| {
            noted.borrow_mut().push((peer, error.to_string()));
        });
        nursery(async |n| {
            n.spawn(serve(listener, how, echo));
            let good = TcpStream::connect(address).await?;
            let mut peers = Vec::new();
            for word in ["fail", "panic"] {
                let bad = TcpStream::connect(address).await?;
                peers.push(bad.local_addr()?);
                assert_eq!(says(&bad, word).await, b"", "the server closes it");
            }
            assert_eq!(says(&good, "still here").await, b"still here");
            let told = told.take();
            assert_eq!(told.iter().map(|(peer, _)| *peer).collect::<Vec<_>>(), peers);
            assert!(told[0].1.contains("asked to fail") && told[1].1.contains("asked to"));
            n.cancel();
            Ok(())
        })
        .await
        .unwrap();
    });
}

/// Also a function that panics before it has made a future.
#[test]
fn d1_a_handler_that_panics_at_once_ends_alone() {
    run(async || {
        let (listener, address) = listener();
        let calls = Cell::new(0);
        let handler = |stream: TcpStream, peer| {
            calls.set(calls.get() + 1);
            assert!(calls.get() > 1, "the first one panics");
            echo(stream, peer)
        };
        nursery(async |n| {
            n.spawn(serve(listener, quietly(), handler));
            let (closed, _) = TcpStream::connect(address).await?.read(vec![0; 1]).await;
            assert_eq!(closed?, 0);
            assert_eq!(says(&TcpStream::connect(address).await?, "b").await, b"b");
            n.cancel();
            Ok(())
        })
        .await
        .unwrap();
    });
}

#[test]
fn k2_a_limit_leaves_clients_in_the_backlog() {
    run(async || {
        let (listener, address) = listener();
        let (alive, most) = (Cell::new(0), Cell::new(0));
        let how = Serve { limit: Some(2), ..quietly() };
        let count = async |stream, peer| {
            alive.set(alive.get() + 1);
            most.set(most.get().max(alive.get()));
            let ended = echo(stream, peer).await;
            alive.set(alive.get() - 1);
            ended
        };
        nursery(async |n| {
            n.spawn(serve(listener, how, count));
            let mut clients = Vec::new();
            for _ in 0..6 {
                clients.push(TcpStream::connect(address).await?);
            }
            for client in clients {
                // The first two are served, the others in the order in which they came.
                assert_eq!(says(&client, "a word").await, b"a word");
            }
            n.cancel();
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!((alive.get(), most.get()), (0, 2));
    });
}

#[test]
fn k2_after_a_cancel_connections_drain_and_new_ones_are_refused() {
    run(async || {
        let (listener, address) = listener();
        let returned = Cell::new(false);
        nursery(async |n| {
            let server = n.spawn(async {
                serve(listener, quietly(), echo).await?;
                returned.set(true);
                Ok(())
            });
            let client = TcpStream::connect(address).await?;
            assert_eq!(says(&client, "before").await, b"before");
            server.cancel();
            for _ in 0..4 {
                turn().await;
            }
            let late = TcpStream::connect(address).await;
            assert_eq!(late.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
            assert_eq!(says(&client, "after").await, b"after");
            assert!(!server.is_finished());
            drop(client);
            Ok(())
        })
        .await
        .unwrap();
        assert!(returned.get(), "it ends with its last connection");
    });
}

#[test]
fn k2_what_is_left_after_the_drain_is_cancelled() {
    run(async || {
        let (listener, address) = listener();
        let told = Rc::new(Cell::new(0));
        let noted = Rc::clone(&told);
        let how = Serve { drain: Duration::from_millis(1), ..quietly() };
        let how = how.on_failure(move |_, _| noted.set(noted.get() + 1));
        let heard = Cell::new(false);
        let waits = async |stream: TcpStream, _| {
            let (read, _) = stream.read(Vec::with_capacity(1)).await;
            heard.set(read.as_ref().is_err_and(is_cancelled));
            read.map(drop)
        };
        nursery(async |n| {
            let server = n.spawn(serve(listener, how, waits));
            let client = TcpStream::connect(address).await?;
            turn().await;
            server.cancel();
            let (read, _) = client.read(Vec::with_capacity(1)).await;
            assert_eq!(read?, 0, "the server closes it");
            Ok(())
        })
        .await
        .unwrap();
        assert!(heard.get());
        assert_eq!(told.get(), 0, "that was no failure");
    });
}

/// They have been connected already, and may have sent a question: to a client it would look as if
/// it had been served.
#[test]
fn k2_what_was_accepted_before_the_stop_is_served() {
    run(async || {
        let (listener, address) = listener();
        let shut = Cell::new(false);
        nursery(async |n| {
            let server = n.spawn(async {
                let mut serving = std::pin::pin!(serve(listener, quietly(), echo));
                poll_fn(|cx| if shut.get() { Poll::Pending } else { serving.as_mut().poll(cx) })
                    .await
            });
            turn().await;
            // The kernel accepts, and the server does not look.
            shut.set(true);
            let clients = [(); 5].map(|()| net::TcpStream::connect(address).unwrap());
            clients.iter().for_each(|mut client| client.write_all(b"word").unwrap());
            turn().await;
            turn().await;
            shut.set(false);
            server.cancel();
            for client in clients {
                let client = TcpStream::from_std(client)?;
                assert_eq!(client.read_exact(vec![0; 4]).await.1, b"word");
            }
            Ok(())
        })
        .await
        .unwrap();
    });
}

/// Two listeners, one permit: one client is served at a time, whichever listener it has come to.
#[test]
fn k2_a_shared_limit_holds_for_both_listeners() {
    run(async || {
        let ((one, first), (other, second)) = (listener(), listener());
        let (alive, most) = (Cell::new(0), Cell::new(0));
        let limit = Limit::new(1);
        let how = || Serve { shared: Some(limit.clone()), ..quietly() };
        let count = async |stream, peer| {
            alive.set(alive.get() + 1);
            most.set(most.get().max(alive.get()));
            let ended = echo(stream, peer).await;
            alive.set(alive.get() - 1);
            ended
        };
        nursery(async |n| {
            n.spawn(serve(one, how(), count));
            n.spawn(serve(other, how(), count));
            let mut clients = Vec::new();
            for address in [first, second, second, first, first] {
                clients.push(TcpStream::connect(address).await?);
                turn().await;
            }
            assert_eq!(limit.in_use(), 1);
            nursery(async |clients_of| {
                for client in clients {
                    clients_of.spawn(async move {
                        assert_eq!(says(&client, "a word").await, b"a word");
                        Ok(())
                    });
                }
                Ok(())
            })
            .await?;
            n.cancel();
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!((alive.get(), most.get(), limit.in_use()), (0, 1, 0));
    });
}

#[test]
fn k2_a_stop_does_not_wait_for_a_permit() {
    run(async || {
        let (listener, address) = listener();
        let limit = Limit::new(1);
        let permit = limit.permit().await;
        let how = Serve { shared: Some(limit.clone()), ..quietly() };
        nursery(async |n| {
            let server = n.spawn(serve(listener, how, echo));
            let client = TcpStream::connect(address).await?;
            turn().await;
            server.cancel();
            let (read, _) = client.read(vec![0; 1]).await;
            assert_eq!(read.unwrap_or(0), 0, "closed or reset");
            Ok(())
        })
        .await
        .unwrap();
        drop(permit);
        assert_eq!(limit.in_use(), 0);
    });
}

/// A connection for which there is no permit is not accepted: another process that has the
/// listener, too, gets it after the stop.
#[test]
fn k2_a_stop_leaves_what_has_no_permit_to_the_next_server() {
    run(async || {
        let (listener, address) = listener();
        let next = shared(&listener);
        let limit = Limit::new(1);
        let permit = limit.permit().await;
        let how = || Serve { shared: Some(limit.clone()), ..quietly() };
        let client = TcpStream::connect(address).await.unwrap();
        nursery(async |n| {
            let server = n.spawn(serve(listener, how(), echo));
            for _ in 0..10 {
                turn().await;
            }
            server.cancel();
            Ok(())
        })
        .await
        .unwrap();
        drop(permit);
        nursery(async |n| {
            n.spawn(serve(next, how(), echo));
            assert_eq!(says(&client, "a word").await, b"a word");
            drop(client);
            n.cancel();
            Ok(())
        })
        .await
        .unwrap();
    });
}

/// Two servers of one listener see the same client come. The one that does not get it gives its
/// permit back, which a busy listener needs.
#[test]
fn k2_a_listener_whose_client_is_gone_keeps_no_permit() {
    run(async || {
        let ((one, first), (other, second)) = (listener(), listener());
        let same = shared(&one);
        let limit = Limit::new(1);
        let how = || Serve { shared: Some(limit.clone()), ..quietly() };
        nursery(async |n| {
            n.spawn(serve(one, how(), echo));
            n.spawn(serve(same, how(), echo));
            n.spawn(serve(other, how(), echo));
            for address in [first, second, first, second] {
                let client = TcpStream::connect(address).await?;
                assert_eq!(says(&client, "a word").await, b"a word");
            }
            n.cancel();
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(limit.in_use(), 0);
    });
}

#[test]
fn k2_connections_of_unix_sockets_are_served_as_those_of_tcp() {
    run(async || {
        let name = format!("nestling/serve/{}", process::id());
        let address = unix::SocketAddr::from_abstract_name(name).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        let told = Rc::new(Cell::new(0));
        let noted = Rc::clone(&told);
        let how = Serve { signals: false, drain: LONG, limit: Some(2), ..Serve::default() };
        let how = how.on_failure(move |peer: unix::SocketAddr, error| {
            assert!(peer.is_unnamed() && error.to_string().contains("asked to fail"));
            noted.set(noted.get() + 1);
        });
        nursery(async |n| {
            n.spawn(serve(listener, how, async |stream: UnixStream, _peer| {
                let (read, bytes) = stream.read(Vec::with_capacity(64)).await;
                read?;
                if bytes == b"fail" {
                    return Err(io::Error::other("asked to fail"));
                }
                stream.write_all(bytes).await.0
            }));
            for (word, answer) in [("fail", &b""[..]), ("word", b"word"), ("last", b"last")] {
                let client = UnixStream::connect_addr(&address).await?;
                client.write_all(word).await.0?;
                let (read, mut bytes) = client.read(Vec::with_capacity(64)).await;
                bytes.truncate(read?);
                assert_eq!(bytes, answer);
            }
            n.cancel();
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(told.get(), 1);
    });
}

#[test]
fn r12_a_server_that_is_dropped_leaves_nothing() {
    let stats: Stats = run(async || {
        let (listener, address) = listener();
        let client = {
            let mut server = std::pin::pin!(serve(listener, quietly(), echo));
            assert!(futures_util::poll!(server.as_mut()).is_pending());
            let client = TcpStream::connect(address).await.unwrap();
            assert!(futures_util::poll!(server.as_mut()).is_pending());
            client
        };
        let (read, _) = client.read(Vec::with_capacity(1)).await;
        assert_eq!(read.unwrap_or(0), 0, "closed or reset");
    });
    assert_eq!(stats.in_flight, 0);
}

#[test]
fn k2_a_signal_is_a_stop() {
    by_itself("serve::k2_a_signal_is_a_stop", || {
        let (listener, address) = listener_of_std();
        let client = thread::spawn(move || {
            let mut client = net::TcpStream::connect(address).unwrap();
            client.write_all(b"word").unwrap();
            let mut back = [0; 4];
            client.read_exact(&mut back).unwrap();
            let kill = process::Command::new("kill").arg(process::id().to_string()).status();
            assert!(kill.unwrap().success());
            // Only when the listener is gone has the server heard of the signal.
            while net::TcpStream::connect(address).is_ok() {}
            client.write_all(b"last").unwrap();
            client.read_exact(&mut back).unwrap();
            assert_eq!(&back, b"last", "it drains");
        });
        let how = Serve { drain: LONG, ..Serve::default() };
        nestling::block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            serve(listener, how, echo).await.unwrap();
        });
        client.join().unwrap();
    });
}

#[test]
fn k2_after_a_signal_the_drain_has_an_end() {
    by_itself("serve::k2_after_a_signal_the_drain_has_an_end", || {
        let (listener, address) = listener_of_std();
        let client = thread::spawn(move || {
            let mut client = net::TcpStream::connect(address).unwrap();
            client.write_all(b"word").unwrap();
            client.read_exact(&mut [0; 4]).unwrap();
            let kill = process::Command::new("kill").arg(process::id().to_string()).status();
            assert!(kill.unwrap().success());
            assert_eq!(client.read(&mut [0]).unwrap(), 0, "it is cut, although it says nothing");
        });
        let how = Serve { drain: Duration::from_millis(1), ..Serve::default() };
        nestling::block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            serve(listener, how, echo).await.unwrap();
        });
        client.join().unwrap();
    });
}

fn listener_of_std() -> (net::TcpListener, SocketAddr) {
    let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[test]
fn j1_without_descriptors_it_pauses_and_goes_on() {
    by_itself("serve::j1_without_descriptors_it_pauses_and_goes_on", || {
        nestling::block_on(async {
            let (listener, address) = listener();
            // For the sockets of two clients, and one at the server's side.
            let _files = leave_descriptors(3);
            nursery(async |n| {
                n.spawn(serve(listener, quietly(), echo));
                let first = TcpStream::connect(address).await?;
                assert_eq!(says(&first, "first").await, b"first");
                let second = TcpStream::connect(address).await?;
                for _ in 0..20 {
                    turn().await;
                }
                drop(first);
                assert_eq!(says(&second, "second").await, b"second");
                drop(second);
                n.cancel();
                Ok(())
            })
            .await
            .unwrap();
        });
    });
}

#[test]
fn r13_a_panic_of_the_hook_is_the_servers() {
    let caught = std::panic::catch_unwind(|| {
        run(async || {
            let (listener, address) = listener();
            let how = quietly().on_failure(|_, _| panic!("the hook"));
            let ended = nursery(async |n| {
                n.spawn(serve(listener, how, echo));
                let client = TcpStream::connect(address).await?;
                assert_eq!(says(&client, "fail").await, b"");
                pending().await
            });
            let ended: io::Result<()> = ended.await;
            ended.unwrap();
        })
    });
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"the hook"));
}
