//! Receives that a canceller is asked to cancel, until the last task has ended.

use super::super::common::{RECEIVED, RECEIVES, Spent, Start, silent_pairs};
use monoio::io::{AsyncWriteRentExt, CancelHandle, CancelableAsyncReadRent, Canceller};
use monoio::net::UnixStream;
use std::io::Read;
use std::os::unix::net;

pub(super) fn receives(count: u64) -> Spent {
    let (streams, _peers) = silent_pairs().expect("sockets");
    super::runtime().block_on(async {
        let streams = streams.into_iter().map(UnixStream::from_std);
        let mut streams: Vec<_> = streams.map(|stream| stream.expect("a stream")).collect();
        let (marker, mut marked) = net::UnixStream::pair().expect("a pair");
        let mut marker = UnixStream::from_std(marker).expect("a stream");
        let mut sum = Spent::default();
        for _ in 0..count / RECEIVES {
            let canceller = Canceller::new();
            let spawn = |stream| monoio::spawn(receive(stream, canceller.handle()));
            let tasks: Vec<_> = streams.drain(..).map(spawn).collect();
            // The kernel takes submissions in order: when this is back, it has the receives.
            marker.write_all(vec![0]).await.0.expect("room for a byte");
            marked.read_exact(&mut [0]).expect("a byte");
            let start = Start::now();
            canceller.cancel();
            for task in tasks {
                streams.push(task.await);
            }
            sum += start.elapsed();
        }
        sum
    })
}

async fn receive(mut stream: UnixStream, cancel: CancelHandle) -> UnixStream {
    let (result, _) = stream.cancelable_read(Vec::with_capacity(RECEIVED), cancel).await;
    assert!(result.is_err(), "nothing ever comes");
    stream
}
