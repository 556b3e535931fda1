//! Messages between two executors, each on a core, by Glommio's shared channels.

use super::super::common::{BOUND, Spent, Start, on_two_cores};
use glommio::channels::shared_channel::new_bounded;
use std::hint::black_box;

pub(super) fn one_way(messages: u64) -> Spent {
    let (there, here) = new_bounded(BOUND);
    let (done, ended) = new_bounded(1);
    let send = move || {
        super::executor().run(async move {
            let (there, ended) = (there.connect().await, ended.connect().await);
            let start = Start::now();
            for number in 0..messages {
                there.send(number).await.expect("the receiver is there");
            }
            there.close();
            black_box(ended.recv().await);
            start.elapsed()
        })
    };
    on_two_cores(send, move || {
        super::executor().run(async move {
            let (here, done) = (here.connect().await, done.connect().await);
            while let Some(message) = here.recv().await {
                black_box(message);
            }
            done.send(()).await.expect("the receiver is there");
        });
    })
}

pub(super) fn round_trip(messages: u64) -> Spent {
    let (there, here) = new_bounded(1);
    let (back, answers) = new_bounded(1);
    let ask = move || {
        super::executor().run(async move {
            let (there, answers) = (there.connect().await, answers.connect().await);
            let start = Start::now();
            for number in 0..messages {
                there.send(number).await.expect("the receiver is there");
                black_box(answers.recv().await);
            }
            start.elapsed()
        })
    };
    on_two_cores(ask, move || {
        super::executor().run(async move {
            let (here, back) = (here.connect().await, back.connect().await);
            while let Some(message) = here.recv().await {
                back.send(message).await.expect("the receiver is there");
            }
        });
    })
}
