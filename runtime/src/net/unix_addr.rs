//! Addresses of Unix sockets, as the kernel and as the standard library has them.

use socket2::SockAddr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::path::Path;

/// The address that is a path.
pub(super) fn of_path(path: &Path) -> io::Result<SockAddr> {
    if path.as_os_str().as_bytes().contains(&0) {
        let text = format!(
            "{path:?} is no path, as it contains a zero byte: for an abstract name, \
                            make a SocketAddr by SocketAddrExt::from_abstract_name"
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    // An empty one would be the kernel's choice of a name.
    if path.as_os_str().is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path is empty"));
    }
    SockAddr::unix(path).map_err(|error| {
        let text = format!("{path:?} is too long for the address of a socket: 107 bytes at most");
        io::Error::new(error.kind(), text)
    })
}

/// The kernel's form of an address with a name.
pub(super) fn to_kernel(address: &SocketAddr) -> io::Result<SockAddr> {
    if let Some(path) = address.as_pathname() {
        return of_path(path);
    }
    let Some(name) = address.as_abstract_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the address has no name"));
    };
    let mut path = vec![0];
    path.extend_from_slice(name);
    SockAddr::unix(Path::new(std::ffi::OsStr::from_bytes(&path)))
}

/// The standard library's form.
pub(super) fn from_kernel(address: SockAddr) -> io::Result<SocketAddr> {
    if !address.is_unix() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the socket is no Unix socket"));
    }
    match (address.as_pathname(), address.as_abstract_namespace()) {
        (_, Some(name)) => SocketAddr::from_abstract_name(name),
        (Some(path), None) => SocketAddr::from_pathname(path),
        (None, None) => unnamed(),
    }
}

/// The address of what has no name, for which the empty path stands.
pub(super) fn unnamed() -> io::Result<SocketAddr> {
    SocketAddr::from_pathname("")
}

/// The error of an attempt, with what was tried.
pub(super) fn in_vain(what: &str, address: &SockAddr, error: io::Error) -> io::Error {
    if crate::scope::is_cancelled(&error) {
        return error;
    }
    let name = match (address.as_pathname(), address.as_abstract_namespace()) {
        (Some(path), _) => format!("{path:?}"),
        (_, Some(name)) => format!("the abstract name \"{}\"", name.escape_ascii()),
        (None, None) => "an address without a name".to_owned(),
    };
    io::Error::new(error.kind(), format!("cannot {what} {name}: {error}"))
}
