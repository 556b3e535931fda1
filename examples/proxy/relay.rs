//! The proxy: what runs on each core, and a connection from its begin to its end.
//!
//! ```text
//!   nursery of the core ── serve, one for each place to listen
//!                            └── connection, one child each
//!                                  ├── client ──▶ server
//!                                  └── server ──▶ client
//! ```

use crate::complain;
use crate::listening::Listener;
use crate::options::Options;
use crate::service::Service;
use crate::side::Side;
use crate::upstreams::{Server, Upstreams};
use nestling::io::{AsyncRead, AsyncWrite, CopyOptions, copy_bidirectional_with, nursery};
use nestling::net::{TcpStream, UnixStream};
use nestling::{Core, Runtime, Serve, serve};
use std::fmt;
use std::io;
use std::sync::Arc;

/// The proxy, shared by its cores.
#[derive(Debug)]
pub(crate) struct Proxy {
    options: Options,
    service: Service,
    upstreams: Upstreams,
}

impl Proxy {
    /// Takes the places to listen. No client can connect before it runs.
    ///
    /// # Errors
    ///
    /// A place cannot be taken; the error names it.
    pub(crate) fn new(options: Options) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            service: Service::new(&options.listen, options.limit, options.drain)?,
            upstreams: Upstreams::new(options.to.clone()),
            options,
        }))
    }

    pub(crate) fn service(&self) -> &Service {
        &self.service
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
        let listeners = self.service.listen().await?;
        nursery(async |n| {
            for listener in listeners {
                match listener {
                    Listener::Tcp(listener) => {
                        n.spawn(serve(listener, self.how(), async |client, _| {
                            self.relay(client).await
                        }))
                    }
                    Listener::Unix(listener) => {
                        n.spawn(serve(listener, self.how(), async |client, _| {
                            self.relay(client).await
                        }))
                    }
                };
            }
            self.service.attend(core, n)
        })
        .await
    }

    fn how<A: fmt::Debug>(&self) -> Serve<A> {
        self.service.how().on_failure(|client, error| complain(format_args!("{client:?}: {error}")))
    }

    /// One connection. What fails on one side is told to the other one by a reset: an orderly end
    /// would say that all bytes have come.
    async fn relay<C: Side>(&self, client: C) -> io::Result<()>
    where
        for<'s> &'s C: AsyncRead + AsyncWrite,
    {
        match self.upstreams.connect(self.options.connect_timeout).await {
            Ok(Server::Tcp(server)) => self.join::<C, TcpStream>(client, server).await,
            Ok(Server::Unix(server)) => self.join::<C, UnixStream>(client, server).await,
            Err(error) => {
                client.break_off()?;
                Err(error)
            }
        }
    }

    async fn join<C: Side, S: Side>(&self, client: C, server: S) -> io::Result<()>
    where
        for<'s> &'s C: AsyncRead + AsyncWrite,
        for<'s> &'s S: AsyncRead + AsyncWrite,
    {
        client.hand_on_at_once()?;
        server.hand_on_at_once()?;
        let how = CopyOptions { idle: self.options.idle, ..CopyOptions::default() };
        let copied = copy_bidirectional_with(how, &client, &server).await;
        if copied.is_err() {
            client.break_off()?;
            server.break_off()?;
        }
        Ok(copied.map(drop)?)
    }
}
