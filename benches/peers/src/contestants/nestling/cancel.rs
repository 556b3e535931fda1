//! A sibling of receives fails: from then until the nursery has returned, and the kernel is done.

use super::super::common::{RECEIVED, RECEIVES, Spent, Start, silent_pairs};
use nestling::net::UnixStream;
use nestling::nursery;
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::io;

pub(super) fn receives(count: u64) -> Spent {
    let (streams, _peers) = silent_pairs().expect("sockets");
    super::runtime().block_on(async {
        let streams: io::Result<Vec<_>> = streams.into_iter().map(UnixStream::from_std).collect();
        let streams = streams.expect("streams");
        let mut sum = Spent::default();
        for _ in 0..count / RECEIVES {
            sum += round(&streams).await;
        }
        sum
    })
}

async fn round(streams: &[UnixStream]) -> Spent {
    let failed = Cell::new(None);
    let result: io::Result<()> = nursery(async |n| {
        for stream in streams {
            n.spawn(async { stream.read(vec![0; RECEIVED]).await.0.map(drop) });
        }
        n.spawn(async {
            // The kernel takes submissions in order: when this is back, it has the receives.
            nop().await?;
            failed.set(Some(Start::now()));
            Err::<(), _>(io::Error::from(io::ErrorKind::AddrInUse))
        });
        Ok(())
    })
    .await;
    assert!(result.is_err(), "the sibling has failed");
    failed.get().expect("it said when").elapsed()
}
