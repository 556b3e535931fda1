//! Options that the kernel takes in other units, or in fewer bits: none of them wraps, and none is
//! cut off to something that means something else.

use crate::alone;
use crate::support::{one_at_a_time, tcp_pair};
use nestling::block_on;
use nestling::net::{ListenOptions, TcpListener};
use socket2::SockRef;
use std::io::{ErrorKind, Read};
use std::net;
use std::time::Duration;

/// What a stream's linger becomes in the kernel.
fn linger(linger: Option<Duration>) -> Option<Duration> {
    let _one = one_at_a_time();
    block_on(async {
        let (stream, _peer) = tcp_pair("127.0.0.1:0").await;
        stream.set_linger(linger).unwrap();
        SockRef::from(&stream).linger().unwrap()
    })
}

/// Zero would reset the connection.
#[test]
fn i4_a_linger_is_rounded_up() {
    for nanos in [1, 500_000_000, 999_999_999, 1_000_000_000] {
        assert_eq!(linger(Some(Duration::from_nanos(nanos))), Some(Duration::from_secs(1)));
    }
    assert_eq!(linger(Some(Duration::from_millis(1_001))), Some(Duration::from_secs(2)));
    assert_eq!(linger(Some(Duration::ZERO)), Some(Duration::ZERO));
    assert_eq!(linger(None), None);
}

#[test]
fn i4_a_linger_does_not_wrap() {
    let longest = Some(Duration::from_secs(2_147_483));
    for secs in [1 << 22, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 32) + 1, u64::MAX] {
        assert_eq!(linger(Some(Duration::from_secs(secs))), longest, "{secs}");
    }
    assert_eq!(linger(Some(Duration::MAX)), longest);
}

#[test]
fn i4_a_linger_of_a_part_of_a_second_loses_nothing() {
    alone(|| {
        let mut peer = block_on(async {
            let (stream, peer) = tcp_pair("127.0.0.1:0").await;
            stream.set_linger(Some(Duration::from_millis(500))).unwrap();
            stream.write_all(vec![7; 200_000]).await.0.unwrap();
            stream.close().await.unwrap();
            peer
        });
        let mut bytes = Vec::new();
        peer.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len(), 200_000);
    });
}

/// A size that does not fit is as good as the largest that does, and not a small one.
#[test]
fn a_buffer_size_does_not_wrap() {
    let _one = one_at_a_time();
    block_on(async {
        let (stream, _peer) = tcp_pair("127.0.0.1:0").await;
        let socket = SockRef::from(&stream);
        let sizes = || (socket.recv_buffer_size().unwrap(), socket.send_buffer_size().unwrap());
        let set = |bytes| {
            stream.set_recv_buffer_size(bytes).unwrap();
            stream.set_send_buffer_size(bytes).unwrap();
        };
        set(i32::MAX as usize);
        let largest = sizes();
        for bytes in [1 << 31, 1 << 32, (1 << 32) + 1, usize::MAX] {
            set(4096);
            assert!(sizes() < largest);
            set(bytes);
            assert_eq!(sizes(), largest, "{bytes}");
        }
    });
}

#[test]
fn a_lifetime_in_hops_is_one() {
    let _one = one_at_a_time();
    block_on(async {
        let (stream, _peer) = tcp_pair("127.0.0.1:0").await;
        let socket = SockRef::from(&stream);
        for hops in [1, 77, 255] {
            stream.set_ttl(hops).unwrap();
            assert_eq!(socket.ttl_v4().unwrap(), hops);
        }
        for hops in [0, 256, 1 << 31, u32::MAX] {
            assert_eq!(stream.set_ttl(hops).unwrap_err().kind(), ErrorKind::InvalidInput, "{hops}");
            assert_eq!(socket.ttl_v4().unwrap(), 255);
        }
    });
}

/// Of an IPv6 socket, both: its peer may have an address of either family.
#[test]
fn a_lifetime_in_hops_is_that_of_either_family() {
    let _one = one_at_a_time();
    block_on(async {
        let (stream, _peer) = tcp_pair("[::1]:0").await;
        stream.set_ttl(77).unwrap();
        let socket = SockRef::from(&stream);
        assert_eq!(socket.unicast_hops_v6().unwrap(), 77);
        assert_eq!(socket.ttl_v4().unwrap(), 77);
        assert_eq!(stream.set_ttl(0).unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_listener_for_ipv6_alone_leaves_the_port_of_ipv4() {
    let _one = one_at_a_time();
    block_on(async {
        let only = ListenOptions::default().only_v6(true);
        let six = TcpListener::bind_with("[::]:0", &only).await.unwrap();
        assert!(SockRef::from(&six).only_v6().unwrap());
        let port = six.local_addr().unwrap().port();
        let refused = net::TcpStream::connect(("127.0.0.1", port)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let four = TcpListener::bind_with(("0.0.0.0", port), &only).await.unwrap();
        let peer = net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert_eq!(four.accept().await.unwrap().1, peer.local_addr().unwrap());
    });
}

#[test]
fn a_listener_for_both_takes_both() {
    let _one = one_at_a_time();
    block_on(async {
        let both = ListenOptions::default().only_v6(false);
        let listener = TcpListener::bind_with("[::]:0", &both).await.unwrap();
        assert!(!SockRef::from(&listener).only_v6().unwrap());
        let port = listener.local_addr().unwrap().port();
        for address in ["127.0.0.1", "::1"] {
            let peer = net::TcpStream::connect((address, port)).unwrap();
            listener.accept().await.unwrap();
            drop(peer);
        }
    });
}

#[test]
fn what_is_set_is_what_is_got() {
    let _one = one_at_a_time();
    block_on(async {
        let (stream, _peer) = tcp_pair("127.0.0.1:0").await;
        let socket = SockRef::from(&stream);
        for on in [true, false] {
            stream.set_nodelay(on).unwrap();
            stream.set_keepalive(on).unwrap();
            assert_eq!((stream.nodelay().unwrap(), stream.keepalive().unwrap()), (on, on));
            assert_eq!(socket.keepalive().unwrap(), on);
        }
        stream.set_linger(Some(Duration::from_secs(3))).unwrap();
        assert_eq!(stream.linger().unwrap(), Some(Duration::from_secs(3)));
        stream.set_ttl(77).unwrap();
        assert_eq!(stream.ttl().unwrap(), 77);
        stream.set_recv_buffer_size(8192).unwrap();
        stream.set_send_buffer_size(8192).unwrap();
        assert_eq!(stream.recv_buffer_size().unwrap(), 16_384);
        assert_eq!(stream.send_buffer_size().unwrap(), 16_384);
        assert!(stream.take_error().unwrap().is_none());
    });
}

/// Zero would mean the system's own timeout.
#[test]
fn i4_a_user_timeout_is_rounded_up_and_does_not_wrap() {
    let _one = one_at_a_time();
    block_on(async {
        let (stream, _peer) = tcp_pair("127.0.0.1:0").await;
        let longest = Duration::from_millis(i32::MAX as u64);
        for (set, got) in [
            (Duration::from_nanos(1), Duration::from_millis(1)),
            (Duration::from_micros(1_001), Duration::from_millis(2)),
            (Duration::from_secs(30), Duration::from_secs(30)),
            (longest, longest),
            (Duration::from_millis(1 << 32), longest),
            (Duration::MAX, longest),
        ] {
            stream.set_user_timeout(Some(set)).unwrap();
            assert_eq!(stream.user_timeout().unwrap(), Some(got), "{set:?}");
            assert_eq!(SockRef::from(&stream).tcp_user_timeout().unwrap(), Some(got));
        }
        stream.set_user_timeout(None).unwrap();
        assert_eq!(stream.user_timeout().unwrap().unwrap_or_default(), Duration::ZERO);
    });
}

#[test]
fn a_listener_has_its_options_in_the_kernel() {
    let _one = one_at_a_time();
    block_on(async {
        let options = ListenOptions::default().reuse_port(true).incoming_cpu(0).fast_open(16);
        let listener = TcpListener::bind_with("127.0.0.1:0", &options).await.unwrap();
        assert_eq!(SockRef::from(&listener).cpu_affinity().unwrap(), 0);
        assert_eq!(listener.incoming_cpu().unwrap(), Some(0));
        assert_eq!(listener.fast_open().unwrap(), 16);
        assert!(listener.take_error().unwrap().is_none());
        let address = listener.local_addr().unwrap();
        let client = net::TcpStream::connect(address).unwrap();
        let (server, _) = listener.accept().await.unwrap();
        assert!(server.incoming_cpu().unwrap().is_some());
        drop(client);
        let only = ListenOptions::default().only_v6(true);
        let six = TcpListener::bind_with("[::1]:0", &only).await.unwrap();
        assert!(six.only_v6().unwrap());
        assert_eq!((six.incoming_cpu().unwrap(), six.fast_open().unwrap()), (None, 0));
    });
}
