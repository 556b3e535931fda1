//! What is in the kernel's caches is opened, read and closed on the spot; and what may keep the
//! core there is not.

use crate::dead::assert_waits_alone;
use crate::dead::server::{Conduct, Dead};
use crate::folder::Folder;
use crate::support::again::alone;
use crate::support::sandbox::{deny, deny_where};
use crate::support::{poll_once, turn};
use crate::{hostile, run};
use nestling::Runtime;
use nestling::fs::{self, File};
use nestling::task::yield_now;
use nix::sys::statfs::{OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC, statfs};
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::path::Path;

/// A kind of file system with a server is mounted here: so opens begin on a thread of the kernel's.
fn has_server() -> bool {
    const SERVED: [&str; 8] = ["9p", "ceph", "cifs", "fuse", "fuseblk", "nfs", "nfs4", "virtiofs"];
    let list = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let found = list.lines().any(|line| {
        let kind = line.split(" - ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        SERVED.contains(&kind) || kind.starts_with("fuse.")
    });
    if found {
        eprintln!("NOT RUN: a mount here may have a server");
    }
    found
}

fn is_open(number: i32) -> bool {
    std::fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_ok()
}

/// Whether a file there is closed by the code that drops it.
async fn is_closed_on_the_spot(path: &Path) -> bool {
    let file = File::open(path).await.unwrap();
    let number = file.as_raw_fd();
    drop(file);
    let is_closed = !is_open(number);
    turn().await;
    is_closed
}

#[test]
fn what_is_at_hand_is_opened_at_the_first_poll() {
    let folder = Folder::new();
    let path = folder.join("file");
    std::fs::write(&path, "text").unwrap();
    if has_server() {
        return;
    }
    run(async || {
        let mut open = Box::pin(File::open(&path));
        assert!(poll_once(open.as_mut()).await.is_ready());
        let kind = statfs(folder.path()).unwrap().filesystem_type();
        if [TMPFS_MAGIC, OVERLAYFS_SUPER_MAGIC].contains(&kind) {
            return eprintln!("NOT RUN: names that are missing are not kept here");
        }
        let missing = folder.join("missing");
        assert!(std::fs::symlink_metadata(&missing).is_err());
        let mut open = Box::pin(File::open(&missing));
        assert!(poll_once(open.as_mut()).await.is_ready());
    });
}

/// There a close may write, or wait for a lock: so the ring has a thread of the kernel's close.
#[test]
fn k13_a_file_is_not_closed_on_the_spot_where_a_close_works() {
    let name = "at_hand::k13_a_file_is_not_closed_on_the_spot_where_a_close_works";
    let script = "mount -t tmpfs none \"$0\" && cd \"$0\" && mkdir lower upper work all && \
        mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work none all && \
        echo text > all/file && echo text > file";
    hostile::with_mounts(name, script, |at| {
        run(async || {
            assert!(is_closed_on_the_spot(&at.join("file")).await);
            assert!(!is_closed_on_the_spot(&at.join("all/file")).await);
            let file = File::open(at.join("all/file")).await.unwrap();
            file.close().await.unwrap();
        });
    });
}

/// A call that is refused stands for one that fails: no local file system has such closes.
#[test]
fn a_close_on_the_spot_says_what_the_kernel_says() {
    let name = "at_hand::a_close_on_the_spot_says_what_the_kernel_says";
    // Outside, too: no other test runs meanwhile.
    let folder = Folder::new();
    alone(name, || {
        let path = folder.join("file");
        std::fs::write(&path, "text").unwrap();
        // Not by `run`: the file stays open.
        Runtime::builder().build().unwrap().block_on(async {
            if !is_closed_on_the_spot(&path).await {
                return eprintln!("NOT RUN: the ring closes the files of this file system");
            }
            // No close is refused but that of a number that has this bit.
            const BIT: i32 = 64;
            let others: Vec<_> =
                (0..BIT).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
            let file = File::open(&path).await.unwrap();
            drop(others);
            assert!(file.as_raw_fd() & BIT != 0);
            deny_where(libc::SYS_close, 0, BIT as u32, libc::EIO);
            let error = file.close().await.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EIO));
        });
    });
}

/// It is not taken for a file that needs no care.
#[test]
fn an_open_whose_look_fails_fails() {
    let name = "at_hand::an_open_whose_look_fails_fails";
    let folder = Folder::new();
    alone(name, || {
        let path = folder.join("file");
        std::fs::write(&path, "text").unwrap();
        if has_server() {
            return;
        }
        run(async || {
            deny(libc::SYS_statx, libc::EPERM);
            for ended in [File::open(&path).await, File::create(&path).await] {
                let error = ended.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
            }
        });
    });
}

/// With the plain call refused, an open has the ring look. A file of which nothing is known, as one
/// that was opened elsewhere, counts as one with a server.
#[test]
fn k13_the_core_does_not_look_where_a_server_may_be_asked() {
    let name = "at_hand::k13_the_core_does_not_look_where_a_server_may_be_asked";
    hostile::with_mounts(name, "true", |at| {
        let elsewhere = Folder::new();
        run(async || {
            let Some(dead) = Dead::mount(at, Conduct::Silent) else { return };
            let path = dead.path().join("file");
            let file = std::fs::File::open(&path).unwrap();
            deny(libc::SYS_statx, libc::EPERM);
            drop(File::open(&path).await.unwrap());
            assert_waits_alone(&dead, &File::from_std(file), elsewhere.path()).await;
        });
    });
}

/// Code that blocks would get a file whose calls do not wait.
#[test]
fn an_open_that_cannot_have_the_file_wait_fails() {
    let name = "at_hand::an_open_that_cannot_have_the_file_wait_fails";
    let folder = Folder::new();
    alone(name, || {
        let path = folder.join("file");
        std::fs::write(&path, "text").unwrap();
        run(async || {
            let root = fs::Dir::open(folder.path()).await.unwrap();
            deny(libc::SYS_ioctl, libc::EPERM);
            for ended in
                [File::open(&path).await, File::create(&path).await, root.open_file("file").await]
            {
                let error = ended.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
                assert!(error.to_string().contains("file"), "{error}");
            }
        });
    });
}

/// The link goes by the descriptor's number, which another file must not have meanwhile.
#[test]
fn b9_a_link_keeps_its_file_open() {
    hostile::with_mounts("at_hand::b9_a_link_keeps_its_file_open", "true", |at| {
        let folder = Folder::new();
        run(async || {
            let Some(dead) = Dead::mount(at, Conduct::Silent) else { return };
            let file = fs::temp_file(folder.path()).await.unwrap();
            let number = file.as_raw_fd();
            let mut link = Box::pin(file.link(dead.path().join("name")));
            assert!(poll_once(link.as_mut()).await.is_pending());
            while dead.holds() == 0 {
                yield_now().await;
            }
            drop(link);
            drop(file);
            assert!(is_open(number));
            dead.end();
            while is_open(number) {
                turn().await;
            }
        });
    });
}
