//! `Side`: one side of a connection through the proxy, of either family.

use nestling::net::{Connection, TcpStream, UnixStream};
use std::io;
use std::time::Duration;

pub(crate) trait Side: Connection {
    /// A piece that is less than a packet shall not wait for the last to be acknowledged.
    fn hand_on_at_once(&self) -> io::Result<()>;

    /// The close that comes next is to be known as one that was not in order, as far as the family
    /// can say that.
    fn break_off(&self) -> io::Result<()>;
}

impl Side for TcpStream {
    fn hand_on_at_once(&self) -> io::Result<()> {
        self.set_nodelay(true)
    }

    fn break_off(&self) -> io::Result<()> {
        self.set_linger(Some(Duration::ZERO))
    }
}

/// It has no packets, and no reset: its peer reads an end. Only what the peer has sent, and the
/// proxy has not read, makes it an error.
impl Side for UnixStream {
    fn hand_on_at_once(&self) -> io::Result<()> {
        Ok(())
    }

    fn break_off(&self) -> io::Result<()> {
        Ok(())
    }
}
