//! Random trees of nurseries, each checked against a small sequential book of what happened.
//!
//! A failing run names its seed; `NESTLING_SEED=<number> cargo test --test nursery stress` runs it
//! again.

use crate::support::descriptors;
use crate::support::nurseries::{E, OnDrop, counted, listener, throw, thrown, try_pair};
use crate::support::random::{Random, seeds};
use futures_util::FutureExt;
use futures_util::future::select;
use nestling::task::yield_now;
use nestling::time::sleep;
use nestling::{Nursery, finally, nursery, shield, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::{Future, pending};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::time::Duration;

const SEEDS: u64 = 1500;

/// The end of a step in which something may have been told that it is cancelled.
const MAYBE: Result<(), E> = Err(E::Cancelled);

/// What all nurseries of one run share.
#[derive(Default)]
struct Run {
    sockets: RefCell<BTreeSet<String>>,
    /// Children started, and children whose locals are gone.
    lives: Cell<(u32, u32)>,
    numbers: Cell<u32>,
}

impl Run {
    fn number(&self) -> u32 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    fn opened(&self, socket: &impl std::os::fd::AsRawFd) {
        self.sockets.borrow_mut().insert(crate::support::nurseries::inode(socket));
    }

    /// Counts a child for as long as its locals live.
    fn live(&self) -> impl Drop + use<'_> {
        let (born, gone) = self.lives.get();
        self.lives.set((born + 1, gone));
        OnDrop(|| {
            let (born, gone) = self.lives.get();
            self.lives.set((born, gone + 1));
        })
    }
}

/// What happened in one nursery, in order.
#[derive(Default)]
struct Book {
    panics: RefCell<Vec<u32>>,
    /// Failures, each with whether it is certain that it was not derived; number zero stands for
    /// `Cancelled`, handed on from something inside.
    failures: RefCell<Vec<(u32, bool)>>,
    asked: Cell<bool>,
}

impl Book {
    /// Whether the rules allow this end.
    fn allows(&self, end: &Result<Result<u32, E>, u32>, outer_may_cancel: bool) -> bool {
        if let Some(first) = self.panics.borrow().first() {
            return *end == Err(*first);
        }
        let failures = self.failures.borrow();
        let real = failures.iter().position(|(_, certain)| *certain);
        let candidates = &failures[..real.map_or(failures.len(), |at| at + 1)];
        let is_candidate = |number| candidates.iter().any(|(other, _)| *other == number);
        match end {
            Err(_) => false,
            Ok(Err(E::Boom(number))) => is_candidate(*number),
            Ok(Ok(_)) => real.is_none(),
            Ok(Err(E::Cancelled)) => {
                let stopped = self.asked.get() || outer_may_cancel;
                is_candidate(0) || real.is_none() && stopped
            }
            Ok(Err(E::Io(_))) => false,
        }
    }
}

type Steps<'s> = Pin<Box<dyn Future<Output = Result<u32, E>> + 's>>;

/// Runs a nursery of random children and checks its end. Panics are handed on.
fn tree<'a>(run: &'a Run, mut random: Random, depth: u64, may_cancel: bool) -> Steps<'a> {
    Box::pin(async move {
        let book = Book::default();
        let inner = random.next();
        let nursery = nursery(async |n| steps(n, run, &book, Random::new(inner), depth).await);
        let end = match AssertUnwindSafe(nursery).catch_unwind().await {
            Ok(result) => Ok(result),
            Err(payload) => Err(thrown(&*payload)),
        };
        assert!(
            book.allows(&end, may_cancel),
            "{end:?} after panics {:?}, failures {:?}, asked {:?}",
            book.panics,
            book.failures,
            book.asked
        );
        end.unwrap_or_else(|number| throw(number))
    })
}

/// A child or a body: some random steps, in a nursery whose book it keeps.
fn steps<'s>(
    n: &'s Nursery<'s, '_, E>,
    run: &'s Run,
    book: &'s Book,
    mut random: Random,
    depth: u64,
) -> Steps<'s> {
    Box::pin(async move {
        let _live = run.live();
        // Whether something said that this task is cancelled: its errors may be derived then.
        let heard = Cell::new(false);
        for _ in 0..random.below(6) {
            let answer = step(n, run, book, &mut random, depth).await;
            match answer {
                // An inner nursery may have been told, and have kept that to itself.
                Ok(()) => heard.set(heard.get() || n.is_cancelled()),
                Err(E::Cancelled) => heard.set(true),
                Err(E::Io(kind)) => panic!("an operation failed: {kind}"),
                Err(E::Boom(number)) => {
                    // An inner nursery's failure, which a delivery meanwhile may have tainted.
                    book.failures.borrow_mut().push((number, false));
                    return Err(E::Boom(number));
                }
            }
        }
        let number = run.number();
        match random.below(16) {
            0 | 1 => {
                book.failures.borrow_mut().push((number, !heard.get()));
                Err(E::Boom(number))
            }
            2 => {
                book.panics.borrow_mut().push(number);
                throw(number)
            }
            3 if heard.get() => {
                book.failures.borrow_mut().push((0, false));
                Err(E::Cancelled)
            }
            _ => Ok(number),
        }
    })
}

/// One random thing to do.
async fn step<'s>(
    n: &'s Nursery<'s, '_, E>,
    run: &'s Run,
    book: &'s Book,
    random: &mut Random,
    depth: u64,
) -> Result<(), E> {
    let fork = Random::new(random.next());
    match random.below(if depth == 0 { 7 } else { 15 }) {
        0 => Ok(nop().await?),
        1 => {
            sleep(random.micros(400)).await;
            Ok(())
        }
        2 => {
            yield_now().await;
            Ok(())
        }
        3 => {
            let quiet = listener().await;
            run.opened(&quiet);
            let answer = timeout(random.micros(400), quiet.accept()).await;
            answer.map_or(MAYBE, |accepted| accepted.map(drop).map_err(E::from))
        }
        4 => talk(run, random.below(3) > 0).await,
        5 => {
            if random.below(4) == 0 {
                book.asked.set(true);
                n.cancel();
            }
            Ok(())
        }
        6 => {
            // A destructor at the next cut, or at the end of this step.
            let _spawns = OnDrop(|| drop(n.spawn(steps(n, run, book, fork.clone(), 0))));
            Ok(nop().await?)
        }
        7 | 8 => {
            n.spawn(steps(n, run, book, fork, depth - 1));
            Ok(())
        }
        9 => Ok(n.spawn(steps(n, run, book, fork, depth - 1)).await.map(drop)?),
        10 => handed_on(book, tree(run, fork, depth - 1, true)).await.map(drop),
        11 => {
            let bounded = timeout(random.micros(400), tree(run, fork, depth - 1, true));
            handed_on(book, bounded).await.map_or(MAYBE, |result| result.map(drop))
        }
        // No task outside cancels this one.
        12 => handed_on(book, shield(tree(run, fork, depth - 1, false))).await.map(drop),
        13 => {
            let cleanup = async |_: Option<&_>| {
                nop().await.expect("shielded");
                sleep(random.micros(400)).await;
            };
            let work = finally(tree(run, fork, depth - 1, true), cleanup);
            handed_on(book, work).await.map(drop)
        }
        _ => {
            let inner = Box::pin(tree(run, fork, depth - 1, true));
            let other = pin!(sleep(random.micros(400)));
            let first = handed_on(book, select(inner, other)).await;
            match first {
                futures_util::future::Either::Left((result, _)) => result.map(drop),
                futures_util::future::Either::Right(_) => MAYBE,
            }
        }
    }
}

/// Enters the panic of an inner nursery into the book, since it is about to be this task's.
async fn handed_on<F: Future>(book: &Book, future: F) -> F::Output {
    AssertUnwindSafe(future).catch_unwind().await.unwrap_or_else(|payload| {
        let number = thrown(&*payload);
        book.panics.borrow_mut().push(number);
        throw(number)
    })
}

/// A read that is answered, or never.
async fn talk(run: &Run, answered: bool) -> Result<(), E> {
    let (here, there) = try_pair().await?;
    run.opened(&here);
    run.opened(&there);
    let answer = async {
        match answered {
            true => there.write_all("ping").await.0,
            false => pending().await,
        }
    };
    let read = async {
        let (result, _) = here.read_exact(vec![0; 4]).await;
        result
    };
    let both = futures_util::future::try_join(read, answer);
    match answered {
        true => Ok(both.await.map(drop)?),
        false => timeout(Duration::from_micros(300), both).await.map_or(MAYBE, |_| MAYBE),
    }
}

#[test]
fn stress_random_trees() {
    for seed in seeds(0..SEEDS) {
        eprintln!("NESTLING_SEED={seed}");
        let (lives, _) = counted(async move || {
            let run = Run::default();
            let end =
                AssertUnwindSafe(tree(&run, Random::new(seed), 4, false)).catch_unwind().await;
            if let Err(payload) = &end {
                assert!(payload.is::<u32>(), "{}", payload.downcast_ref::<String>().expect("text"));
            }
            let sockets = run.sockets.take();
            let open = descriptors().into_values();
            let left: Vec<_> = open.filter(|name| sockets.contains(name)).collect();
            assert!(left.is_empty(), "still open: {left:?}");
            run.lives.get()
        });
        assert_eq!(lives.0, lives.1, "children whose locals were not dropped");
    }
}
