//! `cat`, `checksum` and `copy_file`: what they make of files, as other programs see it.

use crate::process::{build, run};
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A directory beside this program, gone when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let program = std::env::current_exe().unwrap();
        let path = program.with_file_name(format!("{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn cat_goes_on_where_its_streams_stand() {
    let (folder, cat) = (Folder::new("cat"), build("cat"));
    let (one, two, output) = (folder.join("one"), folder.join("two"), folder.join("output"));
    fs::write(&one, "one\n".repeat(100_000)).unwrap();
    fs::write(&two, "two, of which the start was read\n").unwrap();
    let mut input = File::open(&two).unwrap();
    input.seek(SeekFrom::Start(5)).unwrap();
    let mut standing = File::create(&output).unwrap();
    standing.write_all(b"before\n").unwrap();
    let mut command = Command::new(&cat);
    command.args([text(&one), "-", text(&one)]).stdin(input);
    let status = command.stdout(standing.try_clone().unwrap()).status().unwrap();
    assert!(status.success());
    standing.write_all(b"after\n").unwrap();
    let ones = "one\n".repeat(100_000);
    let expected = format!("before\n{ones}of which the start was read\n{ones}after\n");
    assert!(fs::read_to_string(&output).unwrap() == expected);

    // To a pipe whose reader goes, and with a file that is not there.
    let mut reader = Command::new("head").args(["-n", "1"]).stdin(Stdio::piped()).spawn().unwrap();
    let pipe = reader.stdin.take().unwrap();
    let status = Command::new(&cat).arg(&one).stdout(pipe).status().unwrap();
    assert!(status.success() && reader.wait().unwrap().success());
    let ended = run(Command::new(&cat), &[text(&folder.join("none")), text(&two)]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("none': No such file"), "{ended:?}");
    assert!(ended.stdout.starts_with("two,"), "{ended:?}");
}

#[test]
fn checksum_agrees_with_sha256sum() {
    let (folder, checksum) = (Folder::new("checksum"), build("checksum"));
    for number in 0..200_usize {
        let below = folder.join(&format!("tree/{}", number % 7));
        fs::create_dir_all(&below).unwrap();
        let bytes: Vec<u8> = (0..number * number * 20).map(|at| (at * number) as u8).collect();
        fs::write(below.join(format!("{number}")), bytes).unwrap();
    }
    let tree = folder.join("tree");
    let ended = run(Command::new(&checksum), &[text(&tree)]);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(ended.stdout.lines().count(), 200);
    let sums = folder.join("sums");
    fs::write(&sums, &ended.stdout).unwrap();
    let mut check = Command::new("sha256sum");
    check.args(["--check", "--strict", "--quiet"]).arg(&sums);
    let checked = check.output().expect("coreutils are there");
    assert!(checked.status.success(), "{checked:?}");
    let ended = run(Command::new(&checksum), &[text(&folder.join("none")), text(&sums)]);
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(ended.stdout.lines().count(), 1, "the other is summed: {ended:?}");
}

#[test]
fn copy_file_keeps_holes_and_permissions() {
    let (folder, copy_file) = (Folder::new("copy-file"), build("copy_file"));
    let (from, to) = (folder.join("from"), folder.join("to"));
    let mut file = File::create(&from).unwrap();
    for place in [0, 3 << 20, (64 << 20) + 12_345] {
        file.seek(SeekFrom::Start(place)).unwrap();
        file.write_all(&vec![place as u8 + 1; (2 << 20) + 7]).unwrap();
    }
    file.set_len(100 << 20).unwrap();
    file.sync_all().unwrap();
    fs::set_permissions(&from, fs::Permissions::from_mode(0o640)).unwrap();
    let ended = run(Command::new(&copy_file), &[text(&from), text(&to)]);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("104857600 bytes, "), "{ended:?}");
    let (known, copied) = (fs::metadata(&from).unwrap(), fs::metadata(&to).unwrap());
    assert!(fs::read(&from).unwrap() == fs::read(&to).unwrap());
    assert_eq!(copied.mode(), known.mode());
    assert!(copied.blocks() <= known.blocks() + 64, "{} {}", copied.blocks(), known.blocks());
    let ended = run(Command::new(&copy_file), &[text(&from), text(&from)]);
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(fs::metadata(&from).unwrap().len(), 100 << 20, "not copied over itself");
}
