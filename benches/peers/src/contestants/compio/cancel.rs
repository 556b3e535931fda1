//! Tasks with receives are cancelled, and joined. To cancel is to drop the future, which asks the
//! kernel to cancel; the runtime keeps the buffer until the answer, which no task waits for.

use super::super::common::{RECEIVED, RECEIVES, Spent, Start, silent_pairs};
use compio::io::{AsyncRead, AsyncWriteExt};
use compio::net::UnixStream;
use futures_util::future::join_all;
use std::io::Read;
use std::os::unix::net;

pub(super) fn receives(count: u64) -> Spent {
    let (streams, _peers) = silent_pairs().expect("sockets");
    super::runtime().block_on(async {
        let streams = streams.into_iter().map(UnixStream::from_std);
        let streams: Vec<_> = streams.map(|stream| stream.expect("a stream")).collect();
        let (marker, mut marked) = net::UnixStream::pair().expect("a pair");
        let mut marker = UnixStream::from_std(marker).expect("a stream");
        let mut sum = Spent::default();
        for _ in 0..count / RECEIVES {
            let spawn = |stream: &UnixStream| compio::runtime::spawn(receive(stream.clone()));
            let tasks: Vec<_> = streams.iter().map(spawn).collect();
            // The kernel takes submissions in order: when this is back, it has the receives.
            marker.write_all(vec![0]).await.0.expect("room for a byte");
            marked.read_exact(&mut [0]).expect("a byte");
            let start = Start::now();
            join_all(tasks.into_iter().map(|task| task.cancel())).await;
            sum += start.elapsed();
        }
        sum
    })
}

async fn receive(mut stream: UnixStream) {
    // Nothing ever comes.
    let _ = stream.read(Vec::with_capacity(RECEIVED)).await;
}
