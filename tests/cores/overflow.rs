//! The poll of a core's bell ends when its completion queue overflows: it has to be armed again.
//! The wakes of threads are in `tests/runtime/queues.rs`; here are those of other cores.

use crate::gate::Gate;
use crate::support::{pair, watched};
use crate::two;
use nestling::{Runtime, nursery, stats};
use std::io::{self, Write};
use std::sync::Arc;

const ROUNDS: u64 = 200;

/// More reads end in one turn than the completion queue holds.
async fn flood() -> io::Result<()> {
    let (streams, mut peers): (Vec<_>, Vec<_>) = (0..32).map(|_| pair()).unzip();
    nursery(async |n| {
        for stream in &streams {
            n.spawn(async { stream.read(vec![0; 8]).await.0.map(drop) });
        }
        // They are with the kernel then.
        nestling_runtime::lowlevel::nop().await?;
        peers.iter_mut().try_for_each(|peer| peer.write_all(b"x"))
    })
    .await
}

#[test]
fn d1_a_core_wakes_another_after_overflows() {
    watched(|| {
        for completions in [2, 8] {
            let gates: Arc<[Gate; 2]> = Arc::default();
            let builder = Runtime::builder().entries(2).completions(completions).no_spin();
            two(builder, async move |core| {
                let [own, other] = [&gates[core.index()], &gates[1 - core.index()]];
                for round in 1..=ROUNDS {
                    // One of them floods itself while the other wakes it, or is about to.
                    if round % 2 == core.index() as u64 {
                        flood().await?;
                    }
                    other.set(round);
                    own.reached(round).await;
                }
                assert!(stats().overflows > 0, "the queue was large enough");
                Ok(())
            });
        }
    });
}
