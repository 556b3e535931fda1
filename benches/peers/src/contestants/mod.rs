//! The contestants: each peer as its documentation recommends, with the same buffers, socket
//! options and work. A folder for each; its `mod.rs` says what the peer can do.

mod common;
mod compio;
mod epoll;
mod glommio;
mod kimojio;
mod monoio;
mod nestling;
mod ring;
mod threads;
mod tokio;
mod tokio_uring;

pub(crate) use common::{Spent, cached_file, small_files};

use crate::load::h2load_missing;
use crate::process::{Foreign, How};
use crate::rows::Work;
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};

/// How a contestant does a row's work.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Program {
    /// Serves each of these connections to its end.
    Streams(fn(Vec<TcpStream>, How) -> io::Result<()>),
    /// Sends back what this socket receives, for ever.
    Datagrams(fn(UdpSocket, How) -> io::Result<()>),
    /// Serves what connects, for ever.
    Listener(fn(TcpListener, How) -> io::Result<()>),
    /// Joins each of these pairs, until both sides have ended.
    Pairs(fn(Vec<(TcpStream, TcpStream)>, How) -> io::Result<()>),
    /// Does so many units by itself, and tells how long that took.
    Alone(fn(u64) -> Spent),
    /// A program that is not ours.
    Foreign(Foreign),
}

/// Why a contestant has no program for a row.
pub(crate) type Absent = &'static str;

/// One that takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contestant {
    Nestling,
    /// Nestling again, to see what is called equal.
    Again,
    /// Nestling with pooled buffers, received one by one.
    Leases,
    /// Nestling with pooled buffers, for which the kernel is asked once a connection.
    Stream,
    /// Nestling that looks for completions for a while before it sleeps.
    Spinning,
    /// Nestling that sleeps for several completions under load.
    Batching,
    Tokio,
    TokioMulti,
    Monoio,
    Compio,
    Glommio,
    TokioUring,
    Kimojio,
    Ring,
    Epoll,
    Haproxy,
    HaproxySplice,
    Nginx,
    Threads,
}

impl Contestant {
    /// By default; Nestling's other ways are asked for by name.
    pub(crate) const USUAL: [Self; 14] = [
        Self::Nestling,
        Self::Tokio,
        Self::TokioMulti,
        Self::Monoio,
        Self::Compio,
        Self::Glommio,
        Self::TokioUring,
        Self::Kimojio,
        Self::Ring,
        Self::Epoll,
        Self::Haproxy,
        Self::HaproxySplice,
        Self::Nginx,
        Self::Threads,
    ];

    /// Where a run only has to show that all works: what is our own, and a peer beside it.
    pub(crate) const QUICK: [Self; 4] = [Self::Nestling, Self::Tokio, Self::Ring, Self::Epoll];

    pub(crate) const OTHERS: [Self; 5] =
        [Self::Again, Self::Leases, Self::Stream, Self::Spinning, Self::Batching];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nestling => "nestling",
            Self::Again => "nestling-again",
            Self::Leases => "nestling-leases",
            Self::Stream => "nestling-stream",
            Self::Spinning => "nestling-spinning",
            Self::Batching => "nestling-batching",
            Self::Tokio => "tokio",
            Self::TokioMulti => "tokio-multi",
            Self::Monoio => "monoio",
            Self::Compio => "compio",
            Self::Glommio => "glommio",
            Self::TokioUring => "tokio-uring",
            Self::Kimojio => "kimojio",
            Self::Ring => "bare-ring",
            Self::Epoll => "bare-epoll",
            Self::Haproxy => "haproxy",
            Self::HaproxySplice => "haproxy-splice",
            Self::Nginx => "nginx",
            Self::Threads => "std-threads",
        }
    }

    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let mut all = Self::USUAL.into_iter().chain(Self::OTHERS);
        let found = all.find(|contestant| contestant.name() == name);
        found.ok_or_else(|| format!("{name} is no contestant"))
    }

    /// What it does a row's work with.
    pub(crate) fn program(self, work: Work) -> Result<Program, Absent> {
        let program = match self {
            Self::Nestling | Self::Again => nestling::program(work),
            Self::Leases => nestling::echo::with(work, nestling::echo::leases),
            Self::Stream => nestling::echo::with(work, nestling::echo::stream),
            Self::Spinning => nestling::echo::with(work, nestling::echo::spinning),
            Self::Batching => nestling::echo::with(work, nestling::echo::batching),
            Self::Tokio => tokio::program(work),
            Self::TokioMulti => tokio::multi(work),
            Self::Monoio => monoio::program(work),
            Self::Compio => compio::program(work),
            Self::Glommio => glommio::program(work),
            Self::TokioUring => tokio_uring::program(work),
            Self::Kimojio => kimojio::program(work),
            Self::Ring => ring::program(work),
            Self::Epoll => epoll::program(work),
            Self::Haproxy => proxy(work, Foreign::Haproxy),
            Self::HaproxySplice => proxy(work, Foreign::HaproxySplice),
            Self::Nginx => proxy(work, Foreign::Nginx),
            Self::Threads => threads::program(work),
        }?;
        match h2load_missing() {
            Some(missing) if work == Work::Http2 => Err(missing),
            _ => Ok(program),
        }
    }

    /// Why it does not take part in a row, if that is worth a word.
    pub(crate) fn absence(self, work: Work) -> Option<Absent> {
        self.program(work).err().filter(|reason| !reason.is_empty())
    }
}

/// A proxy takes part in no other row, which needs no word.
fn proxy(work: Work, program: Foreign) -> Result<Program, Absent> {
    match (work, program.missing()) {
        (Work::Proxy, None) => Ok(Program::Foreign(program)),
        (Work::Proxy, Some(missing)) => Err(missing),
        _ => Err(""),
    }
}
