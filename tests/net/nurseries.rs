//! Rule 15: the sockets of children, and the ports, are free when their nursery has returned.

use crate::support::{descriptors, one_at_a_time};
use nestling::net::{TcpListener, TcpStream};
use nestling::{block_on, nursery};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::future::pending;
use std::io;

async fn loopback() -> io::Result<TcpListener> {
    TcpListener::bind("127.0.0.1:0").await
}

/// A connection: its client's end, and the server's.
async fn connected(listener: &TcpListener) -> io::Result<(TcpStream, TcpStream)> {
    let client = TcpStream::connect(listener.local_addr()?).await?;
    Ok((client, listener.accept().await?.0))
}

/// Runs a nursery again and again: each time it returns the descriptors are back.
fn gives_back(work: impl AsyncFn() -> io::Result<()>) {
    let _one = one_at_a_time();
    block_on(async {
        let before = descriptors();
        for round in 0..50 {
            let _ = work().await;
            assert_eq!(descriptors(), before, "after round {round}");
        }
    });
}

#[test]
fn r15_sockets_of_children_that_ended() {
    gives_back(async || {
        nursery(async |n| {
            let listener = loopback().await?;
            for _ in 0..5 {
                let (client, server) = connected(&listener).await?;
                n.spawn(async move { client.write_all("hello").await.0 });
                n.spawn(async move { server.read_exact(vec![0; 5]).await.0 });
            }
            Ok(())
        })
        .await
    });
}

#[test]
fn r15_sockets_of_children_that_were_cancelled() {
    gives_back(async || {
        nursery(async |n| {
            let listener = loopback().await?;
            for _ in 0..5 {
                let (client, server) = connected(&listener).await?;
                n.spawn(async move { client.read_exact(vec![0; 5]).await.0 });
                n.spawn(async move {
                    let _server = server;
                    pending::<io::Result<()>>().await
                });
            }
            for _ in 0..4 {
                nop().await?;
            }
            Err(io::Error::other("enough"))
        })
        .await
    });
}

#[test]
fn r15_sockets_of_a_nursery_that_was_dropped() {
    gives_back(async || {
        nursery(async |_| {
            let inner = Box::pin(nursery(async |n| {
                let listener = loopback().await?;
                let (client, server) = connected(&listener).await?;
                n.spawn(async move { client.read_exact(vec![0; 5]).await.0 });
                n.spawn(async move { server.read_exact(vec![0; 5]).await.0 });
                listener.accept().await.map(drop)
            }));
            let turns = Box::pin(async {
                for _ in 0..12 {
                    let _ = nop().await;
                }
            });
            drop(futures_util::future::select(inner, turns).await);
            Ok(())
        })
        .await
    });
}

#[test]
fn r15_sockets_of_children_that_panicked() {
    gives_back(async || {
        use futures_util::FutureExt;
        let work = nursery(async |n| {
            let listener = loopback().await?;
            let (client, server) = connected(&listener).await?;
            n.spawn(async move { client.read_exact(vec![0; 5]).await.0 });
            n.spawn(async move {
                let _server = server;
                let _ = nop().await;
                std::panic::resume_unwind(Box::new(1))
            });
            listener.accept().await.map(drop)
        });
        let end: Result<io::Result<()>, _> =
            std::panic::AssertUnwindSafe(work).catch_unwind().await;
        assert!(end.is_err());
        Ok(())
    });
}

#[test]
fn r15_the_port_is_free_when_the_nursery_has_returned() {
    let _one = one_at_a_time();
    block_on(async {
        for _ in 0..20 {
            let port = Cell::new(None);
            let result = nursery(async |n| {
                n.spawn(async {
                    let listener = loopback().await?;
                    port.set(Some(listener.local_addr()?));
                    while listener.accept().await.is_ok() {}
                    Ok(())
                });
                while port.get().is_none() {
                    nop().await?;
                }
                nop().await?;
                n.cancel();
                Ok::<_, io::Error>(())
            });
            result.await.expect("only cancelled");
            let port = port.get().expect("it listened");
            drop(std::net::TcpListener::bind(port).expect("the port is free"));
        }
    });
}

/// Everything that a runtime opened is closed when it is gone.
#[test]
fn r15_runtimes_leave_no_descriptor() {
    let _one = one_at_a_time();
    block_on(async {});
    let before = descriptors();
    for _ in 0..50 {
        let result: io::Result<()> = block_on(nursery(async |n| {
            let listener = loopback().await?;
            n.spawn(async move { listener.accept().await.map(drop) });
            nop().await?;
            n.cancel();
            Ok(())
        }));
        result.expect("only cancelled");
    }
    assert_eq!(descriptors(), before);
}
