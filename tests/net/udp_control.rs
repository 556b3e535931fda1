//! What goes along with datagrams: their addresses, marks and segments; names of destinations.
//!
//! | | `recv_msg` | `send_msg`, `send_msg_to` |
//! |---|---|---|
//! | success | `ecn_…`, `pktinfo_…`, `gro_…`, `a_timestamp_…` | `gso_…`, `ecn_…`, `a_source_…` |
//! | short | `i10_…` of `udp.rs`; control: `r17_…` | is sent as a whole |
//! | error | `a_refusal_…` of `udp.rs` | `errors_of_…` |
//! | cancelled in flight | `b1_…` | does not wait |
//! | dropped, raced, resumed | `r17_…`; `dropped.rs` | does not wait; `dropped.rs` |

use crate::{answered, at_once, run, start};
use nestling::net::{Ecn, PacketInfo, UdpControl, UdpSocket};
use nestling::{is_cancelled, timeout};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use socket2::SockRef;
use std::io::{ErrorKind, IoSliceMut};
use std::net::{self, IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::{Duration, SystemTime};

const BOTH: [&str; 2] = ["127.0.0.1:0", "[::1]:0"];

async fn pair(address: &str) -> (UdpSocket, net::UdpSocket) {
    let socket = UdpSocket::bind(address).await.unwrap();
    let peer = net::UdpSocket::bind(address).unwrap();
    peer.connect(socket.local_addr().unwrap()).unwrap();
    socket.connect(peer.local_addr().unwrap()).await.unwrap();
    (socket, peer)
}

/// Receives without our code: the length, and the traffic class.
fn recv_class(peer: &net::UdpSocket) -> (usize, u8) {
    let (mut bytes, mut control) = ([0; 64], nix::cmsg_space!(libc::c_int, libc::c_int));
    let mut buffers = [IoSliceMut::new(&mut bytes)];
    let none = MsgFlags::empty();
    let received = recvmsg::<()>(peer.as_raw_fd(), &mut buffers, Some(&mut control), none).unwrap();
    let class = received.cmsgs().unwrap().find_map(|message| match message {
        ControlMessageOwned::Ipv4Tos(class) => Some(class),
        ControlMessageOwned::Ipv6TClass(class) => Some(class as u8),
        _ => None,
    });
    (received.bytes, class.unwrap())
}

/// 64 KiB by one call; the peer sees datagrams.
#[test]
fn gso_a_buffer_goes_as_segments() {
    run(async || {
        for address in BOTH {
            let (socket, peer) = pair(address).await;
            let sent: Vec<u8> = (0..65_000_u32).map(|at| (at / 7) as u8).collect();
            for to in [None, Some(peer.local_addr().unwrap())] {
                let control = UdpControl::new().segment_size(1_400);
                let (result, buffer) = match to {
                    None => socket.send_msg(sent.clone(), control).await,
                    Some(to) => socket.send_msg_to(sent.clone(), control, to).await,
                };
                assert_eq!(result.unwrap(), 65_000);
                assert_eq!(buffer, sent);
                let mut seen = Vec::new();
                let mut datagram = [0; 2_000];
                while seen.len() < sent.len() {
                    let length = peer.recv(&mut datagram).unwrap();
                    assert_eq!(length, 1_400.min(sent.len() - seen.len()));
                    seen.extend_from_slice(&datagram[..length]);
                }
                assert_eq!(seen, sent);
            }
        }
    });
}

#[test]
fn gro_one_receive_takes_many_datagrams() {
    run(async || {
        let (socket, peer) = pair("127.0.0.1:0").await;
        let from = UdpSocket::from_std(peer).unwrap();
        socket.set_gro(true).unwrap();
        let control = UdpControl::new().segment_size(1_000);
        from.send_msg(vec![7; 20_500], control).await.0.unwrap();
        let (received, buffer) = socket.recv_msg(vec![0; 65_536]).await;
        let datagram = received.unwrap();
        assert_eq!((datagram.length, datagram.segment_size), (20_500, Some(1_000)));
        assert_eq!(buffer[..20_500], [7; 20_500]);
        from.send("alone").await.0.unwrap();
        let datagram = socket.recv_msg(vec![0; 65_536]).await.0.unwrap();
        assert_eq!((datagram.length, datagram.segment_size), (5, None));
    });
}

/// Both ways, and each against what the kernel and the peer say without us.
#[test]
fn ecn_is_marked_and_told() {
    run(async || {
        for address in BOTH {
            let (socket, peer) = pair(address).await;
            let is_v4 = socket.local_addr().unwrap().is_ipv4();
            let kernel = SockRef::from(&peer);
            if is_v4 {
                kernel.set_recv_tos_v4(true).unwrap();
            } else {
                kernel.set_recv_tclass_v6(true).unwrap();
            }
            assert_eq!(socket.send("x").await.0.unwrap(), 1);
            assert_eq!(recv_class(&peer).1, 0);
            socket.set_recv_ecn(true).unwrap();
            let marks = [Ecn::NotCapable, Ecn::Ect1, Ecn::Ect0, Ecn::CongestionExperienced];
            for (bits, ecn) in marks.into_iter().enumerate() {
                socket.send_msg("x", UdpControl::new().ecn(ecn)).await.0.unwrap();
                assert_eq!(recv_class(&peer), (1, bits as u8), "{address}");
                // With other bits, of another use.
                let class = bits as u32 | 0x48;
                if is_v4 {
                    kernel.set_tos_v4(class).unwrap();
                } else {
                    kernel.set_tclass_v6(class).unwrap();
                }
                peer.send(b"y").unwrap();
                let datagram = socket.recv_msg(vec![0; 9]).await.0.unwrap();
                assert_eq!((datagram.length, datagram.ecn), (1, Some(ecn)), "{address}");
            }
            socket.set_recv_ecn(false).unwrap();
            peer.send(b"y").unwrap();
            assert_eq!(socket.recv_msg(vec![0; 9]).await.0.unwrap().ecn, None);
        }
    });
}

#[test]
fn pktinfo_tells_where_a_datagram_was_sent_to() {
    run(async || {
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        socket.set_recv_pktinfo(true).unwrap();
        let port = socket.local_addr().unwrap().port();
        let peer = net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let asked = IpAddr::from([127, 0, 0, 3]);
        peer.send_to(b"abc", (asked, port)).unwrap();
        let datagram = socket.recv_msg(vec![0; 9]).await.0.unwrap();
        let to = datagram.to.unwrap();
        assert_eq!(to, PacketInfo { address: asked, interface: loopback() });
        assert!(!datagram.control_truncated);
        // The answer comes from there, by that interface.
        let control = UdpControl::new().source(to);
        socket.send_msg_to("yes", control, datagram.from).await.0.unwrap();
        assert_eq!(peer.recv_from(&mut [0; 9]).unwrap(), (3, SocketAddr::from((asked, port))));
    });
}

/// The number of the interface of 127.0.0.1.
fn loopback() -> u32 {
    let index = std::fs::read_to_string("/sys/class/net/lo/ifindex");
    index.map_or(1, |index| index.trim().parse().unwrap())
}

#[test]
fn a_source_is_chosen() {
    run(async || {
        for (bound, source) in [("0.0.0.0:0", "127.0.0.2"), ("[::]:0", "::1")] {
            let socket = UdpSocket::bind(bound).await.unwrap();
            let source: IpAddr = source.parse().unwrap();
            let peer = net::UdpSocket::bind((source, 0)).unwrap();
            let control = UdpControl::new().source(source);
            let to = peer.local_addr().unwrap();
            socket.send_msg_to("abc", control, to).await.0.unwrap();
            let port = socket.local_addr().unwrap().port();
            assert_eq!(peer.recv_from(&mut [0; 9]).unwrap(), (3, (source, port).into()));
        }
    });
}

/// A socket of both families, and a peer of the older one.
#[test]
fn control_of_ipv4_on_a_socket_of_ipv6() {
    run(async || {
        let socket = UdpSocket::bind("[::]:0").await.unwrap();
        socket.set_recv_pktinfo(true).unwrap();
        socket.set_recv_ecn(true).unwrap();
        socket.set_recv_timestamp(true).unwrap();
        let port = socket.local_addr().unwrap().port();
        let peer = net::UdpSocket::bind("127.0.0.1:0").unwrap();
        SockRef::from(&peer).set_tos_v4(1).unwrap();
        SockRef::from(&peer).set_recv_tos_v4(true).unwrap();
        let asked = IpAddr::from([127, 0, 0, 9]);
        peer.send_to(b"abc", (asked, port)).unwrap();
        let datagram = socket.recv_msg(vec![0; 9]).await.0.unwrap();
        assert_eq!(datagram.to.unwrap(), PacketInfo { address: asked, interface: loopback() });
        assert_eq!(datagram.ecn, Some(Ecn::Ect1));
        assert!(datagram.timestamp.is_some() && !datagram.control_truncated, "{datagram:?}");
        let control = UdpControl::new().source(datagram.to.unwrap()).ecn(Ecn::Ect0);
        socket.send_msg_to("yes", control, datagram.from).await.0.unwrap();
        assert_eq!(recv_class(&peer), (3, 2));
    });
}

#[test]
fn a_timestamp_is_of_now() {
    run(async || {
        let (socket, peer) = pair("127.0.0.1:0").await;
        socket.set_recv_timestamp(true).unwrap();
        // The kernel begins to take the time when a socket asks for it, which may take a moment.
        let time = loop {
            peer.send(b"abc").unwrap();
            let datagram = socket.recv_msg(vec![0; 9]).await.0.unwrap();
            if let Some(time) = datagram.timestamp {
                break time;
            }
        };
        let now = SystemTime::now();
        let apart = now.duration_since(time).unwrap_or_else(|error| error.duration());
        assert!(apart < Duration::from_secs(3_600), "it is a time of another day");
    });
}

#[test]
fn errors_of_sends_give_the_buffer_back() {
    run(async || {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let to = socket.local_addr().unwrap();
        let foreign = UdpControl::new().source(IpAddr::from([192, 0, 2, 1]));
        let (result, buffer) = socket.send_msg_to(vec![7; 3], foreign, to).await;
        assert!(result.is_err());
        assert_eq!(buffer, [7; 3]);
        let segments = UdpControl::new().segment_size(1);
        let (result, buffer) = socket.send_msg_to(vec![7; 60_000], segments, to).await;
        assert!(result.is_err(), "too many segments");
        assert_eq!(buffer.len(), 60_000);
        let (result, buffer) = socket.send_msg(vec![7; 3], UdpControl::new()).await;
        assert!(result.is_err(), "it is not connected");
        assert_eq!(buffer, [7; 3]);
        for (wrong, says) in [("nowhere", "port"), ("no such host:1", "no such host")] {
            let (result, buffer) = socket.send_to(vec![7; 3], wrong).await;
            let error = result.unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
            assert_eq!(buffer, [7; 3]);
        }
        let none: &[SocketAddr] = &[];
        let error = socket.send_to("abc", none).await.0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

/// Of a name's addresses, one that the socket can send to.
#[test]
fn names_are_looked_up() {
    run(async || {
        let (v4, v6) = (Ipv4Addr::LOCALHOST.into(), net::Ipv6Addr::LOCALHOST.into());
        for own in [v4, v6] {
            let socket = UdpSocket::bind((own, 0)).await.unwrap();
            let peer = net::UdpSocket::bind((own, 0)).unwrap();
            let port = peer.local_addr().unwrap().port();
            let each = [SocketAddr::new(v6, port), SocketAddr::new(v4, port)];
            socket.send_to("abc", &each[..]).await.0.unwrap();
            assert_eq!(peer.recv(&mut [0; 9]).unwrap(), 3);
        }
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let peer = net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let name = format!("localhost:{}", peer.local_addr().unwrap().port());
        socket.send_to("abc", name).await.0.unwrap();
        assert_eq!(peer.recv(&mut [0; 9]).unwrap(), 3);
    });
}

#[test]
fn b1_a_cancelled_receive_gives_its_buffer_back() {
    run(async || {
        let (socket, _peer) = pair("127.0.0.1:0").await;
        let receive = socket.recv_msg(vec![7; 3]);
        let (result, buffer) = timeout(Duration::from_millis(1), receive).await.unwrap();
        assert!(is_cancelled(&result.unwrap_err()));
        assert_eq!(buffer, [7; 3]);
    });
}

/// With what came along; or the next is told that it is gone.
#[test]
fn r17_a_dropped_receive_leaves_what_came_along() {
    let stats = run(async || {
        let (socket, peer) = pair("127.0.0.1:0").await;
        socket.set_recv_ecn(true).unwrap();
        SockRef::from(&peer).set_tos_v4(2).unwrap();
        let send = || assert_eq!(peer.send(b"abc").unwrap(), 3);
        drop(answered(socket.recv_msg(vec![0; 9]), send).await);
        let peeked = at_once(socket.peek(vec![0; 9])).await.0.unwrap();
        let datagram = at_once(socket.recv_msg(vec![0; 9])).await.0.unwrap();
        assert_eq!((datagram.length, datagram.ecn, peeked), (3, Some(Ecn::Ect0), 3));
        assert!(!datagram.control_truncated);
        drop(answered(socket.recv(vec![0; 9]), send).await);
        let datagram = at_once(socket.recv_msg(vec![0; 9])).await.0.unwrap();
        assert_eq!((datagram.length, datagram.ecn), (3, None));
        assert!(datagram.control_truncated);
    });
    assert_eq!(stats.resumed, 2, "{stats:?}");
}

/// The standard library would not see what was kept.
#[test]
fn r17_what_is_kept_is_not_lost_to_std() {
    run(async || {
        let (socket, peer) = pair("127.0.0.1:0").await;
        drop(answered(socket.recv(vec![0; 9]), || assert_eq!(peer.send(b"abc").unwrap(), 3)).await);
        let error = socket.into_std().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        assert!(error.to_string().contains("receive them first"), "{error}");
        let (socket, peer) = pair("127.0.0.1:0").await;
        let mut receive = Box::pin(socket.recv(vec![0; 9]));
        start(receive.as_mut()).await;
        drop(receive);
        let error = socket.into_std().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        assert!(error.to_string().contains("in flight"), "{error}");
        drop(peer);
        let (socket, _peer) = pair("127.0.0.1:0").await;
        socket.into_std().unwrap();
    });
}

#[test]
fn groups_and_broadcast_reach_their_sockets() {
    run(async || {
        let group = Ipv4Addr::new(239, 1, 2, 4);
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
        socket.set_recv_pktinfo(true).unwrap();
        let port = socket.local_addr().unwrap().port();
        let peer = net::UdpSocket::bind("127.0.0.1:0").unwrap();
        SockRef::from(&peer).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        peer.send_to(b"abc", (group, port)).unwrap();
        let datagram = socket.recv_msg(vec![0; 9]).await.0.unwrap();
        assert_eq!(datagram.to.unwrap().address, IpAddr::from(group));
        let all = SocketAddr::from(([127, 255, 255, 255], port));
        let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let refused = sender.send_to("abc", all).await.0.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
        sender.set_broadcast(true).unwrap();
        sender.send_to("abc", all).await.0.unwrap();
        let datagram = socket.recv_msg(vec![0; 9]).await.0.unwrap();
        assert_eq!(datagram.to.unwrap().address, all.ip());
    });
}
