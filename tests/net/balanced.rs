//! A server whose connections go to the core with the fewest: of two cores, here.

use crate::serve::quietly;
use crate::support::descriptors;
use crate::{alone, listener};
use nestling::io::nursery;
use nestling::net::TcpStream;
use nestling::{Cores, Runtime, Serve, is_cancelled, serve_balanced};
use nestling_runtime::lowlevel::place;
use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Runs a program on the first of two cores, and checks that it leaves no descriptor.
fn on_two_cores(program: impl AsyncFn() -> io::Result<()> + Send + Sync + 'static) {
    alone(|| {
        let before = descriptors();
        let builder = Runtime::builder().cores(Cores::Count(2));
        let ended = builder.run(async move |core| {
            if core.index() > 0 {
                return Ok::<_, io::Error>(());
            }
            program().await
        });
        ended.unwrap();
        assert_eq!(descriptors(), before);
    });
}

/// Says on which core it is served; then does what the client says.
async fn tell(stream: TcpStream, _peer: SocketAddr) -> io::Result<()> {
    stream.write_all(vec![place().0 as u8]).await.0?;
    let (read, order) = stream.read(Vec::with_capacity(8)).await;
    match (read?, &order[..]) {
        (_, b"panic") => panic!("asked to"),
        (_, b"fail") => Err(io::Error::other("asked to fail")),
        _ => Ok(()),
    }
}

/// A client, and the core that serves it.
async fn client(address: SocketAddr) -> io::Result<(TcpStream, u8)> {
    let stream = TcpStream::connect(address).await?;
    let (read, core) = stream.read_exact(vec![0; 1]).await;
    read?;
    Ok((stream, core[0]))
}

#[test]
fn k3_a_connection_goes_to_the_core_with_the_fewest() {
    on_two_cores(async || {
        let (listener, address) = listener();
        nursery(async |n| {
            n.spawn(serve_balanced(listener, quietly(), tell));
            let mut clients = Vec::new();
            for _ in 0..20 {
                clients.push(client(address).await?);
            }
            assert_eq!(clients.iter().filter(|(_, core)| *core == 0).count(), 10);
            // The other one is emptied: all that come then are its own, until it has as many.
            let (stay, go): (Vec<_>, Vec<_>) =
                clients.into_iter().partition(|(_, core)| *core == 0);
            for (stream, _) in go {
                stream.write_all("bye").await.0?;
                assert_eq!(stream.read(vec![0; 1]).await.0?, 0, "it is served to its end");
            }
            let mut late = Vec::new();
            for _ in 0..5 {
                late.push(client(address).await?);
            }
            assert_eq!(late.iter().filter(|(_, core)| *core == 0).count(), 0);
            drop((stay, late));
            n.cancel();
            Ok(())
        })
        .await
    });
}

#[test]
fn d1_a_connection_that_fails_or_panics_on_another_core_ends_alone() {
    on_two_cores(async || {
        let (listener, address) = listener();
        let told = Rc::new(RefCell::new(Vec::new()));
        let noted = Rc::clone(&told);
        let how = quietly().on_failure(move |_, error| noted.borrow_mut().push(error.to_string()));
        nursery(async |n| {
            n.spawn(serve_balanced(listener, how, tell));
            let mut cores = Vec::new();
            for order in ["fail", "fail", "panic", "panic"] {
                let (stream, core) = client(address).await?;
                stream.write_all(order).await.0?;
                // A panic lets go of the connection with bytes unread, or without.
                assert_eq!(stream.read(vec![0; 1]).await.0.unwrap_or(0), 0);
                cores.push(core);
            }
            cores.sort_unstable();
            assert_eq!(cores, [0, 0, 1, 1]);
            client(address).await?;
            n.cancel();
            Ok(())
        })
        .await?;
        let told = told.take();
        assert_eq!(
            told.iter().filter(|text| text.contains("asked to fail")).count(),
            2,
            "{told:?}"
        );
        assert_eq!(told.len(), 4, "{told:?}");
        Ok(())
    });
}

#[test]
fn k2_what_is_left_after_the_drain_is_cancelled_on_its_core() {
    on_two_cores(async || {
        let (listener, address) = listener();
        let heard = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&heard);
        let waits = async move |stream: TcpStream, _| {
            stream.write_all(vec![place().0 as u8]).await.0?;
            let (read, _) = stream.read(vec![0; 1]).await;
            counts.fetch_add(usize::from(read.as_ref().is_err_and(is_cancelled)), Ordering::SeqCst);
            read.map(drop)
        };
        let how = Serve { drain: Duration::from_millis(1), ..quietly() };
        nursery(async |n| {
            let server = n.spawn(serve_balanced(listener, how, waits));
            let clients = [client(address).await?, client(address).await?];
            server.cancel();
            for (stream, _) in clients {
                assert_eq!(stream.read(vec![0; 1]).await.0?, 0, "the server closes it");
            }
            Ok(())
        })
        .await?;
        assert_eq!(heard.load(Ordering::SeqCst), 2);
        Ok(())
    });
}
