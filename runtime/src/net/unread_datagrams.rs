//! `UnreadDatagrams`: datagrams that came for receives which were dropped, for the next one.
//!
//! ```text
//!   kernel ──▶ its future ──▶ the caller
//!                 │ dropped
//!                 └──▶ UnreadDatagrams ──▶ a receive that waits, or the next one
//! ```

use super::claims::{Claim, Claims};
use super::waiting::{Seat, Waiting};
use crate::buf::{self, BufResult, IoBuf, IoBufMut};
use crate::fd::SharedFd;
use crate::op::{Arrived, One, Op, RecvMsg};
use crate::scope::{is_cancelled, is_here_cancelled};
use socket2::SockAddr;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// What a receive tells: its bytes are in the buffer.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) length: usize,
    pub(super) from: Option<SockAddr>,
    pub(super) truncated: bool,
}

/// What came for a receive that was dropped: a datagram, or the socket's error, which it tells
/// once.
type Parcel = io::Result<(Vec<u8>, Told)>;

/// The datagrams of one socket that came for dropped receives, oldest first. There are never more
/// than receives were in flight at a time.
#[derive(Debug, Default)]
pub(super) struct UnreadDatagrams {
    parcels: RefCell<VecDeque<Parcel>>,
    claims: Claims,
    /// The receives in flight.
    waiting: Waiting,
}

impl UnreadDatagrams {
    fn is_empty(&self) -> bool {
        self.parcels.borrow().is_empty()
    }

    /// Takes the oldest into a buffer; or leaves it there as well, unless it is an error.
    fn take(&self, buffer: &mut impl IoBufMut, peek: bool) -> Option<io::Result<Told>> {
        let mut parcels = self.parcels.borrow_mut();
        let (bytes, told) = match parcels.front()? {
            Ok(parcel) => parcel,
            Err(_) => return parcels.pop_front().map(|parcel| parcel.map(|(_, told)| told)),
        };
        let length = buf::fill(buffer, 0, bytes);
        let truncated = told.truncated || length < bytes.len();
        let told = Told { length, truncated, from: told.from.clone() };
        if !peek {
            parcels.pop_front();
        }
        Some(Ok(told))
    }

    /// Receives the next datagram; `peek` leaves it there.
    pub(super) async fn receive<B: IoBufMut>(
        self: &Rc<Self>,
        socket: &SharedFd,
        mut buffer: B,
        peek: bool,
    ) -> BufResult<Told, B> {
        loop {
            // Datagrams of dropped receives come before those that the kernel has.
            if let Err(error) = self.claims.settled(|| self.is_empty()).await {
                return (Err(error), buffer);
            }
            if let Some(result) = self.take(&mut buffer, peek) {
                return (result, buffer);
            }
            let op = RecvMsg::datagram(socket.clone(), One(buffer), peek);
            let receiving = Receiving { op, unread: self, seat: None, peek, interrupted: false };
            let (result, back) = receiving.await;
            match result {
                Some(result) => return (result, back),
                None => buffer = back,
            }
        }
    }
}

impl Claim<UnreadDatagrams> {
    /// Leaves what a dropped receive has got. Tells whether that was anything, and the socket still
    /// exists.
    fn leave(self, outcome: BufResult<Arrived, One<impl IoBuf>>) -> bool {
        let (result, One(buffer)) = outcome;
        let parcel = match result {
            Ok(arrived) => Ok((buffer.as_bytes()[..arrived.length].to_vec(), told(arrived))),
            Err(error) if is_cancelled(&error) => return false,
            Err(error) => Err(error),
        };
        if Rc::strong_count(&self) == 1 {
            return false;
        }
        self.parcels.borrow_mut().push_back(parcel);
        self.waiting.wake();
        true
    }
}

fn told(arrived: Arrived) -> Told {
    Told { length: arrived.length, from: arrived.from, truncated: arrived.truncated }
}

/// One receive in the kernel. When it is dropped, what the kernel has for it is kept. Resolves to
/// nothing if something was left unread meanwhile.
#[derive(Debug)]
struct Receiving<'a, B: IoBufMut> {
    op: Op<RecvMsg<One<B>>>,
    unread: &'a Rc<UnreadDatagrams>,
    seat: Option<Seat<'a>>,
    peek: bool,
    /// The kernel was asked to end it, for what is unread: it has the buffer.
    interrupted: bool,
}

impl<B: IoBufMut> Future for Receiving<'_, B> {
    type Output = (Option<io::Result<Told>>, B);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.op).poll(cx);
        if let Some(flight) = this.op.flight().filter(|_| polled.is_pending()) {
            if !this.interrupted && !this.unread.is_empty() {
                this.interrupted = flight.interrupt();
            }
            this.seat = Some(Seat::new(&this.unread.waiting, flight));
        }
        let (result, One(buffer)) = ready!(polled);
        this.seat = None;
        match result {
            Err(error) if this.interrupted && is_cancelled(&error) && !is_here_cancelled() => {
                Poll::Ready((None, buffer))
            }
            result => Poll::Ready((Some(result.map(told)), buffer)),
        }
    }
}

impl<B: IoBufMut> Drop for Receiving<'_, B> {
    fn drop(&mut self) {
        self.seat = None;
        if self.op.flight().is_some() && !self.peek {
            let claim = Claim::new(self.unread, |unread| &unread.claims);
            self.op.abandon(move |outcome| claim.leave(outcome));
        }
    }
}
