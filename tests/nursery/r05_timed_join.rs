//! Rule 5: only a child that is cancelled itself keeps those who wait for it.

use nestling::net::TcpListener;
use nestling::time::sleep;
use nestling::{nursery, timeout};
use std::io;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[test]
fn r05_a_timeout_ends_the_wait_for_a_child_that_goes_on() {
    let result: io::Result<()> = nestling::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        nursery(async |n| {
            let accepting = n.spawn(async { listener.accept().await.map(drop) });
            // Ends the test, if the wait does not end.
            n.spawn(async {
                sleep(MS * 5000).await;
                Err::<(), _>(io::Error::other("the timeout waited for the child"))
            });
            assert!(timeout(MS, accepting).await.is_err(), "nobody connects");
            n.cancel();
            Ok(())
        })
        .await
    });
    result.unwrap();
}
