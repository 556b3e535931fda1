//! What a level of nesting takes of the stack: a nursery is polled inside the one around it.
//!
//! `cargo bench --bench stack`; for a debug build, with `--profile dev`. The innermost future notes
//! the address of a local when it is polled, and when it is dropped with all around it; the figure
//! is the distance from one that has no level around it, by the number of levels.

use nestling::io::nursery;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::hint::black_box;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

type Level<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + 'a>>;

/// How deep the stack was when the innermost future was polled, and when it was dropped.
#[derive(Default)]
struct Seen {
    polled: Cell<usize>,
    dropped: Cell<usize>,
}

/// The address of a local of this function.
#[inline(never)]
fn here() -> usize {
    let local = 0_u8;
    black_box(&raw const local).addr()
}

struct Innermost<'a>(&'a Seen);

impl Future for Innermost<'_> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.polled.set(here());
        Poll::Pending
    }
}

impl Drop for Innermost<'_> {
    fn drop(&mut self) {
        self.0.dropped.set(here());
    }
}

fn bodies(levels: usize, seen: &Seen) -> Level<'_> {
    match levels {
        0 => Box::pin(Innermost(seen)),
        _ => Box::pin(nursery(async move |_| bodies(levels - 1, seen).await)),
    }
}

fn children(levels: usize, seen: &Seen) -> Level<'_> {
    match levels {
        0 => Box::pin(Innermost(seen)),
        _ => Box::pin(nursery(async move |n| {
            n.spawn(children(levels - 1, seen));
            Ok(())
        })),
    }
}

/// No nursery: what a future in a box takes anyway.
fn boxes(levels: usize, seen: &Seen) -> Level<'_> {
    match levels {
        0 => Box::pin(Innermost(seen)),
        _ => Box::pin(async move { boxes(levels - 1, seen).await }),
    }
}

type Way = (&'static str, for<'a> fn(usize, &'a Seen) -> Level<'a>);

const WAYS: [Way; 3] =
    [("nested bodies", bodies), ("nested children", children), ("boxed futures alone", boxes)];

/// Polls the levels until the innermost was polled, then drops them all.
fn depth(levels: usize, way: fn(usize, &Seen) -> Level<'_>) -> (usize, usize) {
    let seen = Seen::default();
    nestling::block_on(async {
        let mut outermost = way(levels, &seen);
        poll_fn(|cx| {
            let polled = outermost.as_mut().poll(cx);
            assert!(polled.is_pending());
            if seen.polled.get() == 0 { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    });
    (seen.polled.get(), seen.dropped.get())
}

fn main() {
    const LEVELS: usize = 100;
    let work = || {
        for (name, way) in WAYS {
            let (none, all) = (depth(0, way), depth(LEVELS, way));
            let polled = none.0.abs_diff(all.0) / LEVELS;
            let dropped = none.1.abs_diff(all.1) / LEVELS;
            println!("{name:>20}: {polled:>5} bytes a level to poll, {dropped:>5} to drop");
        }
    };
    // In a debug build a level takes more than a thread has by default.
    let thread = thread::Builder::new().stack_size(64 << 20).spawn(work);
    thread.expect("a thread").join().expect("it does not panic");
}
