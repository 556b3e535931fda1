//! Rule 18, as in `always_ready.rs`: what asks the system, has children, or surrounds others.

use crate::always_ready::keeps_nobody;
use crate::support::pair;
use nestling::buf::{BufResult, IoBuf, IoBufMut};
use nestling::io::{AsyncRead, AsyncWrite, BufReader, BufWriter, copy, copy_with};
use nestling::net::{TcpListener, TcpStream, lookup_host};
use nestling::signal::signals;
use nestling::task::{TaskLocal, cancel_called, checkpoint, consume_budget, poll_proceed};
use nestling::{
    Options, finally, for_each_limit, nursery, nursery_all, nursery_with, race, shield, shield_for,
    timeout,
};
use std::future::poll_fn;
use std::io::{self, Cursor};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);

// --- the system ------------------------------------------------------------------------------

#[test]
fn r18_an_address_that_needs_no_look_up() {
    keeps_nobody(async || {
        loop {
            drop(lookup_host("127.0.0.1:80").await);
            drop(lookup_host("no port").await);
        }
    });
}

#[test]
fn r18_an_address_that_is_none() {
    keeps_nobody(async || {
        loop {
            TcpStream::connect("no port").await.expect_err("it is no address");
            TcpListener::bind("no port").await.expect_err("it is no address");
        }
    });
}

#[test]
fn r18_a_listener() {
    keeps_nobody(async || {
        loop {
            drop(TcpListener::bind("127.0.0.1:0").await);
        }
    });
}

#[test]
fn r18_no_bytes() {
    keeps_nobody(async || {
        let (stream, _theirs) = pair();
        loop {
            assert!(matches!(stream.read(Vec::new()).await, (Ok(0), _)));
            stream.read_exact(Vec::new()).await.0.expect("that is nothing");
            stream.write_all("").await.0.expect("that is nothing");
        }
    });
}

#[test]
fn r18_memory_that_is_read_and_written() {
    keeps_nobody(async || {
        let mut written = Vec::new();
        loop {
            let (result, _) = (&b"abc"[..]).read(vec![0; 2]).await;
            assert_eq!(result.expect("that is there"), 2);
            let (result, _) = Cursor::new("abc").read(vec![0; 2]).await;
            assert_eq!(result.expect("that is there"), 2);
            written.write_all("abc").await.0.expect("memory is left");
            written.clear();
        }
    });
}

#[test]
fn r18_copies_of_little() {
    keeps_nobody(async || {
        loop {
            copy(&mut &b""[..], &mut Vec::new()).await.expect("that is nothing");
            copy_with(&mut &b"abc"[..], &mut Vec::new(), 1).await.expect("memory is left");
        }
    });
}

#[test]
fn r18_lines_that_are_there() {
    keeps_nobody(async || {
        loop {
            let mut reader = BufReader::new(&b"one\ntwo\nthree\n"[..]);
            reader.read_exact(&mut [0; 4]).await.expect("that is there");
            reader.read_exact(&mut []).await.expect("that is nothing");
            reader.read_line(&mut String::new()).await.expect("that is there");
            let mut lines = reader.lines();
            while lines.next_line().await.expect("text").is_some() {}
        }
    });
}

/// Of one call after the other, each finds what it wants in the buffer.
#[test]
fn r18_a_long_buffer() {
    let bytes = "\n".repeat(1 << 20);
    keeps_nobody(async || {
        loop {
            let mut reader = BufReader::with_capacity(1 << 20, bytes.as_bytes());
            while reader.read_until(b'\n', &mut Vec::new()).await.expect("a byte") > 0 {}
        }
    });
}

#[test]
fn r18_writes_that_have_room() {
    keeps_nobody(async || {
        let mut writer = BufWriter::with_capacity(1 << 20, Vec::new());
        loop {
            writer.write_all(b"abc").await.expect("there is room");
            writer.write_all(b"").await.expect("that is nothing");
            AsyncWrite::write(&mut writer, "abc").await.0.expect("there is room");
            AsyncWrite::write_all(&mut writer, "abc").await.0.expect("there is room");
            writer.flush().await.expect("memory is left");
            writer.get_mut().clear();
        }
    });
}

#[test]
fn r18_an_endless_copy() {
    struct Endless;
    impl AsyncRead for Endless {
        async fn read<B: IoBufMut>(&mut self, buffer: B) -> BufResult<usize, B> {
            (&b"again and again"[..]).read(buffer).await
        }
    }
    struct Nowhere;
    impl AsyncWrite for Nowhere {
        async fn write<B: IoBuf>(&mut self, buffer: B) -> BufResult<usize, B> {
            (Ok(buffer.io_len()), buffer)
        }
        async fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
        async fn shutdown(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    keeps_nobody(async || {
        copy(&mut Endless, &mut Nowhere).await.expect("it has no end");
    });
}

#[test]
fn r18_nothing_to_flush() {
    keeps_nobody(async || {
        let (mut stream, _theirs) = pair();
        loop {
            stream.flush().await.expect("a socket keeps nothing");
            Vec::new().flush().await.expect("nor does memory");
            Vec::new().shutdown().await.expect("nor does memory");
            Vec::new().write_all("").await.0.expect("that is nothing");
        }
    });
}

#[test]
fn r18_a_connection_that_moves() {
    keeps_nobody(async || {
        let (mut stream, _theirs) = pair();
        loop {
            stream = stream.detach().await.attach();
        }
    });
}

#[test]
fn r18_a_signal_that_has_come() {
    keeps_nobody(async || {
        let mut signals = signals([libc::SIGUSR2]).expect("a handler");
        loop {
            // SAFETY: it sends a signal, which is handled.
            assert_eq!(unsafe { libc::raise(libc::SIGUSR2) }, 0);
            assert_eq!(signals.next().await.expect("it came"), libc::SIGUSR2);
        }
    });
}

// --- nurseries, and what surrounds others ----------------------------------------------------

type Done = io::Result<()>;

static LOCAL: TaskLocal<u8> = TaskLocal::new();

#[test]
fn r18_a_nursery_of_nothing() {
    keeps_nobody(async || {
        loop {
            if cancel_called() {
                return;
            }
            let _: Done = nursery(async |_| Ok(())).await;
        }
    });
}

#[test]
fn r18_a_nursery_with_failures_of_nothing() {
    keeps_nobody(async || {
        loop {
            if cancel_called() {
                return;
            }
            let _: Result<(), _> = nursery_all(async |_| Ok::<(), io::Error>(())).await;
        }
    });
}

#[test]
fn r18_a_child_of_nothing() {
    keeps_nobody(async || {
        loop {
            if cancel_called() {
                return;
            }
            let _: Done = nursery(async |n| Ok(n.spawn(async {}).await?)).await;
        }
    });
}

#[test]
fn r18_a_slot() {
    keeps_nobody(async || {
        loop {
            if cancel_called() {
                return;
            }
            let options = Options { slots: Some(1), ..Options::default() };
            let _: Done = nursery_with(options, async |n| {
                loop {
                    drop(n.slot().await);
                }
            })
            .await;
        }
    });
}

#[test]
fn r18_a_race_that_is_won() {
    keeps_nobody(async || {
        loop {
            if cancel_called() {
                return;
            }
            let _: Result<u8, io::Error> = race([async { Ok(1) }]).await;
        }
    });
}

#[test]
fn r18_a_race_of_nobody() {
    keeps_nobody(async || {
        loop {
            if cancel_called() {
                return;
            }
            let _: Done = race([] as [std::future::Ready<Done>; 0]).await;
        }
    });
}

#[test]
fn r18_for_each_of_none() {
    keeps_nobody(async || {
        loop {
            if cancel_called() {
                return;
            }
            let _: Done = for_each_limit(1, [(); 0], async |()| Ok(())).await;
        }
    });
}

#[test]
fn r18_for_each_that_does_nothing() {
    keeps_nobody(async || {
        loop {
            if cancel_called() {
                return;
            }
            let _: Done = for_each_limit(1, 0..3, async |_| Ok(())).await;
        }
    });
}

#[test]
fn r18_finally_around_nothing() {
    keeps_nobody(async || {
        loop {
            finally(async {}, async |_| {}).await;
        }
    });
}

#[test]
fn r18_a_shield_around_nothing() {
    keeps_nobody(async || {
        loop {
            shield(async {}).await;
        }
    });
}

#[test]
fn r18_a_bounded_shield_around_nothing() {
    keeps_nobody(async || {
        loop {
            shield_for(LONG, async {}).await.expect("in time");
        }
    });
}

#[test]
fn r18_a_timeout_around_nothing() {
    keeps_nobody(async || {
        loop {
            timeout(LONG, async {}).await.expect("in time");
        }
    });
}

#[test]
fn r18_a_value_for_nothing() {
    keeps_nobody(async || {
        loop {
            LOCAL.scope(1, async {}).await;
        }
    });
}

#[test]
fn r18_a_checkpoint() {
    keeps_nobody(async || {
        loop {
            checkpoint().await;
        }
    });
}

// --- foreign futures -------------------------------------------------------------------------

#[test]
fn r18_what_takes_part() {
    keeps_nobody(async || {
        loop {
            consume_budget().await;
        }
    });
}

#[test]
fn r18_what_takes_part_by_hand() {
    keeps_nobody(async || {
        loop {
            poll_fn(poll_proceed).await;
        }
    });
}

#[test]
fn r18_channels_of_another_library() {
    keeps_nobody(async || {
        let (sender, receiver) = async_channel::bounded(1);
        loop {
            sender.send(1).await.expect("it is open");
            assert_eq!(receiver.recv().await, Ok(1));
            consume_budget().await;
        }
    });
}
