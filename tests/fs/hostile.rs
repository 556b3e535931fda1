//! Disks that are full, that may not be written to, and processes that are killed.

use crate::folder::Folder;
use crate::support::again::{again, is_inside};
use crate::{run, support};
use nestling::Runtime;
use nestling::fs::{self, File};
use nestling::io::transferred;
use std::env;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a test in a process of its own, with a small file system in memory that only this process
/// sees. The path of it is what the test is given.
fn with_small_disk(test: &str, options: &str, body: impl AsyncFnOnce(&Path)) {
    let mount = format!("mount -t tmpfs -o {options} none \"$0\"");
    with_mounts(test, &mount, |disk| run(async || body(disk).await));
}

/// Runs a test in a process of its own, which alone sees what is mounted there: by a script that
/// gets the path of a folder, which the test is given as well.
pub(crate) fn with_mounts(test: &str, script: &str, body: impl FnOnce(&Path)) {
    const PLACE: &str = "NESTLING_TEST_PLACE";
    if is_inside(test) {
        let place = env::var(PLACE).expect("the parent says it");
        return body(Path::new(&place));
    }
    let folder = Folder::new();
    let again = again(test);
    let script = format!("{script} && exec \"$@\"");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script]).arg(folder.path());
    command.arg(again.get_program()).args(again.get_args());
    for (name, value) in again.get_envs() {
        command.env(name, value.expect("only set"));
    }
    let output = command.env(PLACE, folder.path()).stdin(Stdio::null()).output();
    let Ok(output) = output else { return eprintln!("NOT RUN: there is no unshare(1)") };
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    if !said.contains("running 1 test") {
        return eprintln!("NOT RUN: no file system can be mounted here: {complained}");
    }
    assert!(output.status.success(), "{}\n{said}\n{complained}", output.status);
    let skipped = complained.lines().filter(|line| line.starts_with("NOT RUN"));
    skipped.for_each(|line| eprintln!("{line}"));
}

#[test]
fn a_full_disk_is_an_error_that_says_how_much_went() {
    let name = "hostile::a_full_disk_is_an_error_that_says_how_much_went";
    with_small_disk(name, "size=1m", async |disk| {
        let path = disk.join("file");
        let file = File::create(&path).await.unwrap();
        let (result, buffer) = file.write_all_at(vec![7; 4 << 20], 0).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
        assert_eq!(buffer.len(), 4 << 20, "the buffer comes back");
        let gone = transferred(&error).expect("it says how much");
        assert_eq!(std::fs::read(&path).unwrap(), vec![7; gone]);
        let error = file.allocate(0, 2 << 20).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
        // The old bytes stay when the new ones have no room.
        file.set_len(3).await.unwrap();
        let error = fs::replace(&path, vec![8; 4 << 20]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), [7; 3]);
        assert_eq!(std::fs::read_dir(disk).unwrap().count(), 1, "nothing is left of it");
        fs::replace(&path, vec![8; 1000]).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), [8; 1000]);
    });
}

#[test]
fn what_may_not_be_written_to_says_so() {
    let name = "hostile::what_may_not_be_written_to_says_so";
    with_small_disk(name, "size=1m,ro", async |disk| {
        let kind = |result: std::io::Result<()>| result.unwrap_err().kind();
        let path = disk.join("file");
        assert_eq!(kind(fs::write(&path, "x").await), ErrorKind::ReadOnlyFilesystem);
        assert_eq!(kind(fs::replace(&path, "x").await), ErrorKind::ReadOnlyFilesystem);
        assert_eq!(kind(fs::create_dir(&path).await), ErrorKind::ReadOnlyFilesystem);
        assert_eq!(kind(fs::symlink("x", &path).await), ErrorKind::ReadOnlyFilesystem);
        let made = fs::temp_file(disk).await.map(drop);
        assert_eq!(kind(made), ErrorKind::ReadOnlyFilesystem);
        assert!(fs::read_dir(disk).await.unwrap().next_entry().await.unwrap().is_none());
    });
}

/// Writes records of eight bytes, and says of each on the standard output when it is on the disk.
async fn write_records(path: &Path) {
    let mut options = File::options();
    let file = options.append(true).create(true).open(path).await.unwrap();
    for record in file.metadata().await.unwrap().len() / 8.. {
        file.write_all_at(record.to_le_bytes().to_vec(), 0).await.0.unwrap();
        file.sync_data().await.unwrap();
        println!("record {record}");
        std::io::stdout().flush().unwrap();
    }
}

/// A process that is killed has on the disk what it had reported, and its records are whole.
#[test]
fn a_killed_writer_leaves_what_it_has_reported() {
    let name = "hostile::a_killed_writer_leaves_what_it_has_reported";
    const FILE: &str = "NESTLING_TEST_RECORDS";
    if is_inside(name) {
        let path = env::var(FILE).expect("the parent says it");
        return Runtime::builder().build().unwrap().block_on(write_records(Path::new(&path)));
    }
    let kills = env::var("NESTLING_KILLS").map_or(20, |kills| kills.parse().expect("a number"));
    let folder = Folder::new();
    let path = folder.join("records");
    let mut last = None;
    for round in 0..kills {
        let mut writer = again(name).env(FILE, &path).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let mut reported = |last: &mut Option<u64>| {
            for line in lines.by_ref() {
                let line = line.unwrap();
                // What the test's own frame says stands before the first record.
                if let Some((_, record)) = line.rsplit_once("record ") {
                    *last = Some(record.parse().expect("a number"));
                    return true;
                }
            }
            false
        };
        for _ in 0..=round % 7 {
            assert!(support::watched(|| reported(&mut last)), "it writes for ever");
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        // What was under way to us when it was killed had been reported, too.
        while reported(&mut last) {}
        let read = std::fs::read(&path).unwrap();
        let whole =
            read.chunks_exact(8).map(|record| u64::from_le_bytes(record.try_into().unwrap()));
        assert_eq!(read.len() % 8, 0, "round {round}: a record was torn");
        assert!(whole.eq(0..read.len() as u64 / 8), "round {round}");
        let reported = last.expect("one at least");
        assert!(reported < read.len() as u64 / 8, "round {round}: record {reported} is lost");
    }
}
