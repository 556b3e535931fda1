//! Connections that move to another core: each is answered there, and closed once.

use crate::alone;
use crate::support::{descriptors, sees_the_end};
use nestling::net::{Detached, TcpListener, TcpStream};
use nestling::sync::remote::channel;
use nestling::{Cores, Runtime, nursery};
use nestling_runtime::lowlevel::place;
use std::future::pending;
use std::io::{self, Error, Read, Write};
use std::net;
use std::thread;

const CONNECTIONS: usize = 100;

/// Answers with the core that this runs on, and the three bytes that the peer has sent.
async fn answer(connection: Detached) -> io::Result<()> {
    let stream = connection.attach();
    let (result, sent) = stream.read_exact(vec![0; 3]).await;
    result?;
    let text = format!("core {}: {}", place().0, String::from_utf8_lossy(&sent));
    stream.write_all(text).await.0
}

/// Connects and sends, before anybody accepts.
fn clients(address: net::SocketAddr) -> io::Result<Vec<net::TcpStream>> {
    let client = |number| {
        let mut client = net::TcpStream::connect(address)?;
        client.write_all(format!("{number:03}").as_bytes())?;
        Ok(client)
    };
    (0..CONNECTIONS).map(client).collect()
}

/// Runs a program on the first of two cores that deals connections, and checks what the peers saw.
fn deals(deal: impl AsyncFn(&TcpListener) -> io::Result<()> + Send + Sync + 'static) {
    alone(|| {
        let before = descriptors();
        let cores = Runtime::builder().cores(Cores::Count(2));
        let peers = cores.run(async move |core| {
            if core.index() > 0 {
                return Ok(Vec::new());
            }
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let clients = clients(listener.local_addr()?)?;
            deal(&listener).await?;
            Ok::<_, Error>(clients)
        });
        for (number, mut client) in peers.expect("nothing fails").into_iter().flatten().enumerate()
        {
            let mut text = String::new();
            client.read_to_string(&mut text).expect("it was answered, and closed");
            assert_eq!(text, format!("core {}: {number:03}", number % 2));
        }
        assert_eq!(descriptors(), before);
    });
}

async fn accepted(listener: &TcpListener) -> io::Result<Detached> {
    let (stream, _): (TcpStream, _) = listener.accept().await?;
    Ok(stream.detach().await)
}

#[test]
fn e1_connections_are_dealt_as_children() {
    deals(async |listener| {
        nursery(async |n| {
            for number in 0..CONNECTIONS {
                let connection = accepted(listener).await?;
                n.spawn_on(number % 2, async move || answer(connection).await);
            }
            Ok(())
        })
        .await
    });
}

#[test]
fn e1_connections_are_dealt_through_channels() {
    deals(async |listener| {
        nursery(async |n| {
            let hands = [0, 1].map(|core| {
                let (hand, inbox) = channel(4);
                n.spawn_on(core, async move || {
                    while let Some(connection) = inbox.recv().await {
                        answer(connection).await?;
                    }
                    Ok::<_, Error>(())
                });
                hand
            });
            for number in 0..CONNECTIONS {
                hands[number % 2].send(accepted(listener).await?).await?;
            }
            Ok(())
        })
        .await
    });
}

/// On its core, on a thread without a runtime, in a child that is cut, and in a channel.
#[test]
fn r15_a_connection_that_nobody_attaches_is_closed() {
    alone(|| {
        let before = descriptors();
        let cores = Runtime::builder().cores(Cores::Count(2));
        let peers = cores.run(async |core| {
            if core.index() > 0 {
                return Ok(Vec::new());
            }
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let clients = clients(listener.local_addr()?)?;
            let (hand, _inbox) = channel(CONNECTIONS);
            nursery(async |n| {
                for _ in 0..CONNECTIONS / 4 {
                    drop(accepted(&listener).await?);
                    let connection = accepted(&listener).await?;
                    thread::spawn(move || drop(connection)).join().expect("it does not panic");
                    let connection = accepted(&listener).await?;
                    n.spawn_on(1, async move || {
                        let _connection = connection;
                        pending::<io::Result<()>>().await
                    });
                    hand.send(accepted(&listener).await?).await?;
                }
                n.cancel();
                Ok::<_, Error>(())
            })
            .await?;
            Ok::<_, Error>(clients)
        });
        for mut client in peers.expect("nothing fails").into_iter().flatten() {
            assert!(sees_the_end(&mut client));
        }
        assert_eq!(descriptors(), before);
    });
}
