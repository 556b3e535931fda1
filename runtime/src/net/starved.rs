//! What a receive does that has found no buffer in its pool: it stands in line for one, but not for
//! ever.

use super::leasing::LeasingOnce;
use super::receiving::Inbound;
use crate::buf::IoBufMut;
use crate::config::{POOL_ATTEMPTS, POOL_TIMEOUT};
use crate::fd::SharedFd;
use crate::op::{self, Hold, PollOp};
use crate::pool::{self, Buffer, Buffers, Lease};
use crate::ring::{Interest, Wait};
use crate::scope;
use crate::time;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

/// Whether a receive has failed because the kernel found no buffer.
pub(super) fn is_it(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENOBUFS)
}

/// Whether a receive that was not to wait has found nothing.
pub(super) fn is_empty(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// Receives after the kernel has found no buffer.
pub(super) async fn receive(
    socket: &SharedFd,
    inbound: &Inbound,
    pool: &Rc<Buffers>,
) -> io::Result<Lease> {
    count(pool::Pools::count_starved);
    let mut attempts = POOL_ATTEMPTS;
    loop {
        if let Some(cancelled) = cancelled() {
            return Err(cancelled);
        }
        let mut wait = Wait::IfEmpty;
        if attempts > 0 && pool.restock() {
            attempts -= 1;
        } else {
            let outcome = match stand_in_line(pool).await? {
                Some(buffer) => pooled(socket, inbound, buffer).await,
                None => copied(socket, inbound, pool.size()).await,
            };
            match outcome {
                // What was there has gone to another receive. So this one waits as any other.
                Err(error) if is_empty(&error) => wait = Wait::First,
                outcome => return outcome,
            }
            attempts = POOL_ATTEMPTS;
        }
        match LeasingOnce::new(socket, inbound, pool, wait).await {
            Err(error) if is_it(&error) => {}
            outcome => return outcome,
        }
    }
}

/// The operation that has found no buffer was the last that a cancelled task was to hear of.
pub(super) fn cancelled() -> Option<io::Error> {
    let scope = scope::current().filter(|_| scope::is_here_cancelled())?;
    op::deliver_cancel(Some(scope));
    Some(scope::cancellation(scope).unwrap_or_default().into())
}

/// Waits for a buffer; `None` if the time is over.
pub(super) async fn stand_in_line(pool: &Buffers) -> io::Result<Option<Buffer>> {
    let place = pool.stand_in_line();
    let mut hold = pin!(Hold::new());
    let mut timeout = pin!(time::sleep(POOL_TIMEOUT));
    poll_fn(|cx| {
        if let Poll::Ready(error) = hold.as_mut().poll(cx) {
            return Poll::Ready(Err(error));
        }
        if hold.flight().is_none() {
            // The task is cancelled, and ends here.
            return Poll::Pending;
        }
        place.wait(cx);
        match place.take() {
            Some(buffer) => Poll::Ready(Ok(Some(buffer))),
            None => timeout.as_mut().poll(cx).map(|()| Ok(None)),
        }
    })
    .await
}

/// Receives what is there into a buffer of the pool.
async fn pooled(socket: &SharedFd, inbound: &Inbound, buffer: Buffer) -> io::Result<Lease> {
    let (length, buffer) = at_once(socket, inbound, buffer).await?;
    Ok(buffer.into_lease(0..length))
}

/// Receives what is there into memory of its own, as much as a buffer has room for.
async fn copied(socket: &SharedFd, inbound: &Inbound, size: usize) -> io::Result<Lease> {
    let (_, mut bytes) = at_once(socket, inbound, Vec::with_capacity(size)).await?;
    count(pool::Pools::count_copied);
    bytes.shrink_to_fit();
    Ok(Lease::owned(bytes))
}

/// Receives what is there. `EAGAIN` if that is nothing.
async fn at_once<B: IoBufMut>(
    socket: &SharedFd,
    inbound: &Inbound,
    buffer: B,
) -> io::Result<(usize, B)> {
    let (result, buffer) = inbound.receive_as(socket.clone(), buffer, 0, Wait::Never).await;
    Ok((result?, buffer))
}

/// Receives the next into memory of its own, which is had only when there is something: for a
/// stream that holds its share of the pool.
pub(super) async fn receive_copied(
    socket: &SharedFd,
    inbound: &Inbound,
    size: usize,
) -> io::Result<Lease> {
    loop {
        PollOp::new(socket.clone(), Interest::Readable).await?;
        if let Some(cancelled) = cancelled() {
            return Err(cancelled);
        }
        match copied(socket, inbound, size).await {
            Err(error) if is_empty(&error) => {}
            outcome => return outcome,
        }
    }
}

pub(super) fn count(what: fn(&pool::Pools)) {
    pool::here().into_iter().for_each(|pools| what(&pools));
}
