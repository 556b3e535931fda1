//! Directories: what is made, renamed, removed and listed in them, and that no path leads out.

use crate::folder::Folder;
use crate::run;
use crate::support::poll_once;
use nestling::fs::{self, Dir, File, TempDir};
use nestling::task::consume_budget;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::pin::pin;

#[test]
fn names_are_made_changed_and_removed() {
    let folder = Folder::new();
    run(async || {
        fs::create_dir(folder.join("a")).await.unwrap();
        let error = fs::create_dir(folder.join("a")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        fs::create_dir_all(folder.join("a/b/c")).await.unwrap();
        fs::create_dir_all(folder.join("a/b/c")).await.unwrap();
        fs::write(folder.join("a/file"), "content").await.unwrap();
        fs::hard_link(folder.join("a/file"), folder.join("a/second")).await.unwrap();
        assert_eq!(fs::metadata(folder.join("a/second")).await.unwrap().nlink(), 2);
        fs::symlink("file", folder.join("a/link")).await.unwrap();
        let link = folder.join("a/link");
        assert_eq!(fs::read_link(&link).await.unwrap(), PathBuf::from("file"));
        assert!(fs::symlink_metadata(&link).await.unwrap().is_symlink());
        assert_eq!(fs::metadata(&link).await.unwrap().len(), 7);
        assert_eq!(fs::canonicalize(&link).await.unwrap(), folder.join("a/file"));
        fs::rename(folder.join("a/file"), folder.join("moved")).await.unwrap();
        assert!(!fs::try_exists(&link).await.unwrap(), "it leads nowhere now");
        fs::set_permissions(folder.join("moved"), PermissionsExt::from_mode(0o400)).await.unwrap();
        assert_eq!(std::fs::metadata(folder.join("moved")).unwrap().mode() & 0o777, 0o400);
        let error = fs::remove_dir(folder.join("a")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DirectoryNotEmpty);
        assert!(error.to_string().contains("/a'"), "{error}");
        fs::remove_file(&link).await.unwrap();
        fs::remove_dir_all(folder.join("a")).await.unwrap();
        fs::sync_dir(folder.path()).await.unwrap();
        assert_eq!(folder.names(), ["moved"]);
    });
}

#[test]
fn a_directory_is_listed_batch_by_batch() {
    let folder = Folder::new();
    let names: BTreeSet<_> = (0..1500).map(|number| format!("entry {number}")).collect();
    for name in &names {
        std::fs::write(folder.join(name), "").unwrap();
    }
    std::fs::create_dir(folder.join("directory")).unwrap();
    run(async || {
        let mut entries = fs::read_dir(folder.path()).await.unwrap();
        let (mut found, mut directories) = (BTreeSet::new(), 0);
        let mut dropped = 0;
        loop {
            // What is listed for a future that is dropped comes with the next one.
            let mut next = Box::pin(entries.next_entry());
            let next = match poll_once(next.as_mut()).await {
                std::task::Poll::Ready(next) => next,
                std::task::Poll::Pending if dropped % 3 == 0 => next.await,
                std::task::Poll::Pending => {
                    dropped += 1;
                    continue;
                }
            };
            dropped += 1;
            let Some(entry) = next.unwrap() else { break };
            if entry.file_type().is_dir() {
                directories += 1;
                continue;
            }
            assert!(entry.file_type().is_file());
            assert_eq!(entry.path().parent(), Some(folder.path()));
            let metadata = std::fs::metadata(entry.path()).unwrap();
            assert_eq!(metadata.ino(), entry.ino());
            assert!(found.insert(entry.file_name().to_str().unwrap().to_owned()), "twice");
        }
        assert_eq!(directories, 1);
        assert!(found == names, "{} of {}", found.len(), names.len());
        assert!(entries.next_entry().await.unwrap().is_none(), "the end stays");
        let error = fs::read_dir(folder.join("none")).await.unwrap_err();
        assert!(error.to_string().contains("none"), "{error}");
    });
}

/// The turn is over when the next entry is asked for: the future waits, and is dropped.
#[test]
fn r17_an_entry_is_not_lost_with_a_future_that_the_budget_suspends() {
    let folder = Folder::new();
    for name in ["a", "b", "c"] {
        std::fs::write(folder.join(name), "").unwrap();
    }
    run(async || {
        let mut entries = fs::read_dir(folder.path()).await.unwrap();
        let mut found = vec![entries.next_entry().await.unwrap().unwrap().file_name().to_owned()];
        while poll_once(pin!(consume_budget())).await.is_ready() {}
        assert!(poll_once(pin!(entries.next_entry())).await.is_pending());
        while let Some(entry) = entries.next_entry().await.unwrap() {
            found.push(entry.file_name().to_owned());
        }
        found.sort();
        assert_eq!(found, ["a", "b", "c"]);
    });
}

#[test]
fn a_walk_finds_everything_once() {
    let folder = Folder::new();
    let mut expected = BTreeSet::new();
    for a in 0..5 {
        for b in 0..5 {
            let path = folder.join(&format!("{a}/{b}"));
            std::fs::create_dir_all(&path).unwrap();
            for c in 0..30 {
                std::fs::write(path.join(format!("{c}")), "").unwrap();
                expected.insert(path.join(format!("{c}")));
            }
            expected.insert(path);
        }
        expected.insert(folder.join(&format!("{a}")));
    }
    // A way around in a circle.
    symlink(folder.path(), folder.join("0/circle")).unwrap();
    expected.insert(folder.join("0/circle"));
    run(async || {
        for limit in [1, 3, 100] {
            let mut walk = fs::walk(folder.path()).limit(limit);
            let mut found = BTreeSet::new();
            while let Some(entry) = walk.next_entry().await.unwrap() {
                let parent = entry.path().parent().unwrap().to_owned();
                assert!(parent == folder.path() || found.contains(&parent), "out of order");
                assert!(found.insert(entry.path()), "twice");
            }
            assert!(found == expected, "{} of {}", found.len(), expected.len());
        }
        let mut walk = fs::walk(folder.path());
        let mut count = 0;
        while let Some(entry) = walk.next_entry().await.unwrap() {
            count += 1;
            if entry.file_type().is_dir() {
                walk.skip(&entry);
            }
        }
        assert_eq!(count, 5, "only the uppermost");
        let mut walk = fs::walk(folder.join("none"));
        assert_eq!(walk.next_entry().await.unwrap_err().kind(), ErrorKind::NotFound);
        assert!(walk.next_entry().await.unwrap().is_none());
    });
}

/// Each way out of a directory fails, whatever is done there; each way inside succeeds.
#[test]
fn no_path_leads_out_of_a_dir() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.join("root/inner")).unwrap();
    std::fs::write(folder.join("secret"), "secret").unwrap();
    std::fs::create_dir(folder.join("outside")).unwrap();
    std::fs::write(folder.join("root/file"), "public").unwrap();
    symlink("../secret", folder.join("root/relative")).unwrap();
    symlink(folder.join("secret"), folder.join("root/absolute")).unwrap();
    symlink("../outside", folder.join("root/away")).unwrap();
    symlink("../file", folder.join("root/inner/inside")).unwrap();
    let before = folder.names();
    run(async || {
        let root = Dir::open(folder.join("root")).await.unwrap();
        let out = |result: std::io::Result<()>, path: &str| {
            let error = result.expect_err(path);
            assert_eq!(error.kind(), ErrorKind::CrossesDevices, "{path}: {error}");
            assert!(error.to_string().contains("leads out"), "{path}: {error}");
        };
        let magic = "/proc/self/root/etc/passwd";
        for path in ["../secret", "/etc/passwd", "relative", "absolute", "inner/../../x", magic] {
            out(root.open_file(path).await.map(drop), path);
            out(root.metadata(path).await.map(drop), path);
            let mut options = File::options();
            options.write(true).create(true);
            out(root.open_with(path, &options).await.map(drop), path);
        }
        for path in ["../x", "away/x", "/tmp/x", "inner/../../x"] {
            out(root.create_dir(path).await, path);
            out(root.remove_file(path).await, path);
            out(root.remove_dir(path).await, path);
            out(root.rename("file", &root, path).await, path);
            out(root.hard_link("file", &root, path).await, path);
            out(root.symlink("file", path).await, path);
        }
        out(root.open_dir("away").await.map(drop), "away");
        out(root.read_dir("..").await.map(drop), "..");
        let error = root.remove_dir("inner/..").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);

        assert_eq!(root.read("inner/../file").await.unwrap(), b"public");
        assert_eq!(root.read("inner/inside").await.unwrap(), b"public");
        assert!(root.symlink_metadata("relative").await.unwrap().is_symlink());
        root.create_dir("inner/new").await.unwrap();
        root.write("inner/new/file", "x").await.unwrap();
        let inner = root.open_dir("inner").await.unwrap();
        inner.rename("new/file", &root, "moved").await.unwrap();
        root.hard_link("moved", &inner, "second").await.unwrap();
        assert_eq!(root.metadata("moved").await.unwrap().nlink(), 2);
        inner.symlink("second", "third").await.unwrap();
        let mut names = BTreeSet::new();
        let mut entries = root.read_dir("inner").await.unwrap();
        while let Some(entry) = entries.next_entry().await.unwrap() {
            names.insert(entry.path());
        }
        let expected =
            ["inside", "new", "second", "third"].map(|name| PathBuf::from("inner").join(name));
        assert_eq!(names, BTreeSet::from(expected));
        inner.remove_file("third").await.unwrap();
        root.remove_dir("inner/new").await.unwrap();
        root.sync_all().await.unwrap();
        // It is that directory, also by another name.
        std::fs::rename(folder.join("root"), folder.join("renamed")).unwrap();
        assert_eq!(root.read("file").await.unwrap(), b"public");
        std::fs::rename(folder.join("renamed"), folder.join("root")).unwrap();
    });
    assert_eq!(folder.names(), before);
    assert_eq!(std::fs::read(folder.join("secret")).unwrap(), b"secret");
    assert_eq!(std::fs::read_dir(folder.join("outside")).unwrap().count(), 0);
}

#[test]
fn temporary_files_and_directories_leave_nothing() {
    let folder = Folder::new();
    run(async || {
        let directory = TempDir::new_in(folder.path()).await.unwrap();
        let mode = std::fs::metadata(directory.path()).unwrap().mode();
        assert_eq!(mode & 0o777, 0o700, "only for its owner");
        fs::write(directory.path().join("file"), "x").await.unwrap();
        let file = match fs::temp_file(directory.path()).await {
            Ok(file) => file,
            Err(error) => return eprintln!("NOT RUN: no files without names here: {error}"),
        };
        file.write_all_at("kept", 0).await.0.unwrap();
        assert_eq!(file.metadata().await.unwrap().nlink(), 0);
        file.link(folder.join("kept")).await.unwrap();
        let error = file.link(folder.join("kept")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        drop(file);
        directory.close().await.unwrap();
        let dropped = TempDir::new_in(folder.path()).await.unwrap();
        std::fs::create_dir(dropped.path().join("inner")).unwrap();
        drop(dropped);
    });
    assert_eq!(folder.names(), ["kept"]);
    assert_eq!(std::fs::read(folder.join("kept")).unwrap(), b"kept");
}
