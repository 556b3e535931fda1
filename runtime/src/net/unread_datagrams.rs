//! `UnreadDatagrams`: datagrams that came for receives which were dropped, for the next one.
//!
//! ```text
//!   kernel ──▶ its future ──▶ the caller
//!                 │ dropped
//!                 └──▶ UnreadDatagrams ──▶ a receive that waits, or the next one
//! ```

use super::armed::{Armed, Keeps};
use super::claims::{Claim, Claims};
use super::unread::is_news;
use super::waiting::{Seat, Waiting};
use crate::buf::{self, BufResult, IoBuf, IoBufMut};
use crate::fd::SharedFd;
use crate::op::{Arrived, Control, LeasedMsg, One, Op, RawMsg, RecvMsg, RecvMsgMany, Room};
use crate::pool::Lease;
use crate::scope::{is_cancelled, is_here_cancelled};
use crate::sys::Space;
use socket2::SockAddr;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// What a receive tells: its bytes are in the buffer.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) length: usize,
    pub(super) from: Option<SockAddr>,
    pub(super) truncated: bool,
    /// Not of one that was only looked at.
    pub(super) control: Control,
}

impl Told {
    /// What is told of one that came into a buffer of a pool.
    pub(super) fn of(message: LeasedMsg) -> (Lease, Self) {
        let LeasedMsg { lease, from, truncated, control } = message;
        let told = Self { length: lease.len(), from: from.map(Into::into), truncated, control };
        (lease, told)
    }
}

impl From<Arrived> for Told {
    fn from(arrived: Arrived) -> Self {
        let Arrived { length, from, truncated, control, .. } = arrived;
        Self { length, from, truncated, control }
    }
}

/// What is done with the next datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    /// The datagram is received, with what came along as far as there is room.
    Out(Room),
    /// The datagram is looked at, and stays.
    Peek,
}

/// What came for a receive that was dropped: a datagram, or the socket's error, which it tells
/// once.
pub(super) type Parcel = io::Result<(Vec<u8>, Told)>;

/// The datagrams of one socket that came for dropped receives, oldest first. There are never more
/// than receives were in flight at a time.
#[derive(Debug, Default)]
pub(super) struct UnreadDatagrams {
    parcels: RefCell<VecDeque<Parcel>>,
    claims: Claims,
    /// The receives in flight, and what waits to begin one.
    waiting: Waiting,
    armed: Armed<Self>,
}

impl UnreadDatagrams {
    /// Takes the oldest as bytes of their own.
    pub(super) fn take_parcel(&self) -> Option<Parcel> {
        self.parcels.borrow_mut().pop_front()
    }

    fn push(&self, parcel: Parcel) {
        self.parcels.borrow_mut().push_back(parcel);
        self.waiting.wake();
    }

    /// Takes the oldest into a buffer; or leaves it there as well, unless it is an error.
    fn take(&self, buffer: &mut impl IoBufMut, take: Take) -> Option<io::Result<Told>> {
        let mut parcels = self.parcels.borrow_mut();
        let (bytes, told) = match parcels.front_mut()? {
            Ok(parcel) => parcel,
            Err(_) => return parcels.pop_front().map(|parcel| parcel.map(|(_, told)| told)),
        };
        let length = buf::fill(buffer, 0, bytes);
        let truncated = told.truncated || length < bytes.len();
        let (from, mut control) = (told.from.clone(), Control::default());
        if take != Take::Peek {
            control = std::mem::take(&mut told.control);
            parcels.pop_front();
        }
        Some(Ok(Told { length, from, truncated, control }))
    }

    /// Takes the oldest into memory that is lent for this call: how long it is now, and where it
    /// came from. `None` if the kernel has the next one.
    ///
    /// # Errors
    ///
    /// `WouldBlock` while dropped receives may still leave one; and what the oldest is, if that is
    /// an error.
    pub(super) fn take_into(
        self: &Rc<Self>,
        space: &mut Space<'_>,
    ) -> Option<io::Result<(usize, Option<SockAddr>)>> {
        self.disarm();
        if self.claims.are_made() {
            return Some(Err(io::ErrorKind::WouldBlock.into()));
        }
        let parcel = self.take_parcel()?;
        Some(parcel.map(|(bytes, told)| (space.fill(bytes.into_iter()), told.from)))
    }

    /// Takes the next datagram.
    pub(super) async fn receive<B: IoBufMut>(
        self: &Rc<Self>,
        socket: &SharedFd,
        mut buffer: B,
        take: Take,
    ) -> BufResult<Told, B> {
        loop {
            // Datagrams of dropped receives come before those that the kernel has.
            if let Err(error) = self.settled().await {
                return (Err(error), buffer);
            }
            if let Some(result) = self.take(&mut buffer, take) {
                return (result, buffer);
            }
            let op = match take {
                Take::Out(room) => RecvMsg::datagram(socket.clone(), One(buffer), room),
                Take::Peek => RecvMsg::peek_datagram(socket.clone(), One(buffer)),
            };
            let (result, back) = Receiving::new(op, self, take).await;
            match result {
                Some(result) => return (result, back),
                None => buffer = back,
            }
        }
    }

    /// Receives a datagram that is there, with what came along.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if none is, or if one that a dropped receive has left comes first.
    pub(super) async fn receive_at_once<B: IoBufMut>(
        self: &Rc<Self>,
        socket: &SharedFd,
        buffer: B,
    ) -> io::Result<(Told, B)> {
        let room = Room::DATAGRAM;
        let op = RecvMsg::datagram_at_once(socket.clone(), One(buffer), room);
        let (result, buffer) = Receiving::new(op, self, Take::Out(room)).await;
        Ok((result.unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))?, buffer))
    }

    /// Says what would be lost with the socket.
    ///
    /// # Errors
    ///
    /// Something would be.
    pub(super) fn check(self: &Rc<Self>) -> io::Result<()> {
        self.disarm();
        let mut parcels = self.parcels.borrow_mut();
        let text = match (self.claims.count(), parcels.front()) {
            (0, None) => return Ok(()),
            (0, Some(Ok(_))) => {
                let kept = parcels.len();
                format!("{kept} datagrams came for receives that were dropped: receive them first")
            }
            (0, Some(Err(_))) => {
                return parcels.pop_front().map_or(Ok(()), |error| error.map(drop));
            }
            _ => "a receive that was dropped is still in flight, and what it receives would be \
                  lost: receive again first"
                .to_owned(),
        };
        Err(io::Error::new(io::ErrorKind::ResourceBusy, text))
    }
}

impl Claim<UnreadDatagrams> {
    /// Leaves what a dropped receive has got. Tells whether that was anything, and the socket still
    /// exists.
    fn leave(self, outcome: BufResult<Arrived, One<impl IoBuf>>) -> bool {
        let (result, One(buffer)) = outcome;
        let parcel = match result {
            Ok(arrived) => Ok((buffer.as_bytes()[..arrived.length].to_vec(), arrived.into())),
            Err(error) if !is_news(&error) => return false,
            Err(error) => Err(error),
        };
        if Rc::strong_count(&self) == 1 {
            return false;
        }
        self.push(parcel);
        true
    }
}

impl Keeps for UnreadDatagrams {
    type Receives = RecvMsgMany;

    fn armed(&self) -> &Armed<Self> {
        &self.armed
    }

    fn claims(&self) -> &Claims {
        &self.claims
    }

    fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    fn is_empty(&self) -> bool {
        self.parcels.borrow().is_empty()
    }

    /// Keeps it as bytes: the buffer goes back to its pool.
    fn keep(self: &Rc<Self>, received: io::Result<RawMsg>) -> bool {
        let parcel = match received.and_then(RawMsg::read) {
            Ok(message) => {
                let (lease, told) = Told::of(message);
                Ok((lease.into_vec(), told))
            }
            Err(error) if !is_news(&error) => return false,
            Err(error) => Err(error),
        };
        let is_for_someone = Rc::strong_count(self) > 1;
        if is_for_someone {
            self.push(parcel);
        }
        is_for_someone
    }
}

/// One receive in the kernel. When it is dropped, what the kernel has for it is kept. Resolves to
/// nothing if something was left unread meanwhile.
#[derive(Debug)]
struct Receiving<'a, B: IoBufMut> {
    op: Op<RecvMsg<One<B>>>,
    unread: &'a Rc<UnreadDatagrams>,
    seat: Option<Seat<'a>>,
    take: Take,
    /// The kernel was asked to end it, for what is unread: it has the buffer.
    interrupted: bool,
}

impl<'a, B: IoBufMut> Receiving<'a, B> {
    fn new(op: Op<RecvMsg<One<B>>>, unread: &'a Rc<UnreadDatagrams>, take: Take) -> Self {
        Self { op, unread, seat: None, take, interrupted: false }
    }
}

impl<B: IoBufMut> Future for Receiving<'_, B> {
    type Output = (Option<io::Result<Told>>, B);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.op).poll(cx);
        if let Some(flight) = this.op.flight().filter(|_| polled.is_pending()) {
            if !this.interrupted && !this.unread.is_empty() {
                this.interrupted = flight.interrupt();
                if !this.interrupted {
                    // The kernel has not seen it yet: after this turn it has.
                    cx.waker().wake_by_ref();
                }
            }
            this.seat = Some(Seat::new(&this.unread.waiting, flight));
        }
        let (result, One(buffer)) = ready!(polled);
        this.seat = None;
        match result {
            Err(error) if this.interrupted && is_cancelled(&error) && !is_here_cancelled() => {
                Poll::Ready((None, buffer))
            }
            result => Poll::Ready((Some(result.map(Told::from)), buffer)),
        }
    }
}

impl<B: IoBufMut> Drop for Receiving<'_, B> {
    fn drop(&mut self) {
        self.seat = None;
        if self.op.flight().is_some() && self.take != Take::Peek {
            let claim = self.unread.claim();
            self.op.abandon(move |outcome| claim.leave(outcome));
        }
    }
}
