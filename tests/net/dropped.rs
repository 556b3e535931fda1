//! Every operation, dropped at each stage of its life, a thousand times.

use crate::assert_balanced;
use crate::support::sockets::fill_send_side;
use crate::support::{
    Count, descriptors, one_at_a_time, pair, poll_counted, poll_once, until_woken, watched,
};
use crate::unix::abstract_name;
use nestling::net::{Ecn, TcpListener, TcpStream, UdpControl, UdpSocket, UnixDatagram};
use nestling::task::yield_now;
use nestling::{Runtime, Stats};
use nestling_runtime::lowlevel::nop;
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use std::fs::File;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::{self, Shutdown};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

const ROUNDS: u64 = 1_000;

/// How far an operation has come when it is dropped.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    /// Never polled.
    New,
    /// Polled, but the loop has not turned: the kernel does not know of it.
    Queued,
    /// With the kernel, which has not answered.
    InFlight,
    /// Answered, but not polled since.
    Answered,
}

/// Brings an operation to a stage and drops it there.
async fn drop_at(stage: Stage, operation: impl Future) {
    let mut operation = pin!(operation);
    match stage {
        Stage::New => {}
        Stage::Queued => assert!(poll_once(operation.as_mut()).await.is_pending()),
        Stage::InFlight => {
            assert!(poll_once(operation.as_mut()).await.is_pending());
            yield_now().await;
        }
        Stage::Answered => {
            let count = Arc::new(Count::default());
            assert!(poll_counted(operation.as_mut(), &count).is_pending());
            until_woken(&count).await;
        }
    }
}

/// Runs a thousand rounds, and asserts that nothing is left of them.
fn rounds(stage: Stage, mut round: impl AsyncFnMut(Stage)) -> Stats {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(yield_now());
        let before = descriptors();
        runtime.block_on(async {
            for _ in 0..ROUNDS {
                round(stage).await;
            }
            // What was withdrawn stays behind in the driver's queue: a turn shows that it goes.
            yield_now().await;
        });
        assert_eq!(descriptors(), before, "dropped when {stage:?}");
        assert_balanced(&runtime)
    })
}

/// What the kernel must not have heard of: an operation that was dropped before it entered.
fn assert_never_entered(stage: Stage, stats: &Stats) {
    let expected = match stage {
        Stage::New => (0, 0, 0),
        Stage::Queued => (0, ROUNDS, 0),
        Stage::InFlight | Stage::Answered => return,
    };
    assert_eq!((stats.submitted, stats.withdrawn, stats.cancel_requests), expected, "{stage:?}");
}

/// Lets the loop turn until the kernel has nothing any more.
async fn until_idle() {
    while nestling::stats().in_flight > 0 {
        yield_now().await;
    }
}

/// An operation that the kernel answers at once is never seen in flight.
const INSTANT: [Stage; 3] = [Stage::New, Stage::Queued, Stage::Answered];
const WAITING: [Stage; 4] = [Stage::New, Stage::Queued, Stage::InFlight, Stage::Answered];

#[test]
fn e10_nop_dropped_at_each_stage() {
    let _one = one_at_a_time();
    for stage in INSTANT {
        let stats = rounds(stage, async |stage| drop_at(stage, nop()).await);
        assert_never_entered(stage, &stats);
        let answered = if stage == Stage::Answered { ROUNDS } else { 0 };
        assert_eq!((stats.completed, stats.discarded), (answered, answered));
    }
}

#[test]
fn e10_accept_dropped_at_each_stage() {
    let _one = one_at_a_time();
    for stage in WAITING {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let stats = rounds(stage, async |stage| {
            // Only an accept that is to be answered may find a connection.
            let client = (stage == Stage::Answered).then(|| net::TcpStream::connect(address));
            drop_at(stage, listener.accept()).await;
            if stage == Stage::Answered {
                // It is kept, and goes with the accept that gets it.
                listener.accept().await.unwrap();
            }
            drop(client);
        });
        assert_never_entered(stage, &stats);
    }
}

#[test]
fn e10_connect_dropped_at_each_stage() {
    let _one = one_at_a_time();
    for stage in WAITING {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let full = Full::new();
        let stats = rounds(stage, async |stage| {
            let address = match stage {
                Stage::InFlight => full.address,
                _ => listener.local_addr().unwrap(),
            };
            drop_at(stage, TcpStream::connect(address)).await;
            if stage == Stage::Answered {
                listener.accept().unwrap();
            }
        });
        let closed = if stage == Stage::New { 0 } else { ROUNDS };
        assert!(stats.submitted >= closed, "each socket is closed by the ring: {stats:?}");
    }
}

/// A listener that accepts no client, and whose backlog has no room.
struct Full {
    address: net::SocketAddr,
    _listener: socket2::Socket,
    _waiting: Vec<socket2::Socket>,
}

impl Full {
    fn new() -> Self {
        let listener =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        listener.bind(&net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let connect = || {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
            let socket = socket.unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address);
            socket
        };
        // The first takes the only place; the others are there in case the kernel has more.
        let waiting = (0..4).map(|_| connect()).collect();
        Self { address: address.as_socket().unwrap(), _listener: listener, _waiting: waiting }
    }
}

#[test]
fn e10_read_dropped_at_each_stage() {
    let _one = one_at_a_time();
    for stage in WAITING {
        let (stream, mut peer) = pair();
        let stats = rounds(stage, async |stage| {
            if stage == Stage::Answered {
                peer.write_all(b"x").unwrap();
            }
            drop_at(stage, stream.read(vec![0; 16])).await;
            match stage {
                // The next one would not enter the kernel while this one is there.
                Stage::InFlight => until_idle().await,
                Stage::Answered => assert_eq!(stream.read(vec![0; 16]).await.0.unwrap(), 1),
                Stage::New | Stage::Queued => {}
            }
        });
        assert_never_entered(stage, &stats);
        if stage == Stage::InFlight {
            assert_eq!(stats.cancel_requests, ROUNDS, "one request each: {stats:?}");
        }
    }
}

#[test]
fn e10_recv_dropped_at_each_stage() {
    let _one = one_at_a_time();
    for stage in WAITING {
        let (stream, mut peer) = pair();
        let stats = rounds(stage, async |stage| {
            if stage == Stage::Answered {
                peer.write_all(b"x").unwrap();
            }
            drop_at(stage, stream.recv()).await;
            match stage {
                Stage::InFlight => until_idle().await,
                Stage::Answered => assert_eq!(&stream.recv().await.unwrap()[..], b"x"),
                Stage::New | Stage::Queued => {}
            }
        });
        assert_never_entered(stage, &stats);
        assert_eq!((stats.leased, stats.starved), (0, 0), "{stage:?}: {stats:?}");
    }
}

#[test]
fn e10_recv_stream_dropped_at_each_stage() {
    let _one = one_at_a_time();
    for stage in WAITING {
        let (stream, mut peer) = pair();
        let stats = rounds(stage, async |stage| {
            if stage == Stage::Answered {
                peer.write_all(b"x").unwrap();
            }
            let mut leases = stream.recv_stream();
            drop_at(stage, leases.next()).await;
            drop(leases);
            match stage {
                Stage::InFlight => until_idle().await,
                Stage::Answered => assert_eq!(&stream.recv().await.unwrap()[..], b"x"),
                Stage::New | Stage::Queued => {}
            }
        });
        if stage == Stage::Queued {
            // The receives, and the poll for the end.
            assert_eq!((stats.submitted, stats.withdrawn), (0, 2 * ROUNDS), "{stats:?}");
        } else {
            assert_never_entered(stage, &stats);
        }
        assert_eq!((stats.leased, stats.starved), (0, 0), "{stage:?}: {stats:?}");
    }
}

#[test]
fn e10_write_dropped_at_each_stage() {
    let _one = one_at_a_time();
    for stage in WAITING {
        let (stream, mut peer) = pair();
        if stage == Stage::InFlight {
            fill_send_side(&stream);
        }
        let stats = rounds(stage, async |stage| {
            drop_at(stage, stream.write(vec![0; 16])).await;
            if stage == Stage::Answered {
                peer.read_exact(&mut [0; 16]).unwrap();
            }
        });
        assert_never_entered(stage, &stats);
    }
}

/// Of each kind of socket, with a descriptor that comes along or is closed.
#[test]
fn e10_recv_msg_dropped_at_each_stage() {
    let _one = one_at_a_time();
    for stage in WAITING {
        let ((stream, to_stream), (datagram, to_datagram)) = (unix_pair(), unix_datagrams());
        let (udp, to_udp) = udp_pair();
        let stats = rounds(stage, async |stage| {
            let is_answered = stage == Stage::Answered;
            if is_answered {
                pass(&to_stream);
                pass(&to_datagram);
                to_udp.send(b"x").unwrap();
            }
            drop_at(stage, stream.recv_msg(vec![0; 16], 1)).await;
            drop_at(stage, datagram.recv_msg(vec![0; 16], 1)).await;
            drop_at(stage, udp.recv_msg(vec![0; 16])).await;
            match stage {
                // The next one would not enter the kernel while this one is there.
                Stage::InFlight => until_idle().await,
                Stage::Answered => {
                    let message = stream.recv_msg(vec![0; 16], 1).await.0.unwrap();
                    assert_eq!((message.length, message.fds.len()), (1, 1));
                    // Its descriptor is closed.
                    assert_eq!(datagram.recv(vec![0; 16]).await.0.unwrap(), 1);
                    assert_eq!(udp.recv_msg(vec![0; 16]).await.0.unwrap().length, 1);
                }
                Stage::New | Stage::Queued => {}
            }
        });
        match stage {
            Stage::New => assert_eq!((stats.submitted, stats.withdrawn), (0, 0)),
            Stage::Queued => {
                assert_eq!((stats.submitted, stats.withdrawn), (0, 3 * ROUNDS), "{stats:?}");
            }
            Stage::InFlight => assert_eq!(stats.cancel_requests, 3 * ROUNDS, "{stats:?}"),
            Stage::Answered => assert_eq!(stats.resumed, 3 * ROUNDS, "{stats:?}"),
        }
    }
}

/// Of each kind of socket: where there is room, and where there is none.
#[test]
fn e10_send_msg_dropped_at_each_stage() {
    let _one = one_at_a_time();
    for stage in WAITING {
        let ((stream, to_stream), (datagram, mut to_datagram)) = (unix_pair(), unix_datagrams());
        let (udp, to_udp) = udp_pair();
        let name = abstract_name("e10-full");
        if stage == Stage::InFlight {
            to_datagram = std::os::unix::net::UnixDatagram::bind_addr(&name).unwrap();
            crate::unix_datagram::fill(&name);
            fill_send_side(&stream);
        }
        let mut received = [0; 16];
        rounds(stage, async |stage| {
            let is_answered = stage == Stage::Answered;
            drop_at(stage, stream.send_msg("x", null())).await;
            if is_answered {
                assert_eq!((&to_stream).read(&mut received).unwrap(), 1);
            }
            if stage == Stage::InFlight {
                drop_at(stage, datagram.send_msg_to("x", null(), &name)).await;
            } else {
                drop_at(stage, datagram.send_msg("x", null())).await;
            }
            if is_answered {
                assert_eq!(to_datagram.recv(&mut received).unwrap(), 1);
            }
            if stage != Stage::InFlight {
                drop_at(stage, udp.send_msg("x", UdpControl::new().ecn(Ecn::Ect0))).await;
            }
            if is_answered {
                assert_eq!(to_udp.recv(&mut received).unwrap(), 1);
            }
        });
    }
}

/// A datagram never waits for room here. What was dropped before it entered is not sent.
#[test]
fn e10_send_to_dropped_at_each_stage() {
    let _one = one_at_a_time();
    for stage in INSTANT {
        let (udp, to_udp) = udp_pair();
        let to = to_udp.local_addr().unwrap();
        let stats = rounds(stage, async |stage| {
            drop_at(stage, udp.send_to(vec![7; 16], to)).await;
            if stage == Stage::Answered {
                assert_eq!(to_udp.recv(&mut [0; 32]).unwrap(), 16);
            }
        });
        assert_never_entered(stage, &stats);
        to_udp.set_nonblocking(true).unwrap();
        assert_eq!(to_udp.recv(&mut [0; 32]).unwrap_err().kind(), ErrorKind::WouldBlock);
    }
}

/// Something to be passed along.
fn null() -> Vec<File> {
    vec![File::open("/dev/null").unwrap()]
}

/// Sends a byte and a descriptor.
fn pass(from: &impl AsFd) {
    let (bytes, fds) = ([IoSlice::new(b"x")], null());
    let fds = [fds[0].as_raw_fd()];
    let along = [ControlMessage::ScmRights(&fds)];
    let from = from.as_fd().as_raw_fd();
    sendmsg::<()>(from, &bytes, &along, MsgFlags::empty(), None).unwrap();
}

fn unix_pair() -> (nestling::net::UnixStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (nestling::net::UnixStream::from_std(ours).unwrap(), theirs)
}

fn unix_datagrams() -> (UnixDatagram, std::os::unix::net::UnixDatagram) {
    let (ours, theirs) = std::os::unix::net::UnixDatagram::pair().unwrap();
    (UnixDatagram::from_std(ours).unwrap(), theirs)
}

fn udp_pair() -> (UdpSocket, net::UdpSocket) {
    let [ours, theirs] = [(); 2].map(|()| net::UdpSocket::bind("127.0.0.1:0").unwrap());
    ours.connect(theirs.local_addr().unwrap()).unwrap();
    theirs.connect(ours.local_addr().unwrap()).unwrap();
    (UdpSocket::from_std(ours).unwrap(), theirs)
}

#[test]
fn e10_shutdown_dropped_at_each_stage() {
    let _one = one_at_a_time();
    for stage in INSTANT {
        let (stream, _peer) = pair();
        let stats = rounds(stage, async |stage| {
            drop_at(stage, stream.shutdown(Shutdown::Both)).await;
        });
        assert_never_entered(stage, &stats);
    }
}

#[test]
fn e10_close_dropped_at_each_stage() {
    let _one = one_at_a_time();
    for stage in INSTANT {
        let mut peers = Vec::new();
        rounds(stage, async |stage| {
            let (stream, peer) = pair();
            drop_at(stage, stream.close()).await;
            peers.push(peer);
            // A close that was dropped before it was done is done all the same.
            yield_now().await;
            assert!(crate::support::sees_the_end(&mut peers.pop().unwrap()));
        });
    }
}

#[test]
fn e10_sleep_dropped_at_each_stage() {
    let _one = one_at_a_time();
    for stage in WAITING {
        let stats = rounds(stage, async |stage| {
            let long = if stage == Stage::Answered { 0 } else { 3_600 };
            // Not yet over when it is polled, and over when the loop has turned.
            let duration = Duration::from_secs(long) + Duration::from_micros(50);
            drop_sleep_at(stage, Box::pin(nestling::time::sleep(duration))).await;
        });
        assert_eq!(stats.submitted, 0, "a sleep is no operation of the kernel's");
    }
}

/// As `drop_at`; but a sleep that was over before its first poll is no failure.
async fn drop_sleep_at(stage: Stage, mut sleep: Pin<Box<nestling::time::Sleep>>) {
    if stage != Stage::Answered {
        return drop_at(stage, sleep).await;
    }
    let count = Arc::new(Count::default());
    if poll_counted(sleep.as_mut(), &count).is_pending() {
        until_woken(&count).await;
    }
}
