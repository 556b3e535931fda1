//! `Client`: a blocking connection to the server.

use crate::process::PATIENCE;
use socket2::SockRef;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

/// A connection that gives up waiting after a while, so that a test fails and does not hang.
#[derive(Debug)]
pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// Reads as many bytes as were sent, and compares.
    #[track_caller]
    pub(crate) fn expect(&mut self, sent: &[u8]) {
        let mut received = vec![0; sent.len()];
        self.0.read_exact(&mut received).unwrap();
        // Not `assert_eq`, which would print megabytes.
        assert!(received == sent, "{} bytes came back changed", sent.len());
    }

    /// Sends and reads at the same time, as the server does.
    #[track_caller]
    pub(crate) fn round_trip(&mut self, bytes: &[u8]) {
        let mut writer = self.0.try_clone().unwrap();
        thread::scope(|s| {
            s.spawn(move || writer.write_all(bytes).unwrap());
            self.expect(bytes);
        });
    }

    /// Sends all and its end, while it reads; expects all and the end.
    #[track_caller]
    pub(crate) fn send_and_half_close(mut self, bytes: &[u8]) {
        let mut writer = self.0.try_clone().unwrap();
        thread::scope(|s| {
            s.spawn(move || {
                writer.write_all(bytes).unwrap();
                writer.shutdown(Shutdown::Write).unwrap();
            });
            self.expect(bytes);
        });
        self.expect_end();
    }

    /// The server has nothing more to say.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        assert_eq!(self.0.read(&mut [0]).unwrap(), 0, "the end of the stream was expected");
    }

    /// The server has given the connection up: by its end, or by a reset.
    #[track_caller]
    pub(crate) fn expect_gone(&mut self) {
        match self.0.read_to_end(&mut Vec::new()) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
        }
    }

    /// One byte, if it is there already.
    pub(crate) fn try_byte(&mut self) -> Option<u8> {
        self.0.set_nonblocking(true).unwrap();
        let mut byte = [0];
        let read = self.0.read(&mut byte);
        self.0.set_nonblocking(false).unwrap();
        match read {
            Ok(0) => panic!("the connection has ended"),
            Ok(_) => Some(byte[0]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Sends until neither side has room for more, and tells what was sent.
    pub(crate) fn send_until_full(&mut self) -> Vec<u8> {
        let piece = pattern(64 * 1024, 3);
        let mut sent = Vec::new();
        // Full is what stays full while the server has time to read.
        self.0.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        loop {
            match self.0.write(&piece) {
                Ok(n) => sent.extend_from_slice(&piece[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return sent,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        SockRef::from(&self.0).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// Bytes without a short period, so that a lost or doubled piece is noticed.
pub(crate) fn pattern(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}
