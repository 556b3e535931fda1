//! The server: what runs on each core, from listening to draining.
//!
//! ```text
//!   nursery "all" ── body: waits for the stop, then for the drain; cancels what is left
//!       └── nursery "connections"
//!             ├── accept loop, one for each address; ends at the stop
//!             └── connection, one child each
//! ```

use crate::echo::echo;
use crate::event::Event;
use crate::limit::{Limit, Permit};
use crate::options::Options;
use crate::reserve::Reserved;
use crate::say;
use futures_util::future::{Either, select};
use nestling::net::{ListenOptions, TcpListener, TcpStream, is_exhausted};
use nestling::signal::stop_requested;
use nestling::time::sleep;
use nestling::{Core, Cores, Nursery, Runtime, Stats, io::nursery, stats, timeout};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long an accept loop pauses when descriptors or memory ran out. Each attempt is one system
/// call: short enough that a client hardly notices, long enough that the core idles.
const PAUSE: Duration = Duration::from_millis(30);

/// The server, shared by its cores.
#[derive(Debug)]
pub(crate) struct Server {
    reserved: Vec<Reserved>,
    limit: Limit,
    drain: Duration,
    stop: Event,
    ready: Event,
    /// Cores that listen on all addresses.
    listening: AtomicUsize,
}

impl Server {
    /// Reserves the addresses. Nobody can connect before it runs.
    ///
    /// # Errors
    ///
    /// An address cannot be listened on; the error names it.
    pub(crate) fn new(options: Options) -> io::Result<Arc<Self>> {
        let reserved = options.listen.into_iter().map(Reserved::new);
        Ok(Arc::new(Self {
            reserved: reserved.collect::<io::Result<_>>()?,
            limit: Limit::new(options.limit),
            drain: options.drain,
            stop: Event::new(),
            ready: Event::new(),
            listening: AtomicUsize::new(0),
        }))
    }

    /// Raise it, and the server stops: it accepts no more, and drains.
    pub(crate) fn stop(&self) -> &Event {
        &self.stop
    }

    /// Raised when all cores listen on all addresses.
    pub(crate) fn ready(&self) -> &Event {
        &self.ready
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.reserved.iter().map(Reserved::address)
    }

    /// Serves on all these cores until the stop; tells what each core's driver has counted.
    ///
    /// # Errors
    ///
    /// The runtime cannot start, or a listener broke. What happens to one connection is no error
    /// of the server.
    pub(crate) fn run(self: &Arc<Self>, cores: Cores) -> io::Result<Vec<Stats>> {
        let server = Arc::clone(self);
        Runtime::builder().name("echo").cores(cores).run(async move |core| server.serve(core).await)
    }

    /// What one core does.
    async fn serve(&self, core: Core) -> io::Result<Stats> {
        let mut listeners = Vec::new();
        let options = ListenOptions::default().reuse_port(true);
        for address in self.addresses() {
            listeners.push(TcpListener::bind_with(address, &options).await?);
        }
        // The first SIGINT or SIGTERM; a second one ends the process.
        let requested = stop_requested();
        self.announce(core);
        nursery(async |all| {
            let connections = all.spawn(self.accept_on(listeners));
            all.spawn_daemon(async {
                requested.await?;
                self.stop.raise();
                Ok(())
            });
            self.stop.raised().await;
            if timeout(self.drain, connections).await.is_err() {
                all.cancel();
            }
            Ok(())
        })
        .await
        .map(|()| stats())
    }

    /// The last core to listen says so for all.
    fn announce(&self, core: Core) {
        if self.listening.fetch_add(1, Ordering::SeqCst) + 1 == core.count() {
            self.addresses().for_each(|address| say(format_args!("listening on {address}")));
            self.ready.raise();
        }
    }

    /// Serves until the stop, and then until the last connection has ended.
    async fn accept_on(&self, listeners: Vec<TcpListener>) -> io::Result<()> {
        nursery(async |connections| {
            for listener in listeners {
                connections.spawn(self.accept_loop(listener, connections));
            }
            Ok(())
        })
        .await
    }

    /// Starts a child for each connection, until the stop. The listener goes with it: who connects
    /// later is refused, and does not wait in vain.
    async fn accept_loop<'scope>(
        &'scope self,
        listener: TcpListener,
        connections: &'scope Nursery<'scope, '_>,
    ) -> io::Result<()> {
        let mut stopped = pin!(self.stop.raised());
        loop {
            let next = pin!(self.next(&listener));
            match select(next, stopped.as_mut()).await {
                Either::Left((accepted, _)) => {
                    let (stream, permit) = accepted?;
                    connections.spawn(serve_one(stream, permit));
                }
                // A connection that this accept may have got just now is closed with the listener.
                Either::Right(((), _)) => return Ok(()),
            }
        }
    }

    /// The next connection, and the right to serve it. It is accepted first: an idle listener must
    /// not keep a permit from a busy one. So each listener may hold one connection that waits
    /// while the server is full; all others wait in the kernel.
    async fn next(&self, listener: &TcpListener) -> io::Result<(TcpStream, Permit)> {
        loop {
            match listener.accept().await {
                Ok((stream, _peer)) => return Ok((stream, self.limit.permit().await)),
                Err(error) if is_exhausted(&error) => sleep(PAUSE).await,
                Err(error) => return Err(error),
            }
        }
    }
}

/// One child. A connection that breaks is the client's affair and ends this child alone.
async fn serve_one(stream: TcpStream, _permit: Permit) {
    let _ = echo(stream).await;
}
