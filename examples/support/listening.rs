//! Where servers listen: each place is this process's own before any core listens there.

use lexopt::ValueExt;
use listenfd::ListenFd;
use nestling::net::{ListenOptions, TcpListener, UnixListener};
use socket2::{Domain, Protocol, Socket, Type};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::{self, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net as unix;
use std::path::PathBuf;

/// Where to listen, as the command line says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// Port 0 is a free port.
    Tcp(SocketAddr),
    Unix(PathBuf),
    /// On what the program that has started this one listens on already.
    Systemd,
}

/// An address to listen on.
pub(crate) fn address(value: OsString) -> Result<Address, lexopt::Error> {
    if let Some(path) = value.as_bytes().strip_prefix(b"unix:").filter(|path| !path.is_empty()) {
        return Ok(Address::Unix(OsStr::from_bytes(path).into()));
    }
    let text = value.string()?;
    if text == "systemd" {
        return Ok(Address::Systemd);
    }
    text.parse().map(Address::Tcp).map_err(|_| {
        format!(
            "--listen: '{text}' is no socket address, such as 127.0.0.1:7000, unix:/run/socket or \
             systemd"
        )
        .into()
    })
}

/// A place to listen.
#[derive(Debug)]
pub(crate) enum Place {
    /// A port, on which each core gets a listener of its own: the kernel spreads connections.
    Port(Port),
    /// Listeners of which there is one, that the cores share.
    Tcp(net::TcpListener),
    Unix(unix::UnixListener, Option<PathBuf>),
}

/// What one core listens with.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A port that is bound and not listened on: it stays ours, and gets no connections.
#[derive(Debug)]
pub(crate) struct Port {
    /// Keeps the port until the process ends, so that all cores find it free for them.
    _socket: Socket,
    address: SocketAddr,
}

impl Place {
    /// Takes all these places.
    ///
    /// # Errors
    ///
    /// Another process listens there, or the address is not of this machine; the error names it.
    /// Or no listener was handed over.
    pub(crate) fn take(addresses: &[Address]) -> io::Result<Vec<Self>> {
        let mut places = Vec::new();
        for address in addresses {
            match address {
                Address::Tcp(address) => places.push(Self::Port(named(address, port(*address))?)),
                Address::Unix(path) => {
                    let listener = named(&path.display(), local(path))?;
                    places.push(Self::Unix(listener, Some(path.clone())));
                }
                Address::Systemd => places.extend(handed_over()?),
            }
        }
        Ok(places)
    }

    /// A listener for the core that calls it.
    pub(crate) async fn listen(&self) -> io::Result<Listener> {
        match self {
            Self::Port(port) => {
                let options = ListenOptions::default().reuse_port(true);
                TcpListener::bind_with(port.address, &options).await.map(Listener::Tcp)
            }
            Self::Tcp(listener) => TcpListener::from_std(listener.try_clone()?).map(Listener::Tcp),
            Self::Unix(listener, _) => {
                UnixListener::from_std(listener.try_clone()?).map(Listener::Unix)
            }
        }
    }

    /// The address, with its real port.
    pub(crate) fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Port(port) => Some(port.address),
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(..) => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.tcp(), self) {
            (Some(address), _) => write!(f, "{address}"),
            (None, Self::Unix(listener, _)) => {
                let address = listener.local_addr().ok();
                let path = address.as_ref().and_then(|address| address.as_pathname());
                write!(f, "unix:{}", path.unwrap_or("?".as_ref()).display())
            }
            (None, _) => write!(f, "?"),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What was handed over stays: it is the other program's.
        if let Self::Unix(_, Some(path)) = self {
            let _ = fs::remove_file(path);
        }
    }
}

fn named<T>(address: &impl fmt::Display, taken: io::Result<T>) -> io::Result<T> {
    taken.map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
    })
}

fn port(address: SocketAddr) -> io::Result<Port> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // The last run's connections may still linger on the port.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    // Only now: with it, the bind would have joined a stranger's port instead of failing.
    socket.set_reuse_port(true)?;
    let address = socket.local_addr()?.as_socket().unwrap_or(address);
    Ok(Port { _socket: socket, address })
}

/// Listens at a path. What a killed server has left there is not in use.
fn local(path: &PathBuf) -> io::Result<unix::UnixListener> {
    match unix::UnixListener::bind(path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let knock = unix::UnixStream::connect(path);
            if !knock.is_err_and(|refused| refused.kind() == ErrorKind::ConnectionRefused) {
                return Err(error);
            }
            fs::remove_file(path)?;
            unix::UnixListener::bind(path)
        }
        bound => bound,
    }
}

/// What systemd listens on for this process (`sd_listen_fds(3)`). A server that takes over such
/// listeners can be started again without a connection being refused: those that come meanwhile
/// wait in the backlog, which is systemd's.
fn handed_over() -> io::Result<Vec<Place>> {
    let mut handed = ListenFd::from_env();
    let mut places = Vec::new();
    for at in 0..handed.len() {
        // An error says that it is of another kind, which the next one tries.
        if let Ok(Some(listener)) = handed.take_tcp_listener(at) {
            places.push(Place::Tcp(listener));
        } else if let Some(listener) = handed.take_unix_listener(at)? {
            places.push(Place::Unix(listener, None));
        }
    }
    if places.is_empty() {
        let text = "cannot listen on systemd: no listener was handed over (LISTEN_FDS, \
                    LISTEN_PID): start this as the service of a .socket unit";
        return Err(io::Error::new(ErrorKind::InvalidInput, text));
    }
    Ok(places)
}
