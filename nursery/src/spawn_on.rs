//! `spawn_on`: a child that runs on another core and is joined here.

use crate::child_output::ChildOutput;
use crate::join_handle::JoinHandle;
use crate::ledger::{Ledger, Outcome};
use crate::nursery::{Frame, Nursery, run};
use crate::options::Options;
use nestling_runtime::lowlevel::{
    Cancelled, Label, Reason, current_reason, end_as, mark_delivered, place, run_on_core,
};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

/// Where the child leaves its outcome, for the core that sent it. The two cores never lock this at
/// once.
type Delivery<O> = Arc<Mutex<Option<Outcome<O>>>>;

impl<'scope, E> Nursery<'scope, '_, E> {
    /// Starts a child on the core with that index (`Core::index`). Its future is made
    /// there, and stays there; its result, failure, panic and cancellation travel, and the nursery
    /// joins it with its kernel work like any other.
    ///
    /// # Cancellation
    ///
    /// The child is cancelled on its own core, by the same rules.
    ///
    /// # Panics
    ///
    /// If there is no core with that index. A runtime of one core has the index 0.
    ///
    /// # Errors
    ///
    /// If as many operations are in flight on this core as may be, the child is not sent. Its
    /// handle says so ([`Cancelled::is_refused`], as an `io::Error` of the kind `QuotaExceeded`),
    /// and the nursery goes on. If the handle is dropped, or never awaited, the nursery ends with
    /// that error, unless it failed before.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling_nursery::io::nursery;
    /// use nestling_runtime::{Cores, Runtime};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let builder = Runtime::builder().cores(Cores::Count(1));
    /// let sums = builder.run(async |core| {
    ///     nursery(async |n| {
    ///         let neighbour = (core.index() + 1) % core.count();
    ///         let sum = n.spawn_on(neighbour, async || Ok(1 + 2));
    ///         Ok(sum.await?)
    ///     })
    ///     .await
    /// })?;
    /// assert_eq!(sums, [3]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// One core accepts and deals the connections to all. A connection travels detached from its
    /// core (`TcpStream::detach`):
    ///
    /// ```
    /// use nestling_nursery::io::nursery;
    /// use nestling_runtime::{Cores, Runtime, net::TcpListener};
    /// # use std::io::Read;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let listening = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let address = listening.local_addr()?;
    /// # let connect = |_| std::net::TcpStream::connect(address);
    /// # let clients = (0..4).map(connect).collect::<std::io::Result<Vec<_>>>()?;
    /// # let builder = Runtime::builder().cores(Cores::Count(1));
    /// builder.run(async move |core| {
    ///     if core.index() > 0 {
    ///         return Ok(()); // it still receives children, until all cores have ended
    ///     }
    ///     let listener = TcpListener::from_std(listening.try_clone()?)?;
    ///     nursery(async |n| {
    ///         for number in 0..4 {
    ///             let (stream, _) = listener.accept().await?;
    ///             let connection = stream.detach().await;
    ///             n.spawn_on(number % core.count(), async move || {
    ///                 let stream = connection.attach();
    ///                 stream.write_all("hello").await.0
    ///             });
    ///         }
    ///         Ok(())
    ///     })
    ///     .await
    /// })?;
    /// # for mut client in clients {
    /// #     let mut text = String::new();
    /// #     client.read_to_string(&mut text)?;
    /// #     assert_eq!(text, "hello");
    /// # }
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn_on<F, O>(
        &'scope self,
        core: usize,
        child: F,
    ) -> JoinHandle<'scope, <O as ChildOutput<E>>::Ok>
    where
        F: AsyncFnOnce() -> O + Send + 'static,
        O: ChildOutput<E> + Send + 'static,
    {
        let (here, count) = place();
        assert!(
            core < count,
            "core {core} was asked for, but the program runs on {count}, numbered from 0"
        );
        if core == here {
            return self.spawn_labelled(async move { child().await }, Label::here());
        }
        let label = Label::here();
        let place = Delivery::default();
        let there = Arc::clone(&place);
        let sent = run_on_core(core, move || Box::pin(visit(child, there, label)))
            .expect("the index is right");
        let travel = async move {
            let arrived = sent.await.is_ok();
            arrived.then(|| place.lock().unwrap_or_else(PoisonError::into_inner).take())
        };
        let join = self.add(travel, label, |frame, arrived| match arrived {
            Some(outcome) => arrive(frame, outcome),
            None => refuse(frame),
        });
        JoinHandle::of_sent(join, self.frame().ledger().refusals())
    }
}

/// Runs a child on the core that it was sent to, until the kernel is done with it there.
async fn visit<F: AsyncFnOnce() -> O, O>(child: F, place: Delivery<O>, label: Label) {
    let body = async move |_: &Nursery<'_, '_, Infallible>| Ok(child().await);
    let outcome = run(Options::default(), label, Ledger::new(), body, |frame, value| {
        Some(frame.ledger().outcome(value))
    });
    let outcome = outcome.await;
    *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
}

/// There was no room to send the child.
fn refuse<T, E>(frame: &Frame<E>) -> Option<T> {
    frame.ledger().refuse();
    end_as(Cancelled::refused());
    None
}

/// Enters what became of the child into the books of the nursery that sent it.
fn arrive<O: ChildOutput<E>, E>(frame: &Frame<E>, outcome: Option<Outcome<O>>) -> Option<O::Ok> {
    let ledger = frame.ledger();
    let cut = || ledger.cut(current_reason().unwrap_or(Reason::Ancestor));
    match outcome {
        Some(Outcome { panic: Some(payload), .. }) => ledger.panic(frame.scope(), payload),
        Some(Outcome { value: Some(output), stopped, .. }) => {
            if stopped {
                mark_delivered();
            }
            return ledger.record(frame.scope(), output.into_result());
        }
        // The child was cut, or its core has ended without it.
        Some(Outcome { value: None, .. }) | None => cut(),
    }
    None
}
