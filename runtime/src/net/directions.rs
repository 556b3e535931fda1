//! `Reads` and `Writes`: types with a connection behind them, of which they use one direction.

use super::connection::{Connection, Inner};
use super::stream::Stream;
use super::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, TcpStream, UnixStream, WriteHalf};

/// What is read from.
pub(crate) trait Reads {
    fn reads(&self) -> &Stream;
}

/// What is written to.
pub(crate) trait Writes {
    fn writes(&self) -> &Stream;
}

impl Reads for TcpStream {
    fn reads(&self) -> &Stream {
        self.inner()
    }
}

impl Reads for UnixStream {
    fn reads(&self) -> &Stream {
        self.inner()
    }
}

impl<S: Connection> Reads for ReadHalf<'_, S> {
    fn reads(&self) -> &Stream {
        self.as_ref().inner()
    }
}

impl<S: Connection> Reads for OwnedReadHalf<S> {
    fn reads(&self) -> &Stream {
        self.as_ref().inner()
    }
}

impl<T: Reads> Reads for &T {
    fn reads(&self) -> &Stream {
        (*self).reads()
    }
}

impl Writes for TcpStream {
    fn writes(&self) -> &Stream {
        self.inner()
    }
}

impl Writes for UnixStream {
    fn writes(&self) -> &Stream {
        self.inner()
    }
}

impl<S: Connection> Writes for WriteHalf<'_, S> {
    fn writes(&self) -> &Stream {
        self.as_ref().inner()
    }
}

impl<S: Connection> Writes for OwnedWriteHalf<S> {
    fn writes(&self) -> &Stream {
        self.as_ref().inner()
    }
}

impl<T: Writes> Writes for &T {
    fn writes(&self) -> &Stream {
        (*self).writes()
    }
}
