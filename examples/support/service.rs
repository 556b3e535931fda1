//! `Service`: what a server is to those around it, whatever it does for a connection.
//!
//! It has its places to listen before it runs, says when it is ready, hears of the stop, and tells
//! systemd of both.

use crate::event::Event;
use crate::listening::{Address, Listener, Place};
use crate::say;
use nestling::signal::stop_requested;
use nestling::{Core, Limit, Nursery, Serve};
use sd_notify::{NotifyState, notify};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Shared by the cores of a server.
#[derive(Debug)]
pub(crate) struct Service {
    places: Vec<Place>,
    limit: Option<Limit>,
    drain: Duration,
    stop: Event,
    ready: Event,
    /// Cores that listen in all places.
    listening: AtomicUsize,
}

impl Service {
    /// Takes the places. No client can connect before it runs.
    ///
    /// # Errors
    ///
    /// A place cannot be taken; the error names it.
    pub(crate) fn new(
        listen: &[Address],
        limit: Option<usize>,
        drain: Duration,
    ) -> io::Result<Self> {
        Ok(Self {
            places: Place::take(listen)?,
            limit: limit.map(Limit::new),
            drain,
            stop: Event::new(),
            ready: Event::new(),
            listening: AtomicUsize::new(0),
        })
    }

    /// Raise it, and the server stops as at a signal: it accepts no more, and drains.
    pub(crate) fn stop(&self) -> &Event {
        &self.stop
    }

    /// Raised when all cores listen in all places.
    pub(crate) fn ready(&self) -> &Event {
        &self.ready
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.places.iter().filter_map(Place::tcp)
    }

    /// Listeners of all places, for the core that calls it.
    pub(crate) async fn listen(&self) -> io::Result<Vec<Listener>> {
        let mut listeners = Vec::new();
        for place in &self.places {
            listeners.push(place.listen().await?);
        }
        Ok(listeners)
    }

    /// How each core serves. It hears of signals by way of `attend`.
    pub(crate) fn how<A>(&self) -> Serve<A> {
        let shared = self.limit.clone();
        Serve { shared, drain: self.drain, signals: false, ..Serve::default() }
    }

    /// What a core does beside serving, once it listens: it waits for the stop, to cancel the
    /// nursery of its servers; and the last core to listen says so for all.
    pub(crate) fn attend<'s>(&'s self, core: Core, servers: &'s Nursery<'s, '_>) -> io::Result<()> {
        // From here on, the first SIGINT or SIGTERM is the stop; a second one ends the process.
        let requested = stop_requested();
        servers.spawn_daemon(async {
            requested.await?;
            self.stop.raise();
            Ok(())
        });
        servers.spawn_daemon(async move {
            self.stop.raised().await;
            servers.cancel();
            if core.index() == 0 { notify(&[NotifyState::Stopping]) } else { Ok(()) }
        });
        if self.listening.fetch_add(1, Ordering::SeqCst) + 1 < core.count() {
            return Ok(());
        }
        self.places.iter().for_each(|place| say(format_args!("listening on {place}")));
        self.ready.raise();
        notify(&[NotifyState::Ready])
    }
}
