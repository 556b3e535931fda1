//! Servers in user space whose files are read past the page cache: of what the server gives less
//! than it was asked for, the ring would make wrong bytes.

use crate::dead::server::{Conduct, Dead};
use crate::folder::Folder;
use crate::support::{poll_once, turn};
use crate::{hostile, run};
use nestling::buf::{AlignedBuf, FixedPool};
use nestling::fs::{self, Dir, File};
use nestling::io::{copy, nursery, send_file};
use nestling::net::UnixStream;
use std::os::fd::AsRawFd;
use std::path::Path;

/// Runs a test on the file of a server that gives half, and of one that ends within a read.
fn with_each(name: &str, test: impl AsyncFn(&Dead, &Path)) {
    hostile::with_mounts(name, "true", |at| {
        for conduct in [Conduct::Half, Conduct::Whole] {
            run(async || {
                let Some(server) = Dead::mount(at, conduct) else { return };
                test(&server, &server.path().join("file")).await;
            });
        }
    });
}

#[test]
fn what_a_server_gives_short_is_read_at_its_place() {
    let name = "short::what_a_server_gives_short_is_read_at_its_place";
    with_each(name, async |server, path| {
        let (file, bytes) = (File::open(path).await.unwrap(), server.bytes());
        let end = bytes.len();
        for offset in [1000, end - 1500, end - 1] {
            let rest = &bytes[offset..];
            let (read, buffer) = file.read_at(Vec::with_capacity(4000), offset as u64).await;
            let read = read.unwrap();
            assert!(read > 0 && read == buffer.len());
            assert!(buffer == rest[..read], "{read} bytes at {offset}");
            let (read, buffers) = file.readv_at(vec![vec![0; 700]; 5], offset as u64).await;
            let (read, buffer) = (read.unwrap(), buffers.concat());
            assert!(buffer[..read] == rest[..read], "{read} bytes at {offset}, in vectors");
            assert!(buffer[read..].iter().all(|byte| *byte == 0));
        }
        assert_eq!(file.read_at(vec![7; 10], end as u64).await.0.unwrap(), 0);
        let (read, buffer) = file.read_exact_at(vec![0; 4000], 1000).await;
        read.unwrap();
        assert!(buffer == bytes[1000..5000], "an exact read");
        // Where the open file stands.
        let mut buffer = Vec::with_capacity(5000);
        while buffer.len() < 5000 {
            let before = buffer.len();
            let (read, part) = file.read(Vec::with_capacity(5000 - before)).await;
            assert_eq!(read.unwrap(), part.len());
            buffer.extend(part);
        }
        assert!(buffer == bytes[..5000], "one after the other");
        let pool = FixedPool::new(1, 4096).unwrap();
        let (read, buffer) = file.read_at(pool.take().unwrap(), 1000).await;
        assert!(buffer[..] == bytes[1000..][..read.unwrap()], "a buffer of a pool");
    });
}

#[test]
fn a_file_that_a_server_gives_short_is_read_whole() {
    let name = "short::a_file_that_a_server_gives_short_is_read_whole";
    with_each(name, async |server, path| {
        let bytes = server.bytes();
        let end = bytes.len();
        assert!(fs::read(path).await.unwrap() == bytes, "fs::read");
        let dir = Dir::open(server.path()).await.unwrap();
        assert!(dir.read("file").await.unwrap() == bytes, "Dir::read");
        let file = File::open(path).await.unwrap();
        let (read, rest) = file.read_to_end(Vec::new(), end as u64 - 5000).await;
        assert_eq!(read.unwrap(), 5000);
        assert!(rest == bytes[end - 5000..], "to the end");
        let mut copied = Vec::new();
        copy(&mut file.cursor(), &mut copied).await.unwrap();
        assert!(copied == bytes, "a copy");
        let (sink, receiver) = UnixStream::pair().unwrap();
        let received = nursery(async |n| {
            n.spawn(async {
                assert_eq!(send_file(&file, 0..u64::MAX, &mut &sink).await?, end as u64);
                Ok(())
            });
            let (read, received) = receiver.read_exact(vec![0; end]).await;
            read?;
            Ok(received)
        });
        assert!(received.await.unwrap() == bytes, "send_file");
    });
}

#[test]
fn what_a_server_takes_short_is_written_to_its_place() {
    let name = "short::what_a_server_takes_short_is_written_to_its_place";
    with_each(name, async |server, path| {
        for flags in [0, libc::O_DIRECT] {
            let mut expected = server.bytes();
            let mut options = File::options();
            let file = options.write(true).custom_flags(flags).open(path).await.unwrap();
            let mut text = AlignedBuf::new(8192, 4096);
            (0..8192).for_each(|at| text.extend_from_slice(&[(at % 251) as u8 ^ flags as u8]));
            let (written, text) = file.write_at(text, 4096).await;
            let written = written.unwrap();
            expected[4096..][..written].copy_from_slice(&text[..written]);
            assert!(server.bytes() == expected, "{written} bytes, flags {flags}");
            let (written, text) = file.write_all_at(text, 40_960).await;
            written.unwrap();
            expected[40_960..][..8192].copy_from_slice(&text);
            assert!(server.bytes() == expected, "all, flags {flags}");
            let parts = vec![text[..100].to_vec(), Vec::new(), text[..3000].to_vec()];
            let (written, parts) = file.writev_at(parts, 81_920).await;
            let written = written.unwrap();
            expected[81_920..][..written].copy_from_slice(&parts.concat()[..written]);
            assert!(server.bytes() == expected, "{written} bytes of vectors, flags {flags}");
            // Where the open file stands.
            let (written, text) = file.write(text).await;
            let written = written.unwrap();
            expected[..written].copy_from_slice(&text[..written]);
            assert!(server.bytes() == expected, "{written} bytes at the start, flags {flags}");
        }
    });
}

/// A thread reads by the descriptor's number.
#[test]
fn b9_a_dropped_read_keeps_its_descriptor_until_the_server_answers() {
    let name = "short::b9_a_dropped_read_keeps_its_descriptor_until_the_server_answers";
    hostile::with_mounts(name, "true", |at| {
        let elsewhere = Folder::new();
        std::fs::write(elsewhere.join("file"), "text").unwrap();
        run(async || {
            let Some(server) = Dead::mount(at, Conduct::Silent) else { return };
            let file = File::open(server.path().join("file")).await.unwrap();
            let number = file.as_raw_fd();
            let mut read = Box::pin(file.read_at(vec![0; 10], 0));
            assert!(poll_once(read.as_mut()).await.is_pending());
            while server.holds() == 0 {
                turn().await;
            }
            drop(read);
            drop(file);
            for _ in 0..10 {
                turn().await;
            }
            let other = File::open(elsewhere.join("file")).await.unwrap();
            assert_ne!(other.as_raw_fd(), number);
        });
    });
}
