//! The first signal asks a server to stop; the second one ends it, whatever it does.

use crate::again::{again, hear, say};
use crate::support::turn;
use nestling::signal::stop_requested;

use nestling::{Cores, Runtime, block_on, nursery};
use std::future::pending;
use std::io;
use std::os::unix::process::ExitStatusExt;

/// Serves on two cores until it is asked to stop.
fn serve() -> io::Result<()> {
    let cores = Runtime::builder().cores(Cores::Count(2));
    cores.run(async |_| {
        let served = nursery(async |n| {
            let stop = n.canceller();
            n.spawn_daemon(async move {
                stop_requested().await?;
                stop.cancel();
                Ok::<_, io::Error>(())
            });
            n.spawn(pending::<()>());
            turn().await;
            say("ready");
            Ok::<_, io::Error>(())
        });
        served.await
    })?;
    say("stopped");
    Ok(())
}

#[test]
fn the_first_signal_stops_all_cores() {
    let Some(mut process) = again("stop::the_first_signal_stops_all_cores", serve) else { return };
    (0..2).for_each(|_| hear(&mut process, "ready"));
    process.signal("INT");
    hear(&mut process, "stopped");
    assert!(process.ended().status.success());
}

#[test]
fn the_second_signal_ends_a_process_that_hangs() {
    let program = || {
        block_on(async {
            nursery(async |n| {
                n.spawn(async {
                    stop_requested().await.expect("a signal");
                    say("hangs");
                    loop {
                        std::thread::park();
                    }
                });
                turn().await;
                say("ready");
                Ok(())
            })
            .await
        })
    };
    let name = "stop::the_second_signal_ends_a_process_that_hangs";
    for (first, second, number) in [("INT", "INT", 2), ("TERM", "INT", 2), ("INT", "TERM", 15)] {
        let Some(mut process) = again(name, program) else { return };
        hear(&mut process, "ready");
        process.signal(first);
        hear(&mut process, "hangs");
        process.signal(second);
        assert_eq!(process.ended().status.signal(), Some(number));
    }
}

#[test]
fn who_asks_later_hears_of_it_too() {
    let program = || {
        block_on(async {
            nursery(async |n| {
                n.spawn(async {
                    turn().await;
                    say("ready");
                    Ok(())
                });
                stop_requested().await
            })
            .await?;
            stop_requested().await
        })?;
        block_on(stop_requested())?;
        say("stopped");
        Ok(())
    };
    let Some(mut process) = again("stop::who_asks_later_hears_of_it_too", program) else { return };
    hear(&mut process, "ready");
    process.signal("TERM");
    hear(&mut process, "stopped");
    assert!(process.ended().status.success());
}
