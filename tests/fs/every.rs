//! Every operation: it succeeds, it fails as the kernel says, and what is left of it when it is
//! cancelled or dropped, after each number of turns.

use crate::folder::Folder;
use crate::registered::{OFTEN, registered_pool};
use crate::{run, support};
use nestling::buf::{FixedBuf, FixedPool, IoBuf};
use nestling::fs::{self, Advice, Dir, File, PathError, TempDir};
use nestling::io::{copy, nursery};
use nestling::is_cancelled;
use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;

/// What operations are done with.
struct Ground {
    folder: PathBuf,
    /// Open to be read and written.
    file: File,
    /// The same, registered with the ring.
    often: File,
    pool: FixedPool,
    dir: Dir,
}

impl Ground {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// One that is registered, with bytes in it.
    fn buffer(&self, text: &str) -> FixedBuf {
        let mut buffer = self.pool.take().unwrap();
        buffer.extend_from_slice(text.as_bytes());
        buffer
    }
}

type Running = Pin<Box<dyn Future<Output = io::Result<()>>>>;
type Operation = (&'static str, fn(Rc<Ground>) -> Running);

fn begin<T>(work: impl Future<Output = io::Result<T>> + 'static) -> Running {
    Box::pin(async { work.await.map(drop) })
}

const ON_FILES: [Operation; 23] = [
    ("read", |on| begin(async move { on.file.read_at(vec![0; 8], 1).await.0 })),
    ("read exactly", |on| begin(async move { on.file.read_exact_at(vec![0; 8], 1).await.0 })),
    ("readv", |on| begin(async move { on.file.readv_at(vec![vec![0; 3], vec![0; 5]], 1).await.0 })),
    ("read to the end", |on| begin(async move { on.file.read_to_end(Vec::new(), 1).await.0 })),
    ("read where it stands", |on| begin(async move { on.file.read(vec![0; 8]).await.0 })),
    ("write", |on| begin(async move { on.file.write_at("new", 1).await.0 })),
    ("write all", |on| begin(async move { on.file.write_all_at("new", 1).await.0 })),
    ("writev", |on| begin(async move { on.file.writev_at(vec!["n", "ew"], 1).await.0 })),
    ("write where it stands", |on| begin(async move { on.file.write("new").await.0 })),
    ("read, file registered", |on| begin(async move { on.often.read_at(vec![0; 8], 1).await.0 })),
    ("write, file registered", |on| begin(async move { on.often.write_at("new", 1).await.0 })),
    ("read, buffer and file registered", |on| {
        begin(async move { on.often.read_at(on.buffer("x").slice(1..), 1).await.0 })
    }),
    ("write, buffer and file registered", |on| {
        begin(async move { on.often.write_at(on.buffer("a new").slice(2..), 1).await.0 })
    }),
    ("copy", |on| begin(async move { copy(&mut on.file.cursor(), &mut Vec::new()).await })),
    ("fsync", |on| begin(async move { on.file.sync_all().await })),
    ("fdatasync", |on| begin(async move { on.file.sync_data().await })),
    ("sync_file_range", |on| begin(async move { on.file.sync_file_range(0, 10).await })),
    ("allocate", |on| begin(async move { on.file.allocate(0, 8192).await })),
    ("set_len", |on| begin(async move { on.file.set_len(5).await })),
    ("advise", |on| begin(async move { on.file.advise(0, 0, Advice::WillNeed).await })),
    ("next_data", |on| begin(async move { on.file.next_data(0).await })),
    ("lock", |on| begin(async move { on.file.lock().await })),
    ("set_permissions", |on| {
        begin(async move { on.file.set_permissions(std::fs::Permissions::from_mode(0o600)).await })
    }),
];

const ON_PATHS: [Operation; 25] = [
    ("open", |on| begin(async move { File::open(on.path("file")).await })),
    ("create", |on| begin(async move { File::create(on.path("new")).await })),
    ("metadata", |on| begin(async move { fs::metadata(on.path("file")).await })),
    ("symlink_metadata", |on| begin(async move { fs::symlink_metadata(on.path("link")).await })),
    ("create_dir", |on| begin(async move { fs::create_dir(on.path("new")).await })),
    ("remove_file", |on| begin(async move { fs::remove_file(on.path("old")).await })),
    ("remove_dir", |on| begin(async move { fs::remove_dir(on.path("empty")).await })),
    ("remove_dir_all", |on| begin(async move { fs::remove_dir_all(on.path("empty")).await })),
    ("rename", |on| begin(async move { fs::rename(on.path("old"), on.path("new")).await })),
    ("hard_link", |on| begin(async move { fs::hard_link(on.path("old"), on.path("new")).await })),
    ("symlink", |on| begin(async move { fs::symlink("old", on.path("new")).await })),
    ("read_link", |on| begin(async move { fs::read_link(on.path("link")).await })),
    ("canonicalize", |on| begin(async move { fs::canonicalize(on.path("link")).await })),
    ("read_dir", |on| begin(async move { fs::read_dir(on.path(".")).await?.next_entry().await })),
    ("walk", |on| begin(async move { fs::walk(on.path(".")).next_entry().await })),
    ("read a whole file", |on| begin(async move { fs::read(on.path("file")).await })),
    ("write a whole file", |on| begin(async move { fs::write(on.path("new"), "new").await })),
    ("replace", |on| begin(async move { fs::replace(on.path("old"), "new").await })),
    ("sync_dir", |on| begin(async move { fs::sync_dir(on.path(".")).await })),
    ("temporary directory", |on| begin(async move { TempDir::new_in(on.path(".")).await })),
    ("Dir::open", |on| begin(async move { Dir::open(on.path(".")).await })),
    ("Dir::open_file", |on| begin(async move { on.dir.open_file("file").await })),
    ("Dir::metadata", |on| begin(async move { on.dir.metadata("file").await })),
    ("Dir::create_dir", |on| begin(async move { on.dir.create_dir("new").await })),
    ("Dir::rename", |on| begin(async move { on.dir.rename("old", &on.dir, "new").await })),
];

fn operations() -> impl Iterator<Item = Operation> {
    ON_FILES.into_iter().chain(ON_PATHS)
}

/// So often that it is registered with the ring.
async fn read_often(file: File) -> File {
    for _ in 0..OFTEN {
        let _ = file.read_at(vec![0; 1], 0).await;
    }
    file
}

fn pool() -> FixedPool {
    registered_pool(1, 1).unwrap_or_else(|| FixedPool::new(1, 1).unwrap())
}

/// Has a folder be as it was before any operation.
async fn prepared(folder: &Path) -> Rc<Ground> {
    let path = |name: &str| folder.join(name);
    let _ = std::fs::remove_file(path("new"));
    let _ = std::fs::remove_dir(path("new"));
    let _ = std::fs::create_dir(path("empty"));
    let _ = std::os::unix::fs::symlink("file", path("link"));
    std::fs::write(path("file"), "0123456789").unwrap();
    std::fs::write(path("old"), "old").unwrap();
    let file = File::options().read(true).write(true).open(path("file")).await.unwrap();
    let often = File::options().read(true).write(true).open(path("file")).await.unwrap();
    let often = read_often(often).await;
    let dir = Dir::open(folder).await.unwrap();
    Rc::new(Ground { folder: folder.to_owned(), file, often, pool: pool(), dir })
}

/// Nothing is there that was not made on purpose, and no file has other bytes than it may have.
fn assert_whole(folder: &Folder, what: &str) {
    let known = ["empty", "file", "link", "new", "old"];
    for name in folder.names() {
        assert!(known.contains(&&name[..]), "{what} has left {name}");
    }
    let file = std::fs::read(folder.join("file")).unwrap();
    let whole: [&[u8]; 4] = [b"0123456789", b"0new456789", b"new3456789", b"01234"];
    let allocated = file.len() == 8192 && file.starts_with(b"0123456789\0");
    assert!(allocated || whole.contains(&&file[..]), "{what}: {file:?}");
    if let Ok(old) = std::fs::read(folder.join("old")) {
        assert!([&b"old"[..], b"new"].contains(&&old[..]), "{what}: {old:?}");
    }
}

#[test]
fn each_operation_succeeds() {
    let folder = Folder::new();
    for (name, operation) in operations() {
        let ended = run(async || operation(prepared(folder.path()).await).await);
        ended.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_whole(&folder, name);
    }
}

/// On a file that is open for no use, and in a directory that is gone: the kernel's own error.
#[test]
fn each_operation_fails_as_the_kernel_says() {
    let folder = Folder::new();
    run(async || {
        let gone = folder.join("gone");
        std::fs::create_dir(&gone).unwrap();
        let dir = Dir::open(&gone).await.unwrap();
        std::fs::remove_dir(&gone).unwrap();
        let file = File::options().custom_flags(libc::O_PATH).open(folder.path()).await.unwrap();
        let often = File::options().custom_flags(libc::O_PATH).open(folder.path()).await.unwrap();
        let ground = Rc::new(Ground { folder: gone, file, often, pool: pool(), dir });
        for (operations, code) in [(&ON_FILES[..], libc::EBADF), (&ON_PATHS[..], libc::ENOENT)] {
            for (name, operation) in operations {
                let error = operation(Rc::clone(&ground)).await.expect_err(name);
                let source = error.get_ref().and_then(|inner| {
                    let path = inner.downcast_ref::<PathError>().map(PathError::raw_os_error);
                    path.or_else(|| {
                        Some(inner.source()?.downcast_ref::<io::Error>()?.raw_os_error())
                    })
                });
                let came = source.unwrap_or(error.raw_os_error());
                assert_eq!(came, Some(code), "{name}: {error}");
            }
        }
    });
}

/// Dropped after each number of turns, until one has ended by itself: `run` counts what is left.
#[test]
fn b2_each_operation_leaves_nothing_when_it_is_dropped() {
    let folder = Folder::new();
    for (name, operation) in operations() {
        let mut polls = 1;
        while !run(async || {
            let mut running = operation(prepared(folder.path()).await);
            // It waits for what is in flight.
            let ended = nursery(async |_| {
                for _ in 0..polls {
                    if support::poll_once(running.as_mut()).await.is_ready() {
                        return Ok(true);
                    }
                    support::turn().await;
                }
                drop(running);
                Ok(false)
            });
            ended.await.unwrap()
        }) {
            assert_whole(&folder, name);
            polls += 1;
            assert!(polls < 1000, "{name} does not end");
        }
    }
}

/// Cancelled after each number of turns, until it was too late: it was done, or it says that it was
/// cancelled, or the task ends where it is.
#[test]
fn each_operation_is_told_of_its_cancel_or_done() {
    let folder = Folder::new();
    for (name, operation) in operations() {
        let mut turns = 0;
        loop {
            let ended = run(async || {
                let running = operation(prepared(folder.path()).await);
                let ended = RefCell::new(None);
                nursery(async |n| {
                    n.spawn(async {
                        *ended.borrow_mut() = Some(running.await);
                        Ok(())
                    });
                    for _ in 0..turns {
                        support::turn().await;
                    }
                    n.cancel();
                    Ok(())
                })
                .await
                .unwrap();
                ended.take()
            });
            assert_whole(&folder, name);
            match ended {
                Some(Ok(())) => break,
                Some(Err(error)) => assert!(is_cancelled(&error), "{name}: {error}"),
                None => {}
            }
            turns += 1;
            assert!(turns < 1000, "{name} does not end");
        }
    }
}
