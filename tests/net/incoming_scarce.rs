//! Connections that come one after the other, where there is no room for all of them: in the queue
//! of completions, or among the descriptors.

use crate::support::sandbox::leave_descriptors;
use crate::support::turn;
use crate::{by_itself, connect, listener, run, run_on, start, submitted};
use nestling::Runtime;
use nestling::net::{Incoming, TcpListener, TcpStream, is_exhausted};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net;
use std::pin::pin;

/// The next connection: it is that client's, and whole.
async fn expect(incoming: &mut Incoming<'_>, client: &mut net::TcpStream) {
    let (server, peer) = incoming.next().await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    is_whole(server, client).await;
}

/// Bytes go through a connection in both directions, and its end.
async fn is_whole(server: TcpStream, client: &mut net::TcpStream) {
    client.write_all(b"there").unwrap();
    let (result, buffer) = server.read_exact(vec![0; 5]).await;
    result.unwrap();
    assert_eq!(buffer, b"there");
    server.write_all("and back").await.0.unwrap();
    server.close().await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "and back");
}

/// The kernel ends the operation when it has no place for an answer; the connection that it had
/// accepted is in the last one. It is asked anew for the others.
#[test]
fn c1_a_burst_of_connections_overflows_the_queue_of_completions() {
    const BURST: usize = 40;
    for places in [2, 8] {
        let builder = Runtime::builder().entries(2).completions(places);
        let stats = run_on(builder, async || {
            let (listener, address) = listener();
            let mut incoming = listener.incoming();
            start(pin!(incoming.next())).await;
            // They come before the core looks again.
            let mut clients = [(); BURST].map(|()| connect(address));
            turn().await;
            let before = submitted();
            let mut servers = Vec::new();
            for client in &clients {
                let (server, peer) = incoming.next().await.unwrap();
                assert_eq!(peer, client.local_addr().unwrap());
                servers.push(server);
            }
            assert!(submitted() > before, "its answer that found no place was the last");
            for (server, client) in servers.into_iter().zip(&mut clients) {
                is_whole(server, client).await;
            }
            // And it goes on.
            expect(&mut incoming, &mut connect(address)).await;
        });
        assert!(stats.overflows > 0, "{stats:?}");
    }
}

/// The same when it is dropped with all answers: the last one is as good as the others.
#[test]
fn c1_it_is_dropped_behind_an_overflow() {
    let stats = run_on(Runtime::builder().entries(2).completions(2), async || {
        let (listener, address) = listener();
        let mut incoming = listener.incoming();
        start(pin!(incoming.next())).await;
        let clients = [(); 40].map(|()| connect(address));
        for _ in 0..4 {
            turn().await;
        }
        drop(incoming);
        for client in &clients {
            assert_eq!(listener.accept().await.unwrap().1, client.local_addr().unwrap());
        }
    });
    assert!(stats.overflows > 0 && stats.resumed > 0, "{stats:?}");
}

/// Runs a test in which `incoming` has three connections that nothing has taken, and behind them
/// the error that there is no descriptor for a fourth, a fifth and a sixth. In a process of its
/// own, for which the limit is lowered.
fn without_descriptors(
    name: &str,
    test: impl AsyncFnOnce(&TcpListener, Incoming<'_>, &mut [net::TcpStream], Vec<File>),
) {
    by_itself(name, || {
        run(async || {
            let (listener, address) = listener();
            let mut incoming = listener.incoming();
            // The kernel looks at the limit when it is asked, not when a connection comes.
            drop(leave_descriptors(10));
            start(pin!(incoming.next())).await;
            let mut clients = [(); 6].map(|()| connect(address));
            let (files, ..) = leave_descriptors(3);
            for _ in 0..4 {
                turn().await;
            }
            test(&listener, incoming, &mut clients, files).await;
        });
    });
}

fn assert_exhausted(error: &io::Error) {
    assert!(is_exhausted(error), "{error}");
    assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{error}");
}

#[test]
fn i6_descriptors_run_out_behind_connections_that_have_come() {
    let name = "incoming_scarce::i6_descriptors_run_out_behind_connections_that_have_come";
    without_descriptors(name, async |_, mut incoming, clients, files| {
        let mut servers = Vec::new();
        for client in &clients[..3] {
            let (server, peer) = incoming.next().await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
            servers.push(server);
        }
        // It can be asked again, and says so each time.
        for _ in 0..3 {
            assert_exhausted(&incoming.next().await.unwrap_err());
        }
        drop(files);
        for (server, client) in servers.into_iter().zip(&mut *clients) {
            is_whole(server, client).await;
        }
        for client in &mut clients[3..] {
            expect(&mut incoming, client).await;
        }
    });
}

/// The same when it is dropped instead: an accept gets what had come, and finds out for itself that
/// there is no descriptor for more.
#[test]
fn i6_descriptors_have_run_out_when_it_is_dropped() {
    let name = "incoming_scarce::i6_descriptors_have_run_out_when_it_is_dropped";
    without_descriptors(name, async |listener, incoming, clients, files| {
        drop(incoming);
        let mut servers = Vec::new();
        for client in &clients[..3] {
            let (server, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
            servers.push(server);
        }
        assert_exhausted(&listener.accept().await.unwrap_err());
        drop(files);
        for client in &clients[3..] {
            let (server, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
            servers.push(server);
        }
        for (server, client) in servers.into_iter().zip(&mut *clients) {
            is_whole(server, client).await;
        }
    });
}
