//! Copies in both directions: counts that come with an error, and the limit on silence.

use nestling::io::{CopyOptions, copy_bidirectional, copy_bidirectional_with, nursery};
use nestling::net::{TcpListener, TcpStream};
use nestling::time::sleep;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::time::{Duration, Instant};

/// Two connected streams.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (near, listener.accept().await.unwrap().0)
}

async fn passes(from: &TcpStream, to: &TcpStream, bytes: &'static str) {
    from.write_all(bytes).await.0.unwrap();
    let (read, received) = to.read_exact(vec![0; bytes.len()]).await;
    read.unwrap();
    assert_eq!(received, bytes.as_bytes());
}

#[test]
fn counts_come_back_also_with_an_error() {
    nestling::block_on(async {
        let ((client, a), (b, server)) = (pair().await, pair().await);
        let copied = nursery(async |n| {
            let copy = n.spawn(async { Ok(copy_bidirectional(&a, &b).await) });
            passes(&client, &server, "there").await;
            passes(&server, &client, "and back").await;
            server.set_linger(Some(Duration::ZERO))?;
            drop(server);
            Ok(copy.await?)
        });
        let error = copied.await.unwrap().unwrap_err();
        assert_eq!((error.a_to_b(), error.b_to_a()), (5, 8), "{error}");
        assert_eq!(error.error().kind(), ErrorKind::ConnectionReset);
        assert_eq!(std::io::Error::from(error).kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn each_direction_ends_by_itself() {
    nestling::block_on(async {
        let ((client, a), (b, server)) = (pair().await, pair().await);
        let copied = nursery(async |n| {
            let copy = n.spawn(async { Ok(copy_bidirectional(&a, &b).await) });
            client.shutdown(Shutdown::Write).await?;
            assert_eq!(server.read(vec![0; 1]).await.0?, 0, "the end is handed on");
            passes(&server, &client, "later").await;
            assert!(!copy.is_finished());
            drop(server);
            Ok(copy.await?)
        });
        assert_eq!(copied.await.unwrap().unwrap(), (0, 5));
    });
}

/// The time counts from the last byte. On a slow machine the byte may come too late; then again,
/// with more time.
#[test]
fn silence_counts_from_the_last_byte() {
    for idle in (5..).map(|power| Duration::from_millis(1 << power)) {
        let waited = nestling::block_on(async {
            let ((client, a), (b, server)) = (pair().await, pair().await);
            nursery(async |n| {
                let how = CopyOptions { idle: Some(idle), ..CopyOptions::default() };
                let copy = n.spawn(async move { Ok(copy_bidirectional_with(how, &a, &b).await) });
                sleep(idle / 2).await;
                let sent = Instant::now();
                client.write_all("x").await.0?;
                let (read, _) = server.read_exact(vec![0; 1]).await;
                let ended = copy.await?.unwrap_err();
                assert_eq!(ended.error().kind(), ErrorKind::TimedOut);
                // The copy had ended before the byte.
                Ok(read.is_ok().then(|| sent.elapsed()))
            })
            .await
        });
        if let Some(waited) = waited.unwrap() {
            return assert!(waited >= idle, "{waited:?} of {idle:?}");
        }
    }
}
