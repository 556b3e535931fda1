//! Buffers that the receives of a core share: one is taken when something has come, and lent to the
//! code that receives it.
//!
//! ```text
//!   Pools ─── one core: its default pool, and those that were made
//!     └ Buffers ─── one pool on its core: what is free, what the kernel has, who waits in line
//!         └ Shared ─── the memory, and the way back from other threads
//!             └ Buffer ─── one part of it, and the right to use that
//!                 └ Lease ─── what was received into it
//! ```

mod buffers;
mod fixed;
mod lease;
mod line;
mod shared;

use crate::config::Config;
use crate::context;
use crate::counters::Counters;
use crate::ring::MOST_BUFFERS;
use buffers::Buffers as Inner;
use slab::Slab;
use std::cell::RefCell;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;

pub use fixed::{FixedBuf, FixedPool};
pub use lease::Lease;

pub(crate) use buffers::Buffers;
pub(crate) use lease::Buffer;
pub(crate) use shared::Shared;

/// The longest buffer: what the kernel receives in one call.
const LONGEST: usize = 0x7fff_f000;

/// Whether there can be a pool of so many buffers of that size.
///
/// # Errors
///
/// There cannot; the error says what could be.
pub(crate) fn check((count, size): (usize, usize)) -> io::Result<()> {
    let text = if !count.is_power_of_two() || count > MOST_BUFFERS {
        format!(
            "a pool cannot have {count} buffers: the number has to be a power of two, from 1 to \
             {MOST_BUFFERS}"
        )
    } else if size == 0 || size > LONGEST {
        format!("a pool cannot have buffers of {size} bytes: from 1 to {LONGEST} are possible")
    } else {
        return Ok(());
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

/// The pools of one core.
#[derive(Debug)]
pub(crate) struct Pools {
    /// How many buffers the default pool has, and their size.
    options: (usize, usize),
    first: RefCell<Option<Rc<Inner>>>,
    all: RefCell<Slab<Weak<Inner>>>,
    /// Of the core.
    counters: Arc<Counters>,
}

impl Pools {
    pub(crate) fn new(config: &Config, counters: Arc<Counters>) -> Rc<Self> {
        Rc::new(Self {
            options: config.buffers,
            first: RefCell::new(None),
            all: RefCell::default(),
            counters,
        })
    }

    /// How many buffers are lent.
    pub(crate) fn leased(&self) -> u64 {
        let all = self.all.borrow();
        let lent = all.iter().filter_map(|(_, pool)| pool.upgrade()).map(|pool| pool.lent() as u64);
        lent.sum()
    }

    /// A receive has found no buffer.
    pub(crate) fn count_starved(&self) {
        self.counters.starved.add(1);
    }

    /// A receive gets memory of its own.
    pub(crate) fn count_copied(&self) {
        self.counters.copied.add(1);
    }

    /// The default pool, made by its first use.
    fn default(self: &Rc<Self>) -> io::Result<Rc<Inner>> {
        if let Some(first) = &*self.first.borrow() {
            return Ok(Rc::clone(first));
        }
        let made = self.make(self.options)?;
        self.first.replace(Some(Rc::clone(&made)));
        Ok(made)
    }

    fn make(self: &Rc<Self>, options: (usize, usize)) -> io::Result<Rc<Inner>> {
        check(options)?;
        let group = self.all.borrow_mut().insert(Weak::new());
        let number = u16::try_from(group).map_err(|_| io::ErrorKind::QuotaExceeded.into());
        let made = number.and_then(|number| Inner::new(self, number, options));
        match &made {
            Ok(pool) => self.all.borrow_mut()[group] = Rc::downgrade(pool),
            Err(_) => drop(self.all.borrow_mut().remove(group)),
        }
        made
    }

    /// A pool is gone.
    fn forget(&self, group: u16) {
        self.all.borrow_mut().remove(group.into());
    }

    /// The pool that a buffer belongs to, if it is one of this core.
    fn find(&self, shared: &Arc<Shared>) -> Option<Rc<Inner>> {
        let pool = self.all.borrow().get(shared.group.into())?.upgrade();
        pool.filter(|pool| pool.is_at(shared))
    }
}

/// Buffers have come back on other threads, and receives wait for them.
fn collect(group: u16) {
    let pool = context::with_core(|core| core.pools.all.borrow().get(group.into())?.upgrade());
    pool.flatten().into_iter().for_each(|pool| pool.collect());
}

/// The pools of the core that this thread runs.
pub(crate) fn here() -> Option<Rc<Pools>> {
    context::with_core(|core| Rc::clone(&core.pools))
}

/// The pool that a receive is to use: the one that is named, or the default one of this core.
///
/// # Errors
///
/// The named pool belongs to another core, or the default pool cannot be made.
pub(crate) fn choose(named: Option<&Pool>) -> io::Result<Rc<Buffers>> {
    let pools = here().expect("code of a runtime runs on a core");
    match named {
        None => pools.default(),
        Some(Pool(pool)) if pool.is_of(&pools) => Ok(Rc::clone(pool)),
        Some(_) => {
            let text = "the pool belongs to another runtime: make one here with Pool::new";
            Err(io::Error::new(io::ErrorKind::InvalidInput, text))
        }
    }
}

/// Buffers of one size that receives of this core share, beside the default pool
/// ([`Builder::buffers`](crate::Builder::buffers)): name it in the calls that are to use it, such
/// as [`recv_in`](crate::net::TcpStream::recv_in). A clone is the same pool.
///
/// A receive that waits holds no buffer: one is taken when something has come. A buffer is memory
/// of the process's once it was used, and is given back when the pool and its leases are gone.
///
/// # When the pool is empty
///
/// That is no error. A receive for which something has come stands in line then, and gets the first
/// [`Lease`] that comes back. If none does for 10 ms, the receive gets memory of its own instead,
/// in which it leaves what it has received: so a task that keeps leases while it sleeps makes
/// others slower and stops none. `Stats::starved` and `Stats::copied` count the two cases: if they
/// grow, the pool is too small, or leases are kept for too long.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::net::{TcpListener, TcpStream};
/// use nestling_runtime::pool::Pool;
/// nestling_runtime::block_on(async {
///     let large = Pool::new(16, 64 * 1024)?;
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let client = TcpStream::connect(listener.local_addr()?).await?;
///     let (server, _) = listener.accept().await?;
///     client.write_all(vec![7; 10_000]).await.0?;
///     assert!(server.recv_in(&large).await?.iter().all(|byte| *byte == 7));
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Pool(Rc<Buffers>);

impl Pool {
    /// Makes a pool of `count` buffers, a power of two up to 32,768, each of `size` bytes.
    ///
    /// # Errors
    ///
    /// There can be no such pool, or no memory is left for it; the error says what would help.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    pub fn new(count: usize, size: usize) -> io::Result<Self> {
        let pools = here().expect("Pool::new was called outside a runtime: call it in block_on");
        pools.make((count, size)).map(Self)
    }

    /// How many buffers it has.
    pub fn count(&self) -> usize {
        self.0.count()
    }

    /// Bytes of each buffer: what one receive gets at most.
    pub fn buffer_size(&self) -> usize {
        self.0.size()
    }

    /// How many buffers leases hold, or receives that are under way.
    pub fn leased(&self) -> usize {
        self.0.lent()
    }
}
