//! The proxy: what runs on each core, and a connection from its begin to its end.
//!
//! ```text
//!   nursery of the core ── serve, one for each address
//!                            └── connection, one child each
//!                                  ├── client ──▶ server
//!                                  └── server ──▶ client
//! ```

use crate::complain;
use crate::event::Event;
use crate::limit::Limit;
use crate::options::Options;
use crate::reserve::Reserved;
use crate::say;
use crate::upstreams::Upstreams;
use nestling::io::{CopyOptions, copy_bidirectional_with, nursery};
use nestling::net::{ListenOptions, TcpListener, TcpStream};
use nestling::{Core, Runtime, Serve, serve};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The proxy, shared by its cores.
#[derive(Debug)]
pub(crate) struct Proxy {
    options: Options,
    reserved: Vec<Reserved>,
    upstreams: Upstreams,
    limit: Limit,
    stop: Event,
    ready: Event,
    /// Cores that listen on all addresses.
    listening: AtomicUsize,
}

impl Proxy {
    /// Reserves the addresses. No client can connect before it runs.
    ///
    /// # Errors
    ///
    /// An address cannot be listened on; the error names it.
    pub(crate) fn new(options: Options) -> io::Result<Arc<Self>> {
        let reserved = options.listen.iter().copied().map(Reserved::new);
        Ok(Arc::new(Self {
            reserved: reserved.collect::<io::Result<_>>()?,
            upstreams: Upstreams::new(options.to.clone()),
            limit: Limit::new(options.limit),
            stop: Event::new(),
            ready: Event::new(),
            listening: AtomicUsize::new(0),
            options,
        }))
    }

    /// Raise it, and the proxy stops as at a signal.
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

    /// Runs on all cores until the stop.
    ///
    /// # Errors
    ///
    /// The runtime cannot start, or a listener broke.
    pub(crate) fn run(self: &Arc<Self>) -> io::Result<()> {
        let proxy = Arc::clone(self);
        let builder = Runtime::builder().name("proxy").cores(self.options.cores.clone());
        builder.run(async move |core| proxy.run_on(core).await).map(drop)
    }

    /// What one core does.
    async fn run_on(&self, core: Core) -> io::Result<()> {
        let mut listeners = Vec::new();
        let options = ListenOptions::default().reuse_port(true);
        for address in self.addresses() {
            listeners.push(TcpListener::bind_with(address, &options).await?);
        }
        nursery(async |n| {
            for listener in listeners {
                let how = Serve {
                    limit: self.options.limit,
                    drain: self.options.drain,
                    ..Serve::default()
                }
                .on_failure(|client, error| complain(format_args!("{client}: {error}")));
                n.spawn(serve(listener, how, async |client, _| self.relay(client).await));
            }
            n.spawn_daemon(async {
                self.stop.raised().await;
                n.cancel();
                Ok(())
            });
            self.announce(core);
            Ok(())
        })
        .await
    }

    /// The last core to listen says so for all.
    fn announce(&self, core: Core) {
        if self.listening.fetch_add(1, Ordering::SeqCst) + 1 == core.count() {
            self.addresses().for_each(|address| say(format_args!("listening on {address}")));
            self.ready.raise();
        }
    }

    /// One connection. What fails on one side is told to the other one by a reset: an orderly end
    /// would say that all bytes have come.
    async fn relay(&self, client: TcpStream) -> io::Result<()> {
        // One limit for all cores.
        let _permit = self.limit.permit().await;
        let server = match self.upstreams.connect(self.options.connect_timeout).await {
            Ok(server) => server,
            Err(error) => {
                client.set_linger(Some(Duration::ZERO))?;
                return Err(error);
            }
        };
        // A piece that is less than a packet shall not wait for the last to be acknowledged.
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let how = CopyOptions { idle: self.options.idle, ..CopyOptions::default() };
        let copied = copy_bidirectional_with(how, &client, &server).await;
        if copied.is_err() {
            client.set_linger(Some(Duration::ZERO))?;
            server.set_linger(Some(Duration::ZERO))?;
        }
        Ok(copied.map(drop)?)
    }
}
