//! Connects: options that are set before, several addresses at once, and what is left of losers.

use crate::support::{one_at_a_time, poll_once, turn};
use crate::{listener, run, start};
use nestling::net::{ConnectOptions, TcpKeepalive, TcpListener, TcpStream};
use nestling::{block_on, io::nursery, is_cancelled, timeout};
use socket2::{Domain, SockRef, Socket, Type};
use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{self, SocketAddr};
use std::pin::pin;
use std::time::Duration;

/// An address that no listener has: its port stays taken while the socket is there.
fn refused() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

/// An address at which the backlog is full, so that a connect gets no answer.
fn silent() -> (impl Sized, SocketAddr) {
    let (socket, address) = refused();
    socket.listen(0).unwrap();
    let waits = net::TcpStream::connect(address).unwrap();
    ((socket, waits), address)
}

fn delayed(delay: Duration) -> ConnectOptions {
    ConnectOptions::default().attempt_delay(delay)
}

/// Whether a connection waits at a listener.
fn has_come(listener: &net::TcpListener) -> bool {
    listener.set_nonblocking(true).unwrap();
    listener.accept().is_ok()
}

#[test]
fn rfc8305_a_silent_address_does_not_hold_up_the_next() {
    run(async || {
        let (_silent, hole) = silent();
        let (listener, good) = listener();
        for delay in [Duration::ZERO, Duration::from_millis(1)] {
            let connected = TcpStream::connect_with(&[hole, good][..], &delayed(delay)).await;
            let stream = connected.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), good);
            let (server, _) = listener.accept().await.unwrap();
            server.write_all("hello").await.0.unwrap();
            assert_eq!(stream.read_exact(vec![0; 5]).await.1, b"hello");
        }
    });
}

#[test]
fn rfc8305_a_refusal_hurries_the_next_attempt_on() {
    run(async || {
        let ((_one, first), (_other, second)) = (refused(), refused());
        let (_listener, good) = listener();
        let never = delayed(Duration::MAX);
        let stream = TcpStream::connect_with(&[first, second, good][..], &never).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
    });
}

/// A failure counts also while another attempt runs, and so does one that cannot even begin. If
/// each took the delay, this would count as hung.
#[test]
fn rfc8305_failures_beside_a_silent_address_hurry_the_next_attempt_on() {
    run(async || {
        let ((_silent, hole), (_refused, refused)) = (silent(), refused());
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let good = listener.local_addr().unwrap();
        let other_family = SocketAddr::from((net::Ipv6Addr::LOCALHOST, 1));
        for failing in [refused, other_family] {
            let mut addresses = vec![failing; 4002];
            (addresses[0], addresses[4001]) = (hole, good);
            let options = delayed(Duration::from_millis(50)).local_addr(([127, 0, 0, 1], 0).into());
            let stream = TcpStream::connect_with(addresses, &options).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), good);
        }
    });
}

#[test]
fn rfc8305_the_next_attempt_waits_for_the_delay() {
    run(async || {
        let (_silent, hole) = silent();
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let both = [hole, listener.local_addr().unwrap()];
        let never = delayed(Duration::MAX);
        {
            let mut connect = pin!(TcpStream::connect_with(&both[..], &never));
            start(connect.as_mut()).await;
            for _ in 0..3 {
                turn().await;
                assert!(poll_once(connect.as_mut()).await.is_pending());
            }
        }
        assert!(!has_come(&listener), "the second attempt has begun");
    });
}

/// Both answer: one has the connection, and the other one sees the end of its own.
#[test]
fn b1_a_loser_that_connects_is_closed() {
    run(async || {
        for _ in 0..50 {
            let listeners = [(); 2].map(|()| net::TcpListener::bind("127.0.0.1:0").unwrap());
            let both = listeners.each_ref().map(|listener| listener.local_addr().unwrap());
            let at_once = delayed(Duration::ZERO);
            let stream = nursery(async |_| TcpStream::connect_with(&both[..], &at_once).await);
            let stream = stream.await.unwrap();
            let winner = stream.peer_addr().unwrap();
            for listener in listeners {
                let is_winner = listener.local_addr().unwrap() == winner;
                listener.set_nonblocking(!is_winner).unwrap();
                let Ok((mut server, _)) = listener.accept() else { continue };
                server.set_nonblocking(false).unwrap();
                if is_winner {
                    server.write_all(b"x").unwrap();
                    assert_eq!(stream.read(vec![0; 1]).await.1, b"x");
                } else {
                    assert!(matches!(server.read(&mut [0]), Ok(0) | Err(_)));
                }
            }
        }
    });
}

/// The nursery ends only when no attempt is in flight; `run` compares the descriptors.
#[test]
fn i9_a_connect_that_is_out_of_time_leaves_nothing() {
    run(async || {
        let ((_one, first), (_other, second)) = (silent(), silent());
        for round in 0..200_u64 {
            let (addresses, at_once) = ([first, second], delayed(Duration::ZERO));
            let connect = TcpStream::connect_with(&addresses[..], &at_once);
            let ended = timeout(Duration::from_micros(round * 10), connect).await;
            let error = ended.unwrap_or_else(|late| Err(late.into())).unwrap_err();
            assert!(is_cancelled(&error), "{round}: {error}");
        }
    });
}

#[test]
fn r09_a_cancelled_connect_to_several_is_known_as_one() {
    run(async || {
        let ((_one, first), (_other, second)) = (silent(), silent());
        let heard = Cell::new(false);
        let ended = nursery(async |n| {
            n.spawn(async {
                let addresses = [first, second];
                let connected =
                    TcpStream::connect_with(&addresses[..], &delayed(Duration::ZERO)).await;
                heard.set(connected.as_ref().is_err_and(is_cancelled));
                connected.map(drop)
            });
            turn().await;
            n.cancel();
            Ok(())
        });
        ended.await.unwrap();
        assert!(heard.get());
    });
}

#[test]
fn the_error_tells_what_each_address_said() {
    run(async || {
        let (_socket, first) = refused();
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let other_family = SocketAddr::from((net::Ipv6Addr::LOCALHOST, 1));
        let options = ConnectOptions::default().local_addr(local);
        let both = [other_family, first];
        let error = TcpStream::connect_with(&both[..], &options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let expected = format!(
            "cannot connect to {other_family}: the local address, {local}, is of the other family; \
             {first}: Connection refused (os error 111)"
        );
        assert_eq!(error.to_string(), expected);
    });
}

#[test]
fn a_connection_has_its_options_in_the_kernel() {
    run(async || {
        let (_listener, address) = listener();
        let keepalive = TcpKeepalive {
            time: Some(Duration::from_millis(59_500)),
            interval: Some(Duration::from_secs(7)),
            retries: Some(4),
        };
        let options = ConnectOptions::default()
            .local_addr(([127, 0, 0, 77], 0).into())
            .device("lo")
            .nodelay(true)
            .keepalive(keepalive)
            .recv_buffer_size(8192)
            .send_buffer_size(9216)
            .user_timeout(Duration::from_secs(20))
            .tos(0x20);
        let stream = TcpStream::connect_with(address, &options).await.unwrap();
        let socket = SockRef::from(&stream);
        assert_eq!(stream.local_addr().unwrap().ip(), net::IpAddr::from([127, 0, 0, 77]));
        assert_eq!(socket.device().unwrap().unwrap(), b"lo");
        assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(60), "rounded up");
        let got = TcpKeepalive { time: Some(Duration::from_secs(60)), ..keepalive };
        assert_eq!(stream.tcp_keepalive().unwrap(), got);
        assert_eq!(stream.recv_buffer_size().unwrap(), 16_384);
        assert_eq!(stream.send_buffer_size().unwrap(), 18_432);
        assert_eq!(stream.user_timeout().unwrap(), Some(Duration::from_secs(20)));
        assert_eq!(socket.tos_v4().unwrap(), 0x20);
    });
}

#[test]
fn an_option_that_is_refused_is_named() {
    run(async || {
        let (_listener, address) = listener();
        let default = ConnectOptions::default;
        for (options, named) in [
            (default().device("nosuch0"), "the network interface 'nosuch0': No such device"),
            (default().local_addr(([192, 0, 2, 1], 0).into()), "the local address 192.0.2.1:0: "),
            (
                default().keepalive(TcpKeepalive { retries: Some(128), ..TcpKeepalive::default() }),
                "128 probes: from 1 to 127",
            ),
        ] {
            let error = TcpStream::connect_with(address, &options).await.unwrap_err().to_string();
            assert!(error.starts_with(&format!("cannot connect to {address}: ")), "{error}");
            assert!(error.contains(named), "{error}");
        }
    });
}

/// Many connections from one port of this end, as long as the peers differ.
#[test]
fn a_local_address_without_a_port_does_not_use_ports_up() {
    run(async || {
        let local = ConnectOptions::default().local_addr(([127, 0, 0, 78], 0).into());
        let listeners = [(); 2].map(|()| listener());
        let mut streams = Vec::new();
        for (_, address) in &listeners {
            for _ in 0..100 {
                streams.push(TcpStream::connect_with(*address, &local).await.unwrap());
            }
        }
    });
}

#[test]
fn fast_open_connects_and_sends() {
    run(async || {
        let options = nestling::net::ListenOptions::default().fast_open(16);
        let listener = TcpListener::bind_with("127.0.0.1:0", &options).await.unwrap();
        let address = listener.local_addr().unwrap();
        // The second one has a cookie, if the kernel lets servers give them.
        for _ in 0..2 {
            let fast = ConnectOptions::default().fast_open(true);
            let client = TcpStream::connect_with(address, &fast).await.unwrap();
            client.write_all("fast").await.0.unwrap();
            let (server, _) = listener.accept().await.unwrap();
            assert_eq!(server.read_exact(vec![0; 4]).await.1, b"fast");
        }
    });
}

#[test]
fn i4_probes_are_rounded_up_and_do_not_wrap() {
    let _one = one_at_a_time();
    block_on(async {
        let (stream, _peer) = crate::support::tcp_pair("127.0.0.1:0").await;
        let longest = Duration::from_secs(32_767);
        for (set, got) in [
            (Duration::ZERO, Duration::from_secs(1)),
            (Duration::from_nanos(1), Duration::from_secs(1)),
            (Duration::from_millis(1_001), Duration::from_secs(2)),
            (longest, longest),
            (Duration::from_secs(1 << 16), longest),
            (Duration::MAX, longest),
        ] {
            let (time, interval) = (Some(set), Some(set));
            stream.set_tcp_keepalive(&TcpKeepalive { time, interval, retries: None }).unwrap();
            let socket = SockRef::from(&stream);
            assert_eq!(socket.tcp_keepalive_time().unwrap(), got, "{set:?}");
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), got, "{set:?}");
        }
        for retries in [0, 128, u32::MAX] {
            let keepalive = TcpKeepalive { retries: Some(retries), ..TcpKeepalive::default() };
            let refused: io::Error = stream.set_tcp_keepalive(&keepalive).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{retries}");
        }
    });
}
