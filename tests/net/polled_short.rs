//! Short reads of code that polls with bytes behind them, and what its waits ask of the ring.

use crate::run;
use crate::support::{pair, poll_once, tcp_pair, turn};
use nestling::net::UnixStream;
use nestling::{stats, timeout};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use socket2::SockRef;
use std::future::poll_fn;
use std::io::{self, IoSlice, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Reads `abc` and `efg`, which come while the task waits and which one receive does not take
/// together, more than once: the first wait of a task and the later ones are not the same.
async fn reads_both(
    read: impl Fn(&mut Context<'_>, &mut [u8]) -> Poll<io::Result<usize>>,
    send: impl Fn(),
) {
    for round in 0..4 {
        let mut buffer = [0; 8];
        let mut reading = Box::pin(poll_fn(|cx| read(cx, &mut buffer)));
        assert!(poll_once(reading.as_mut()).await.is_pending());
        turn().await;
        send();
        turn().await;
        turn().await;
        assert_eq!(reading.await.unwrap(), 3);
        assert_eq!(&buffer[..3], b"abc");
        let mut reading = Box::pin(poll_fn(|cx| read(cx, &mut buffer)));
        let mut polled = poll_once(reading.as_mut()).await;
        if polled.is_pending() {
            turn().await;
            turn().await;
            polled = poll_once(reading.as_mut()).await;
        }
        drop(reading);
        assert!(matches!(polled, Poll::Ready(Ok(3))), "round {round}: {polled:?}");
        assert_eq!(&buffer[..3], b"efg");
    }
}

#[test]
fn a_short_read_at_an_urgent_byte_is_no_proof() {
    run(async || {
        let (stream, peer) = tcp_pair("127.0.0.1:0").await;
        let send = || {
            (&peer).write_all(b"abc").unwrap();
            SockRef::from(&peer).send_out_of_band(b"d").unwrap();
            (&peer).write_all(b"efg").unwrap();
        };
        reads_both(|cx, buffer| stream.poll_read(cx, buffer), send).await;
    });
}

/// The kernel joins no bytes of two messages when descriptors came along with the first.
#[test]
fn a_short_read_before_descriptors_is_no_proof() {
    run(async || {
        let (stream, peer) = UnixStream::pair().unwrap();
        let send = |bytes: &[u8], fds: &[RawFd]| {
            let along = [ControlMessage::ScmRights(fds)];
            let along = if fds.is_empty() { &[][..] } else { &along };
            let bytes = [IoSlice::new(bytes)];
            let fd = peer.as_raw_fd();
            assert_eq!(sendmsg::<()>(fd, &bytes, along, MsgFlags::empty(), None).unwrap(), 3);
        };
        let send = || {
            send(b"abc", &[peer.as_raw_fd()]);
            send(b"efg", &[]);
        };
        reads_both(|cx, buffer| stream.poll_read(cx, buffer), send).await;
    });
}

/// A wait costs one request, and nothing has to be ended after it, in a scope of its own as well.
#[test]
fn a_wait_asks_once() {
    run(async || {
        let (stream, mut peer) = pair();
        let mut buffer = [0; 8];
        peer.write_all(b"x").unwrap();
        assert_eq!(stream.try_read(&mut buffer).unwrap(), 1);
        let mut read_in = async |limit: bool, peer: &mut std::os::unix::net::UnixStream| {
            let reading = poll_fn(|cx| stream.poll_read(cx, &mut buffer));
            let reading = async {
                match limit {
                    true => timeout(Duration::from_secs(60), reading).await.unwrap(),
                    false => reading.await,
                }
            };
            let mut reading = pin!(reading);
            assert!(poll_once(reading.as_mut()).await.is_pending());
            peer.write_all(b"x").unwrap();
            assert_eq!(reading.await.unwrap(), 1);
        };
        let asked = || [stats().submitted, stats().cancel_requests];
        for limit in [true, false, true] {
            let before = asked();
            for _ in 0..20 {
                read_in(limit, &mut peer).await;
            }
            let after = asked();
            assert_eq!([after[0] - before[0], after[1] - before[1]], [20, 0], "limit: {limit}");
        }
    });
}
