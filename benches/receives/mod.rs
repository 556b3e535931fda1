//! Receives that never end, and how long Nestling takes to cancel them. Compiled into each program
//! that compares that with something.

use nestling::{Runtime, net::TcpStream, nursery};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::io;
use std::net;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Bytes that each receive could take, if ever any came.
pub(crate) const LENGTH: usize = 64;

/// Descriptors that are open besides the sockets.
const SPARE: usize = 64;

/// Raises the soft limit of descriptors to the hard one, and tells how many sockets that allows.
#[expect(unsafe_code, reason = "no crate that is used here sets limits")]
pub(crate) fn descriptors() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a live rlimit to be written.
    let got = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    assert_eq!(got, 0, "a process may ask for its limits");
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: `limit` is a live rlimit to be read.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    assert_eq!(set, 0, "a process may raise its soft limit");
    limit.rlim_cur as usize - SPARE
}

/// Connected sockets on which nothing ever arrives; the other ends only have to stay open.
pub(crate) struct Sockets {
    streams: Vec<TcpStream>,
    _peers: Vec<UnixStream>,
}

impl Sockets {
    pub(crate) fn new(count: usize) -> Self {
        let (mut streams, mut peers) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let (ours, theirs) = UnixStream::pair().expect("a socket pair");
            // A receive does not ask which protocol it is.
            let ours = net::TcpStream::from(OwnedFd::from(ours));
            streams.push(TcpStream::from_std(ours).expect("a stream"));
            peers.push(theirs);
        }
        Self { streams, _peers: peers }
    }

    /// Pairs.
    pub(crate) fn len(&self) -> usize {
        self.streams.len()
    }

    /// One for each of so many receives.
    pub(crate) fn take(&self, count: usize) -> impl Iterator<Item = &TcpStream> {
        self.streams.iter().cycle().take(count)
    }
}

/// A sibling of so many receives fails: from then until the nursery has returned.
pub(crate) fn cancel(runtime: &mut Runtime, sockets: &Sockets, count: usize) -> Duration {
    let before = runtime.stats().cancelled;
    let failed = Cell::new(None);
    let elapsed = runtime.block_on(async {
        let result: io::Result<()> = nursery(async |n| {
            for stream in sockets.take(count) {
                n.spawn(async { stream.read(vec![0; LENGTH]).await.0.map(drop) });
            }
            n.spawn(async {
                // The kernel takes submissions in order: when this is back, it has the receives.
                nop().await?;
                failed.set(Some(Instant::now()));
                Err::<(), _>(io::Error::from(io::ErrorKind::AddrInUse))
            });
            Ok(())
        })
        .await;
        let elapsed = failed.get().expect("the sibling has failed").elapsed();
        assert_eq!(result.map_err(|error| error.kind()), Err(io::ErrorKind::AddrInUse));
        elapsed
    });
    let cancelled = runtime.stats().cancelled - before;
    assert_eq!(cancelled, count as u64, "every receive was in flight, and was cancelled");
    elapsed
}
