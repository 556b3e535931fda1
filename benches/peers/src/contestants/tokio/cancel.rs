//! A set of receives is aborted, and joined.
//!
//! Receives wait for epoll: the kernel knows nothing of them, and to cancel is to drop a future.

use super::super::common::{RECEIVED, RECEIVES, Spent, Start, silent_pairs};
use std::sync::Arc;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio::task::{JoinSet, yield_now};

pub(super) fn receives(runtime: &Runtime, count: u64) -> Spent {
    let (streams, _peers) = silent_pairs().expect("sockets");
    let spawned = runtime.spawn(async move {
        let streams = streams.into_iter().map(|stream| {
            stream.set_nonblocking(true).expect("an option");
            Arc::new(UnixStream::from_std(stream).expect("a stream"))
        });
        let streams: Vec<_> = streams.collect();
        let mut sum = Spent::default();
        for _ in 0..count / RECEIVES {
            sum += round(&streams).await;
        }
        sum
    });
    runtime.block_on(spawned).expect("no panic")
}

async fn round(streams: &[Arc<UnixStream>]) -> Spent {
    let mut set = JoinSet::new();
    for stream in streams {
        set.spawn(receive(Arc::clone(stream)));
    }
    // They have begun.
    yield_now().await;
    let start = Start::now();
    set.abort_all();
    while set.join_next().await.is_some() {}
    start.elapsed()
}

async fn receive(stream: Arc<UnixStream>) {
    let mut buffer = vec![0; RECEIVED];
    while stream.readable().await.is_ok() && stream.try_read(&mut buffer).is_err() {}
}
