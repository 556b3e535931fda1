//! Unix streams: their names, their peers, and that they keep what TCP streams keep.
//!
//! | | `connect` | `accept`, `incoming` | `read`, `write` |
//! |---|---|---|---|
//! | success, short | `a_path_…`, `an_abstract_…` | `a_path_…`, `a_stream_of_…` | `bytes_go_…` |
//! | error | `errors_name_…` | as TCP | `a_peer_that_…` |
//! | cancelled in flight | `b1_a_cancelled_connect…` | `b1_a_cancelled_accept…` | as TCP |
//! | dropped, raced | `b1_a_cancelled_connect…` | `r17_…` | `r17_…` |
//! | resumed | nothing comes | `r17_…` | `r17_…` |

use crate::support::{descriptors, one_at_a_time, turn};
use crate::{answered, at_once, run, start};
use nestling::net::{UCred, UnixListener, UnixStream};
use nestling::{block_on, is_cancelled, timeout};
use std::io::{ErrorKind, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{self, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// A folder for sockets, which goes with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nestling-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.0.join("socket")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

pub(crate) fn abstract_name(name: &str) -> SocketAddr {
    let name = format!("nestling-{name}-{}", std::process::id());
    SocketAddr::from_abstract_name(name).unwrap()
}

#[test]
fn a_path_is_bound_and_stays() {
    let folder = Folder::new("path");
    run(async || {
        let path = folder.socket();
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(path.as_path()));
        let mut client = net::UnixStream::connect(&path).unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert!(peer.is_unnamed());
        server.write_all("hello").await.0.unwrap();
        let mut heard = [0; 5];
        client.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"hello");
        listener.close().await.unwrap();
        assert!(path.exists(), "it is not ours to remove");
        let error = UnixListener::bind(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    });
}

#[test]
fn an_abstract_name_has_no_file() {
    run(async || {
        let name = abstract_name("abstract");
        let listener = UnixListener::bind_addr(&name).unwrap();
        let client = UnixStream::connect_addr(&name).await.unwrap();
        let peer = client.peer_addr().unwrap();
        assert_eq!(peer.as_abstract_name(), name.as_abstract_name());
        assert!(listener.accept().await.unwrap().1.is_unnamed());
        drop(net::UnixStream::connect_addr(&name).unwrap());
        listener.accept().await.unwrap();
    });
}

#[test]
fn errors_name_what_was_tried() {
    let folder = Folder::new("errors");
    run(async || {
        let path = folder.socket();
        let missing = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        assert!(missing.to_string().contains("socket"), "{missing}");
        drop(net::UnixListener::bind(&path).unwrap());
        let refused = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let name = abstract_name("nobody");
        let refused = UnixStream::connect_addr(&name).await.unwrap_err();
        assert!(refused.to_string().contains("nobody"), "{refused}");
        for wrong in ["", "a\0b", &"x".repeat(108)] {
            let error = UnixStream::connect(wrong).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            assert_eq!(UnixListener::bind(wrong).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    });
}

#[test]
fn the_peer_is_known() {
    run(async || {
        let (one, _other) = UnixStream::pair().unwrap();
        let uid = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap());
        let UCred { pid, uid: user, .. } = one.peer_cred().unwrap();
        assert_eq!((pid, user), (Some(std::process::id()), uid));
    });
}

#[test]
fn bytes_go_both_ways() {
    run(async || {
        let (ours, mut theirs) = net::UnixStream::pair().unwrap();
        theirs.set_nonblocking(true).unwrap();
        let stream = UnixStream::from_std(ours).unwrap();
        let (result, _) = stream.writev(vec!["ab", "cd"]).await;
        assert_eq!(result.unwrap(), 4);
        let mut heard = [0; 8];
        assert_eq!(theirs.read(&mut heard).unwrap(), 4);
        theirs.write_all(b"xyz").unwrap();
        assert_eq!(stream.peek(vec![0; 1]).await.1, b"x");
        let (read, write) = stream.into_split();
        assert_eq!(read.read_exact(vec![0; 3]).await.1, b"xyz");
        drop(write);
        assert_eq!(theirs.read(&mut heard).unwrap(), 0);
        drop(theirs);
        assert_eq!(read.read(vec![0; 3]).await.0.unwrap(), 0);
    });
}

#[test]
fn a_peer_that_is_gone_is_an_error_and_no_signal() {
    run(async || {
        let (one, other) = UnixStream::pair().unwrap();
        other.close().await.unwrap();
        assert_eq!(one.write("x").await.0.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(one.writev(vec!["x"]).await.0.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn r17_what_came_for_dropped_ones_goes_to_the_next() {
    let stats = run(async || {
        let name = abstract_name("dropped");
        let listener = UnixListener::bind_addr(&name).unwrap();
        let mut client = None;
        let connect = || client = Some(net::UnixStream::connect_addr(&name).unwrap());
        drop(answered(listener.accept(), connect).await);
        let (server, _) = at_once(listener.accept()).await.unwrap();
        let mut client = client.unwrap();
        drop(answered(server.read(vec![0; 8]), || client.write_all(b"abc").unwrap()).await);
        assert_eq!(at_once(server.read_exact(vec![0; 3])).await.1, b"abc");
    });
    assert_eq!(stats.resumed, 2, "{stats:?}");
}

#[test]
fn a_stream_of_connections() {
    run(async || {
        let name = abstract_name("incoming");
        let listener = UnixListener::bind_addr(&name).unwrap();
        let mut incoming = listener.incoming();
        for _ in 0..10 {
            let _client = net::UnixStream::connect_addr(&name).unwrap();
            let (server, peer) = incoming.next().await.unwrap();
            assert!(peer.is_unnamed());
            server.close().await.unwrap();
        }
    });
}

#[test]
fn b1_a_cancelled_accept_ends() {
    run(async || {
        let listener = UnixListener::bind_addr(&abstract_name("cancelled")).unwrap();
        let result = timeout(Duration::from_millis(1), listener.accept()).await.unwrap();
        assert!(is_cancelled(&result.unwrap_err()));
    });
}

/// The listener's backlog is full, so the connect has to wait in the kernel; and while it waits,
/// the core sleeps.
#[test]
fn b1_a_cancelled_connect_to_a_full_listener_ends() {
    run(async || {
        let name = abstract_name("full");
        let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        let mut path = vec![0];
        path.extend_from_slice(name.as_abstract_name().unwrap());
        let path = String::from_utf8(path).unwrap();
        socket.bind(&socket2::SockAddr::unix(path).unwrap()).unwrap();
        socket.listen(0).unwrap();
        let _first = net::UnixStream::connect_addr(&name).unwrap();
        let result = timeout(Duration::from_millis(20), UnixStream::connect_addr(&name)).await;
        assert!(is_cancelled(&result.unwrap().unwrap_err()));
        let mut dropped = Box::pin(UnixStream::connect_addr(&name));
        start(dropped.as_mut()).await;
        drop(dropped);
        // The kernel's wake could go to it until it has ended.
        while nestling::stats().in_flight > 0 {
            turn().await;
        }
        // One that waits gets its place.
        let mut waiting = Box::pin(UnixStream::connect_addr(&name));
        start(waiting.as_mut()).await;
        let accepted = socket.accept().unwrap();
        waiting.await.unwrap();
        drop(accepted);
    });
}

#[test]
fn from_and_into_std() {
    let _one = one_at_a_time();
    let before = descriptors();
    block_on(async {
        let name = abstract_name("std");
        let listener = net::UnixListener::bind_addr(&name).unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = UnixListener::from_std(listener).unwrap().into_std().unwrap();
        let client = UnixStream::connect_addr(&name).await.unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.into_std().unwrap().write_all(b"x").unwrap();
        server.read_exact(&mut [0; 1]).unwrap();
    });
    assert_eq!(descriptors(), before);
}
