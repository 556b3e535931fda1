//! `World`: sockets and buffers of a run, each with the nurseries that must not outlive its use.

use crate::plan::{Id, Plan};
use crate::support::{self, sockets::fill_send_side};
use nestling::buf::{IoBuf, IoBufMut};
use nestling::net::{TcpListener, TcpStream};
use nestling::sync::channel::{Receiver, UnboundedSender, unbounded};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{self, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;

/// The nurseries around some code, from the outside in; and whether it may be forgotten.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) nurseries: Rc<[Id]>,
    pub(crate) forgettable: bool,
}

impl Place {
    fn binds(&self, nursery: Id) -> bool {
        !self.forgettable && self.nurseries.contains(&nursery)
    }
}

#[derive(Debug)]
pub(crate) struct World {
    /// Ours, and the end that only this run has.
    pairs: Vec<(TcpStream, UnixStream)>,
    listeners: Vec<(TcpListener, SocketAddr)>,
    /// The other ends of streams that tasks have for themselves.
    peers: RefCell<Vec<(Place, UnixStream)>>,
    buffers: Rc<Buffers>,
    channels: [(UnboundedSender<usize>, Receiver<usize>); CHANNELS],
    posted: Cell<usize>,
    got: Cell<usize>,
}

/// Channels that all tasks may use.
pub(crate) const CHANNELS: usize = 2;

/// Buffers that exist, by number.
#[derive(Debug, Default)]
struct Buffers {
    alive: RefCell<BTreeMap<u64, Place>>,
    next: Cell<u64>,
}

fn adopt(end: UnixStream) -> TcpStream {
    TcpStream::from_std(net::TcpStream::from(OwnedFd::from(end))).expect("a socket")
}

fn pair() -> (TcpStream, UnixStream) {
    let (ours, theirs) = support::pair();
    theirs.set_nonblocking(true).expect("a socket");
    (ours, theirs)
}

impl World {
    pub(crate) async fn new(plan: &Plan) -> Self {
        let mut listeners = Vec::new();
        for _ in 0..plan.listeners {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
            let address = listener.local_addr().expect("an address");
            listeners.push((listener, address));
        }
        let pairs = (0..plan.pairs).map(|_| pair()).collect();
        let channels = [unbounded(), unbounded()];
        let (posted, got) = (Cell::new(0), Cell::new(0));
        let (peers, buffers) = (RefCell::default(), Rc::default());
        Self { pairs, listeners, peers, buffers, channels, posted, got }
    }

    pub(crate) fn shared(&self, at: usize) -> &TcpStream {
        &self.pairs[at].0
    }

    /// Sends a message, and tells its number.
    pub(crate) fn post(&self, at: usize, log: impl FnOnce(usize)) {
        let message = self.posted.replace(self.posted.get() + 1);
        log(message);
        self.channels[at].0.send(message).expect("the receiver is there");
    }

    pub(crate) async fn receive(&self, at: usize) -> usize {
        let message = self.channels[at].1.recv().await.expect("the sender is there");
        self.got.set(self.got.get() + 1);
        message
    }

    /// Messages that are neither received nor left.
    pub(crate) fn lost(&self) -> usize {
        let left: usize = self.channels.iter().map(|(_, receiver)| receiver.len()).sum();
        self.posted.get() - self.got.get() - left
    }

    pub(crate) fn poke(&self, at: usize) {
        // A pair that no task reads may be full, or its reader may be gone with the run.
        let _ = (&self.pairs[at].1).write(b"!");
    }

    pub(crate) fn dial(&self, at: usize) {
        // It waits in the backlog, which has room for more than a plan can dial.
        drop(net::TcpStream::connect(self.address(at)).expect("room in the backlog"));
    }

    pub(crate) fn listener(&self, at: usize) -> &TcpListener {
        &self.listeners[at].0
    }

    pub(crate) fn address(&self, at: usize) -> SocketAddr {
        self.listeners[at].1
    }

    /// A stream for one task, whose peer shall see its end when the nurseries around have returned.
    pub(crate) fn stream(&self, place: &Place) -> TcpStream {
        let (ours, theirs) = pair();
        self.peers.borrow_mut().push((place.clone(), theirs));
        ours
    }

    /// As [`stream`](Self::stream), with something to read.
    pub(crate) fn readable(&self, place: &Place) -> TcpStream {
        let (ours, theirs) = pair();
        (&theirs).write_all(b"ready").expect("an empty socket");
        self.peers.borrow_mut().push((place.clone(), theirs));
        ours
    }

    /// As [`stream`](Self::stream), without room for a byte.
    pub(crate) fn full(&self, place: &Place) -> TcpStream {
        let (ours, theirs) = UnixStream::pair().expect("descriptors are left");
        ours.set_nonblocking(true).expect("a socket");
        theirs.set_nonblocking(true).expect("a socket");
        let small = socket2::SockRef::from(&ours).set_send_buffer_size(1);
        small.expect("a socket");
        fill_send_side(&ours);
        self.peers.borrow_mut().push((place.clone(), theirs));
        adopt(ours)
    }

    pub(crate) fn buffer(&self, place: &Place) -> Counted {
        let number = self.buffers.next.get();
        self.buffers.next.set(number + 1);
        self.buffers.alive.borrow_mut().insert(number, place.clone());
        Counted { bytes: vec![0; 16].into(), number, buffers: Rc::clone(&self.buffers) }
    }

    /// What a nursery has left although it has returned.
    pub(crate) fn leftover(&self, nursery: Id) -> Option<&'static str> {
        if self.buffers.alive.borrow().values().any(|place| place.binds(nursery)) {
            return Some("a buffer");
        }
        let mut peers = self.peers.borrow_mut();
        let open = peers.iter().any(|(place, peer)| place.binds(nursery) && !sees_the_end(peer));
        peers.retain(|(place, _)| !place.binds(nursery));
        open.then_some("a socket")
    }
}

/// Whether the other end of a socket is gone.
fn sees_the_end(mut socket: &UnixStream) -> bool {
    loop {
        match socket.read(&mut [0; 4096]) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(_) => return true,
        }
    }
}

/// A buffer that is known for as long as it exists.
#[derive(Debug)]
pub(crate) struct Counted {
    bytes: Box<[u8]>,
    number: u64,
    buffers: Rc<Buffers>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.buffers.alive.borrow_mut().remove(&self.number);
    }
}

// SAFETY: the bytes are boxed, and never resized.
unsafe impl IoBuf for Counted {
    fn io_ptr(&self) -> *const u8 {
        self.bytes.as_ptr()
    }

    fn io_len(&self) -> usize {
        self.bytes.len()
    }
}

// SAFETY: as above; no other code has them, and all are initialised.
unsafe impl IoBufMut for Counted {
    fn io_ptr_mut(&mut self) -> *mut u8 {
        self.bytes.as_mut_ptr()
    }

    unsafe fn set_init(&mut self, _: usize) {}
}

/// What an operation on a buffer says, without the buffer.
pub(crate) async fn done(
    operation: impl Future<Output = (io::Result<usize>, Counted)>,
) -> io::Result<()> {
    operation.await.0.map(drop)
}
