//! Messages to a child on another core, by the channels that Nestling has for that.

use super::super::common::{BOUND, Spent, Start};
use nestling::sync::remote;
use nestling::{Cores, Runtime, nursery};
use std::hint::black_box;
use std::io;

pub(super) fn one_way(messages: u64) -> Spent {
    on_two_cores(async move || {
        let (there, here) = remote::channel(BOUND);
        nursery(async |n| {
            let start = Start::now();
            let ended = n.spawn_on(1, async move || {
                while let Some(message) = here.recv().await {
                    black_box(message);
                }
                Ok::<_, io::Error>(())
            });
            for number in 0..messages {
                there.send(number).await?;
            }
            drop(there);
            ended.await?;
            Ok(start.elapsed())
        })
        .await
    })
}

pub(super) fn round_trip(messages: u64) -> Spent {
    on_two_cores(async move || {
        let (there, here) = remote::channel(1);
        let (back, answers) = remote::channel(1);
        nursery(async |n| {
            n.spawn_on(1, async move || {
                while let Some(message) = here.recv().await {
                    back.send(message).await?;
                }
                Ok::<_, io::Error>(())
            });
            let start = Start::now();
            for number in 0..messages {
                there.send(number).await?;
                black_box(answers.recv().await);
            }
            drop(there);
            Ok(start.elapsed())
        })
        .await
    })
}

fn on_two_cores(main: impl AsyncFn() -> io::Result<Spent> + Send + Sync + 'static) -> Spent {
    let times =
        Runtime::builder().cores(Cores::Count(2)).run(async move |core| match core.index() {
            0 => main().await,
            _ => Ok(Spent::default()),
        });
    times.expect("nothing fails")[0]
}
