//! Looks names up, and tries what was found, one address after the other.

use super::in_vain::in_vain;
use super::{Endpoint, ToSocketAddrs};
use crate::blocking::{Unfinished, blocking};
use crate::scope::is_cancelled;
use crate::yield_now::consume_budget;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::panic::resume_unwind;
use std::vec;

/// The addresses that belong to a name, best first, as the system's resolver says: `/etc/hosts`,
/// name servers. The core goes on meanwhile; what is an address already needs no look-up.
///
/// # Cancellation
///
/// A look-up that has begun cannot be stopped: the nursery around it waits for it, at most as long
/// as the resolver waits for its servers (`resolv.conf(5)`: 5 seconds, twice for each).
///
/// # Errors
///
/// The name is unknown, or no name server answers; the error says the name. No thread can be
/// started.
///
/// # Examples
///
/// ```
/// use nestling_runtime::net::lookup_host;
/// # fn main() -> std::io::Result<()> {
/// let mut found = nestling_runtime::block_on(lookup_host("localhost:80"))?;
/// assert!(found.all(|address| address.ip().is_loopback() && address.port() == 80));
/// # Ok(())
/// # }
/// ```
pub async fn lookup_host(host: impl ToSocketAddrs) -> io::Result<Addresses> {
    consume_budget().await;
    resolve(host.to_endpoint()?).await
}

/// The addresses that are meant.
pub(super) async fn resolve(endpoint: Endpoint<'_>) -> io::Result<Addresses> {
    let (name, port) = match endpoint {
        Endpoint::Address(address) => return Ok(Addresses(Found::One(Some(address)))),
        Endpoint::Addresses(list) => return Ok(Addresses::from(list.to_vec())),
        Endpoint::Host { name, port } => (name.to_owned(), port),
    };
    let ended = blocking(move || {
        let found = (name.as_str(), port).to_socket_addrs().map(Vec::from_iter);
        found.map_err(|source| io::Error::new(source.kind(), Unknown { name, source }))
    });
    // On the heap: names are rare, and futures that only may look one up shall stay small.
    match Box::pin(ended).await {
        Ok(found) => Ok(Addresses::from(found?)),
        Err(Unfinished::Cancelled(cancelled)) => Err(cancelled.into()),
        Err(Unfinished::Refused(error)) => Err(error),
        Err(Unfinished::Panicked(payload)) => resume_unwind(payload),
    }
}

/// Socket addresses that belong together. Made by [`lookup_host`].
///
/// # Examples
///
/// ```
/// use nestling_runtime::net::{Addresses, lookup_host};
/// let found: Addresses = nestling_runtime::block_on(lookup_host("127.0.0.1:80")).unwrap();
/// assert_eq!(found.count(), 1);
/// ```
#[derive(Debug, Clone)]
pub struct Addresses(Found);

/// One takes no memory.
#[derive(Debug, Clone)]
enum Found {
    One(Option<SocketAddr>),
    Many(vec::IntoIter<SocketAddr>),
}

impl From<Vec<SocketAddr>> for Addresses {
    fn from(addresses: Vec<SocketAddr>) -> Self {
        Self(Found::Many(addresses.into_iter()))
    }
}

impl Iterator for Addresses {
    type Item = SocketAddr;

    fn next(&mut self) -> Option<SocketAddr> {
        match &mut self.0 {
            Found::One(address) => address.take(),
            Found::Many(addresses) => addresses.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            Found::One(address) => (usize::from(address.is_some()), Some(1)),
            Found::Many(addresses) => addresses.size_hint(),
        }
    }
}

/// The error of an empty list.
pub(super) fn none() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "there is no address")
}

/// The first attempt that succeeds; else the last error, which names what was tried. `to` says what
/// was meant, such as `connect to`.
pub(super) async fn first<T>(
    to: &'static str,
    endpoint: Endpoint<'_>,
    mut attempt: impl AsyncFnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut failed = Vec::new();
    for address in resolve(endpoint).await? {
        match attempt(address).await {
            Ok(value) => return Ok(value),
            // A cancelled caller hears of it now: the next attempt would never return.
            Err(error) if is_cancelled(&error) => return Err(error),
            Err(error) => failed.push((address, error)),
        }
    }
    Err(in_vain(to, endpoint, failed))
}

/// Says which name could not be looked up.
#[derive(Debug)]
struct Unknown {
    name: String,
    source: io::Error,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot look up '{}': {}", self.name, self.source)
    }
}

impl std::error::Error for Unknown {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
