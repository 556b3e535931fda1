//! Reads and writes at places in files, against what std sees in the same files.

use crate::folder::Folder;
use crate::run;
use crate::support::sandbox::reads_cached;
use nestling::buf::{AlignedBuf, IoBuf};
use nestling::fs::{self, Advice, File, PathError};
use nestling::io::{AsyncWrite, BufReader, BufWriter, copy, nursery, transferred};
use nestling::time::sleep;
use nix::fcntl::{FcntlArg, fcntl};
use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::Duration;

/// Bytes that differ from place to place.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + at / 251) as u8).collect()
}

#[test]
fn a_file_is_written_and_read_at_places() {
    let folder = Folder::new();
    run(async || {
        let path = folder.join("one");
        let file = File::options().read(true).write(true).create_new(true).open(&path).await;
        let file = file.unwrap();
        let (result, buffer) = file.write_all_at("hello, world".to_owned(), 3).await;
        result.unwrap();
        assert_eq!(buffer, "hello, world");
        assert_eq!(std::fs::read(&path).unwrap(), b"\0\0\0hello, world");

        // Over what is in the buffer, up to its capacity.
        let mut buffer = Vec::with_capacity(64);
        buffer.extend_from_slice(b"stale");
        let (result, buffer) = file.read_at(buffer, 10).await;
        assert_eq!((result.unwrap(), &buffer[..5]), (5, &b"world"[..]));
        let (result, _) = file.read_at(Vec::with_capacity(64), 15).await;
        assert_eq!(result.unwrap(), 0, "the end");
        let (result, buffer) = file.read_exact_at(vec![0; 5].slice(1..4), 3).await;
        result.unwrap();
        assert_eq!(buffer.into_inner(), b"\0hel\0");
        file.close().await.unwrap();
    });
}

#[test]
fn an_exact_read_past_the_end_says_how_far_it_came() {
    let folder = Folder::new();
    let path = folder.join("short");
    std::fs::write(&path, "0123456789").unwrap();
    run(async || {
        let file = File::open(&path).await.unwrap();
        let (result, buffer) = file.read_exact_at(vec![0; 8], 4).await;
        let error = result.unwrap_err();
        assert_eq!((error.kind(), transferred(&error)), (ErrorKind::UnexpectedEof, Some(6)));
        assert_eq!(&buffer[..6], b"456789");
        // Far behind the end, and behind all that a file can be.
        let (result, _) = file.read_at(vec![0; 8], 1 << 40).await;
        assert_eq!(result.unwrap(), 0);
        let (result, _) = file.read_at(vec![0; 8], u64::MAX).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput);
        let (result, _) = file.write_at("x", u64::MAX).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput);
        let (result, _) = file.write_at("x", 0).await;
        assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EBADF), "opened to read");
    });
}

#[test]
fn vectors_are_filled_and_written_in_order() {
    let folder = Folder::new();
    let path = folder.join("parts");
    run(async || {
        let file = File::options().read(true).write(true).create(true).open(&path).await.unwrap();
        let parts = vec!["one".to_owned(), String::new(), "three".to_owned()];
        let (result, parts) = file.writev_at(parts, 1).await;
        assert_eq!((result.unwrap(), &parts[2][..]), (8, "three"));
        assert_eq!(std::fs::read(&path).unwrap(), b"\0onethree");
        let buffers = vec![Vec::with_capacity(2), Vec::with_capacity(4), Vec::with_capacity(9)];
        let (result, buffers) = file.readv_at(buffers, 0).await;
        assert_eq!(result.unwrap(), 9);
        assert_eq!(buffers, [&b"\0o"[..], b"neth", b"ree"]);
    });
}

#[test]
fn whole_files_are_read_written_and_replaced() {
    let folder = Folder::new();
    run(async || {
        let path = folder.join("whole");
        for length in [0, 1, 4096, 100_000] {
            fs::write(&path, bytes(length)).await.unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), bytes(length));
            assert_eq!(fs::read(&path).await.unwrap(), bytes(length));
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let before = std::fs::metadata(&path).unwrap().ino();
        fs::replace(&path, "new").await.unwrap();
        assert_eq!(fs::read_to_string(&path).await.unwrap(), "new");
        let after = std::fs::metadata(&path).unwrap();
        assert_ne!(after.ino(), before, "another file took the name");
        assert_eq!(after.mode() & 0o777, 0o640, "with the same permissions");
        assert_eq!(folder.names(), ["whole"], "nothing else is left");
        // A file of which the system does not tell the length beforehand.
        let status = fs::read_to_string("/proc/self/status").await.unwrap();
        assert!(status.contains("Threads:"), "{status}");
        std::fs::write(&path, [0xff]).unwrap();
        let error = fs::read_to_string(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
    });
}

#[test]
fn cursors_serve_readers_writers_and_copies() {
    let folder = Folder::new();
    run(async || {
        let file = File::create(folder.join("lines")).await.unwrap();
        let mut writer = BufWriter::new(file.into_cursor());
        for line in 0..10_000 {
            writer.write_all(format!("line {line}\n").as_bytes()).await.unwrap();
        }
        writer.flush().await.unwrap();
        let file = File::open(folder.join("lines")).await.unwrap();
        let mut lines = BufReader::new(file.cursor()).lines();
        let mut count = 0;
        while let Some(line) = lines.next_line().await.unwrap() {
            assert_eq!(line, format!("line {count}"));
            count += 1;
        }
        assert_eq!(count, 10_000);
        let mut target = File::create(folder.join("copy")).await.unwrap().into_cursor();
        let length = copy(&mut file.cursor(), &mut target).await.unwrap();
        assert_eq!(target.position(), length);
        let read = |name| std::fs::read(folder.join(name)).unwrap();
        assert!(read("copy") == read("lines"));
        target.set_position(2);
        target.write_all("NE").await.0.unwrap();
        assert_eq!(&read("copy")[..7], b"liNE 0\n");
    });
}

/// Where the open file stands is one for all its duplicates.
#[test]
fn a_file_is_read_and_written_where_it_stands() {
    use std::io::{Read, Seek, Write};
    let folder = Folder::new();
    run(async || {
        let path = folder.join("stands");
        let mut options = std::fs::OpenOptions::new();
        let mut theirs = options.read(true).write(true).create_new(true).open(&path).unwrap();
        let mut ours = File::from_std(theirs.try_clone().unwrap());
        theirs.write_all(b"one ").unwrap();
        AsyncWrite::write_all(&mut &ours, "two ").await.0.unwrap();
        theirs.write_all(b"three").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one two three");
        theirs.rewind().unwrap();
        let (result, buffer) = ours.read(vec![0; 4]).await;
        assert_eq!((result.unwrap(), &buffer[..]), (4, &b"one "[..]));
        let mut rest = Vec::new();
        copy(&mut ours, &mut rest).await.unwrap();
        assert_eq!(rest, b"two three");
        assert_eq!(theirs.read(&mut [0; 8]).unwrap(), 0, "the end, for both");
    });
}

#[test]
fn what_is_appended_goes_to_the_end() {
    let folder = Folder::new();
    run(async || {
        let path = folder.join("log");
        std::fs::write(&path, "before\n").unwrap();
        let log = File::options().append(true).open(&path).await.unwrap();
        log.write_all_at("one\n", 0).await.0.unwrap();
        std::fs::write(&path, "cut\n").unwrap();
        log.write_all_at("two\n", 0).await.0.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"cut\ntwo\n");
    });
}

#[test]
fn the_length_and_the_holes_of_a_file_change() {
    let folder = Folder::new();
    run(async || {
        let path = folder.join("space");
        let file = File::options().read(true).write(true).create(true).open(&path).await.unwrap();
        file.write_all_at(vec![1; 1 << 20], 0).await.0.unwrap();
        file.sync_all().await.unwrap();
        let full = file.metadata().await.unwrap();
        file.punch_hole(64 << 10, 256 << 10).await.unwrap();
        let holed = file.metadata().await.unwrap();
        assert_eq!((full.len(), holed.len()), (1 << 20, 1 << 20));
        assert_eq!(full.blocks() - holed.blocks(), 512, "{full:?} {holed:?}");
        let read = std::fs::read(&path).unwrap();
        assert!(read[64 << 10..320 << 10].iter().all(|byte| *byte == 0));
        assert_eq!((read[(64 << 10) - 1], read[320 << 10]), (1, 1));
        assert_eq!(file.next_data(0).await.unwrap(), Some(0..64 << 10));
        assert_eq!(file.next_data(64 << 10).await.unwrap(), Some(320 << 10..1 << 20));
        assert_eq!(file.next_data(1 << 20).await.unwrap(), None);

        file.set_len(100).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 100);
        file.set_len(1000).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap()[99..102], [1, 0, 0]);
        file.allocate(0, 1 << 20).await.unwrap();
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!((metadata.len(), metadata.blocks()), (1 << 20, 2048));
        file.sync_file_range(0, 1 << 20).await.unwrap();
        file.sync_data().await.unwrap();
        file.advise(0, 0, Advice::DontNeed).await.unwrap();
        assert!(file.set_len(u64::MAX).await.is_err());
    });
}

#[test]
fn direct_reads_and_writes_use_aligned_memory() {
    let folder = Folder::new();
    run(async || {
        let path = folder.join("direct");
        let mut options = File::options();
        options.read(true).write(true).create(true).direct(true);
        let file = match options.open(&path).await {
            Ok(file) => file,
            Err(error) => return eprintln!("NOT RUN: this file system is not direct: {error}"),
        };
        if let Some((memory, place)) = file.metadata().await.unwrap().direct_alignment() {
            assert!(memory <= 4096 && place <= 4096, "{memory} {place}");
        }
        let mut buffer = AlignedBuf::new(8192, 4096);
        buffer.extend_from_slice(&bytes(8192));
        let (result, mut buffer) = file.write_all_at(buffer, 4096).await;
        result.unwrap();
        assert_eq!(std::fs::read(&path).unwrap()[4096..], bytes(8192));
        buffer.clear();
        let (result, buffer) = file.read_exact_at(buffer, 4096).await;
        result.unwrap();
        assert_eq!(buffer[..], bytes(8192));
        // One byte beside: the disk does not have it.
        let (result, _) = file.read_at(AlignedBuf::zeroed(4096, 4096), 1).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn what_is_known_of_a_file_is_what_std_knows() {
    let folder = Folder::new();
    run(async || {
        let path = folder.join("known");
        std::fs::write(&path, "known").unwrap();
        std::fs::hard_link(&path, folder.join("second")).unwrap();
        let file = File::open(&path).await.unwrap();
        file.set_permissions(std::fs::Permissions::from_mode(0o600)).await.unwrap();
        let (ours, theirs) = (file.metadata().await.unwrap(), std::fs::metadata(&path).unwrap());
        assert_eq!((ours.len(), ours.mode()), (theirs.len(), theirs.mode()));
        assert_eq!((ours.ino(), ours.dev()), (theirs.ino(), theirs.dev()));
        assert_eq!((ours.uid(), ours.gid()), (theirs.uid(), theirs.gid()));
        assert_eq!((ours.nlink(), ours.blocks()), (2, theirs.blocks()));
        assert_eq!(ours.blksize(), theirs.blksize());
        assert_eq!(ours.modified(), theirs.modified().ok());
        assert_eq!(ours.accessed(), theirs.accessed().ok());
        assert_eq!(ours.created(), theirs.created().ok());
        assert!(ours.is_file() && !ours.is_dir() && !ours.is_symlink());
        assert_eq!(ours.permissions(), theirs.permissions());
        let null = fs::metadata("/dev/null").await.unwrap();
        assert!(null.file_type().is_char_device());
    });
}

/// What the kernel has noted of an open file.
fn noted_flags(file: &File) -> i32 {
    let path = format!("/proc/self/fdinfo/{}", file.as_raw_fd());
    let info = std::fs::read_to_string(path).expect("/proc is mounted");
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).expect("flags");
    i32::from_str_radix(flags.trim(), 8).expect("an octal number")
}

#[test]
fn b11_files_are_closed_on_exec_and_block_those_who_get_them() {
    let folder = Folder::new();
    run(async || {
        let path = folder.join("flags");
        let made = File::create(&path).await.unwrap();
        let mut options = File::options();
        let asked = options.read(true).custom_flags(libc::O_NONBLOCK).open(&path).await.unwrap();
        for (file, nonblocking) in [(&made, 0), (&asked, libc::O_NONBLOCK)] {
            let flags = noted_flags(file);
            assert_eq!(flags & libc::O_NONBLOCK, nonblocking, "{flags:o}");
            assert_eq!(flags & libc::O_CLOEXEC, libc::O_CLOEXEC, "{flags:o}");
        }
    });
}

/// The kernel is asked, not only told to be: it refuses for what has no disk.
#[test]
fn syncs_are_refused_by_what_has_no_disk() {
    let folder = Folder::new();
    run(async || {
        let (pipe, _writer) = io::pipe().unwrap();
        let pipe = File::from_std(std::os::fd::OwnedFd::from(pipe).into());
        assert_eq!(pipe.sync_all().await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(pipe.sync_data().await.unwrap_err().kind(), ErrorKind::InvalidInput);
        let refused = pipe.sync_file_range(0, 1).await.unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::ESPIPE));
        let refused = pipe.advise(0, 0, Advice::Random).await.unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::ESPIPE));
        assert!(fs::sync_dir(folder.join("none")).await.is_err());
    });
}

#[test]
fn errors_name_the_path_and_keep_the_cause() {
    let folder = Folder::new();
    run(async || {
        let error = File::open(folder.join("none")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<PathError>()).unwrap();
        assert_eq!((inner.path(), inner.raw_os_error()), (&*folder.join("none"), Some(2)));
        let error = File::open("a\0b").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("zero byte"), "{error}");
        for options in [
            File::options().create(true),
            File::options().read(true).create(true),
            File::options().read(true).truncate(true),
            File::options().append(true).truncate(true),
            &mut File::options(),
        ] {
            let error = options.open(folder.join("none")).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{options:?}: {error}");
        }
        std::fs::write(folder.join("there"), "").unwrap();
        let mut new = File::options();
        new.write(true).create_new(true);
        let error = new.open(folder.join("there")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(folder.names(), ["there"]);
    });
}

/// It is read on the spot as far as it is in the page cache, and from the disk from there on.
#[test]
fn a_file_of_which_the_cache_has_a_part_is_read_whole() {
    const PAGE: usize = 4096;
    let folder = Folder::new();
    let path = folder.join("file");
    let text = bytes(5 * PAGE + 7);
    run(async || {
        let file = File::options().read(true).write(true).create(true).open(&path).await.unwrap();
        file.write_all_at(text.clone(), 0).await.0.unwrap();
        file.sync_all().await.unwrap();
        if !reads_cached(&file) {
            eprintln!("NOT RUN: this file system does not read from the cache alone");
        }
        for pages in 0..6 {
            // No more than is asked for is read ahead.
            for advice in [Advice::DontNeed, Advice::Random] {
                file.advise(0, 0, advice).await.unwrap();
            }
            file.read_exact_at(vec![0; pages * PAGE], 0).await.0.unwrap();
            assert!(fs::read(&path).await.unwrap() == text, "{pages} pages");
        }
        let root = fs::Dir::open(folder.path()).await.unwrap();
        assert!(root.read("file").await.unwrap() == text);
        // Those that have no length, or do not say it.
        std::fs::write(&path, "").unwrap();
        assert_eq!(fs::read(&path).await.unwrap(), b"");
        let own = std::fs::read("/proc/self/comm").unwrap();
        assert_eq!(fs::read("/proc/self/comm").await.unwrap(), own);
    });
}

/// An await that is always ready lets others have the core.
#[test]
fn a_loop_over_files_that_are_at_hand_lets_others_run() {
    let folder = Folder::new();
    let path = &folder.join("file");
    std::fs::write(path, "text").unwrap();
    run(async || {
        let is_over = &Cell::new(false);
        let ended: io::Result<()> = nursery(async |n| {
            n.spawn(async {
                while !is_over.get() {
                    assert_eq!(fs::read(path).await?, b"text");
                }
                Ok(())
            });
            n.spawn(async {
                while !is_over.get() {
                    File::open(path).await?.close().await?;
                }
                Ok(())
            });
            sleep(Duration::from_millis(1)).await;
            is_over.set(true);
            Ok(())
        })
        .await;
        ended.unwrap();
    });
}

/// Whatever a file was opened with, code that blocks gets one whose calls wait.
#[test]
fn a_file_that_was_opened_on_the_spot_is_not_nonblocking() {
    let folder = Folder::new();
    let path = folder.join("file");
    std::fs::write(&path, "text").unwrap();
    run(async || {
        for file in [File::open(&path).await.unwrap(), File::create(&path).await.unwrap()] {
            let flags = fcntl(file.as_fd(), FcntlArg::F_GETFL).unwrap();
            assert_eq!(flags & libc::O_NONBLOCK, 0);
        }
    });
}
