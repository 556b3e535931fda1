//! The files: openraft's suite for them, and what a kill leaves.

use crate::data::{CLIENTS, Data};
use crate::log_store::LogStore;
use crate::machine::Machine;
use crate::nodes::Folder;
use crate::types::{Kv, PIECE, Set};
use crate::wire::LONGEST;
use nestling_openraft::{NestlingRuntime, adopt};
use openraft::alias::{EntryOf, LogIdOf, VoteOf};
use openraft::entry::RaftEntry;
use openraft::storage::{RaftLogStorage, RaftLogStorageExt, RaftStateMachine};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::vote::RaftLeaderId;
use openraft::{
    AsyncRuntime, EntryPayload, RaftLogReader, RaftSnapshotBuilder, RaftTypeConfig, StorageError,
};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// Makes stores, each with files of its own, and a task that writes them.
struct Stores {
    folder: Folder,
    made: AtomicU32,
}

impl StoreBuilder<Kv, LogStore, Machine> for Stores {
    async fn build(&self) -> Result<((), LogStore, Machine), StorageError<Kv>> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let path = |what: &str| self.folder.path().join(format!("{number}.{what}"));
        let log = open(&path("log")).await;
        Ok(((), log, Machine::open(path("snapshot")).await.unwrap()))
    }
}

/// Opens a log, and has it written.
async fn open(path: &Path) -> LogStore {
    let (log, journal) = LogStore::open(path.to_owned()).await.unwrap();
    drop(NestlingRuntime::spawn(async { journal.write().await.unwrap() }));
    log
}

#[test]
fn the_suite_of_openraft_for_storage_passes() {
    let stores = Stores { folder: Folder::new("suite"), made: AtomicU32::new(0) };
    nestling::block_on(adopt(async || Suite::test_all(stores).await)).unwrap();
}

fn leader(term: u64) -> <Kv as RaftTypeConfig>::LeaderId {
    RaftLeaderId::new(term, 1)
}

fn id(term: u64, index: u64) -> LogIdOf<Kv> {
    LogIdOf::<Kv>::new(leader(term).to_committed(), index)
}

fn entry(term: u64, index: u64) -> EntryOf<Kv> {
    let set = Set { key: index.to_string(), value: "x".repeat(100), client: 1, number: index };
    EntryOf::<Kv>::new(id(term, index), EntryPayload::Normal(set))
}

/// What a log has, as openraft sees it.
async fn seen(log: &mut LogStore) -> (Option<VoteOf<Kv>>, Option<LogIdOf<Kv>>, Vec<LogIdOf<Kv>>) {
    let entries = log.try_get_log_entries(..).await.unwrap();
    let state = log.get_log_state().await.unwrap();
    let ids: Vec<_> = entries.iter().map(RaftEntry::log_id).collect();
    assert_eq!(state.last_log_id, ids.last().copied().or(state.last_purged_log_id));
    (log.read_vote().await.unwrap(), state.last_purged_log_id, ids)
}

/// Makes a change to the log in this file, and looks at it, before and after it is opened again.
fn changed(path: &Path, change: impl AsyncFnOnce(&mut LogStore)) -> Vec<LogIdOf<Kv>> {
    let before = nestling::block_on(adopt(async || {
        let mut log = open(path).await;
        change(&mut log).await;
        seen(&mut log).await
    }));
    let after = nestling::block_on(adopt(async || seen(&mut open(path).await).await));
    assert_eq!(before, after);
    let (vote, purged, ids) = after;
    assert_eq!(vote, Some(VoteOf::<Kv>::new(7, 2)));
    purged.into_iter().chain(ids).collect()
}

#[test]
fn a_log_is_the_same_when_it_is_opened_again() {
    let folder = Folder::new("again");
    let path = folder.path().join("log");
    let ids = changed(&path, async |log| {
        log.save_vote(&VoteOf::<Kv>::new(7, 2)).await.unwrap();
        log.blocking_append((0..20).map(|index| entry(1, index))).await.unwrap();
    });
    assert_eq!(ids, (0..20).map(|index| id(1, index)).collect::<Vec<_>>());
    let ids = changed(&path, async |log| log.truncate_after(Some(id(1, 2))).await.unwrap());
    assert_eq!(ids, [id(1, 0), id(1, 1), id(1, 2)]);
    let ids = changed(&path, async |log| log.blocking_append([entry(2, 3)]).await.unwrap());
    assert_eq!(ids, [id(1, 0), id(1, 1), id(1, 2), id(2, 3)]);
    let ids = changed(&path, async |log| log.purge(id(1, 1)).await.unwrap());
    assert_eq!(ids, [id(1, 1), id(1, 2), id(2, 3)]);
    let ids = changed(&path, async |log| log.blocking_append([entry(2, 4)]).await.unwrap());
    assert_eq!(ids, [id(1, 1), id(1, 2), id(2, 3), id(2, 4)]);
    let ids = changed(&path, async |log| log.purge(id(2, 4)).await.unwrap());
    assert_eq!(ids, [id(2, 4)]);
}

/// JSON writes this character as six.
#[test]
fn entries_that_are_sent_at_once_fit_into_a_message() {
    let folder = Folder::new("limited");
    let log_entry = |index, length| {
        let value = "\u{1}".repeat(length);
        let set = Set { key: String::new(), value, client: 1, number: index };
        EntryOf::<Kv>::new(id(1, index), EntryPayload::Normal(set))
    };
    nestling::block_on(adopt(async || {
        let mut log = open(&folder.path().join("log")).await;
        let entries = [log_entry(0, PIECE - 1), log_entry(1, PIECE), log_entry(2, 1)];
        log.blocking_append(entries).await.unwrap();
        for (start, count) in [(0, 2), (1, 1), (2, 1)] {
            let entries = log.limited_get_log_entries(start, 3).await.unwrap();
            assert_eq!(entries.len(), count);
            assert!(serde_json::to_vec(&entries).unwrap().len() < LONGEST - (1 << 20));
        }
        assert!(log.limited_get_log_entries(1, 1).await.unwrap().is_empty());
    }));
}

/// A node that is killed while it writes leaves any part of what it was writing.
#[test]
fn a_log_that_ends_anywhere_has_all_frames_before() {
    let folder = Folder::new("torn");
    let path = folder.path().join("log");
    let mut ends = Vec::new();
    nestling::block_on(adopt(async || {
        let mut log = open(&path).await;
        for index in 0..4 {
            log.blocking_append([entry(1, index)]).await.unwrap();
            ends.push(fs::metadata(&path).unwrap().len());
        }
    }));
    let whole = fs::read(&path).unwrap();
    for length in 0..=whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let whole_frames = ends.iter().filter(|end| **end <= length as u64).count();
        nestling::block_on(adopt(async || {
            let mut log = open(&path).await;
            assert_eq!(seen(&mut log).await.2.len(), whole_frames, "{length} bytes");
            // What comes next is not behind the rest of what was torn.
            log.blocking_append([entry(2, whole_frames as u64)]).await.unwrap();
        }));
        let ids = nestling::block_on(adopt(async || seen(&mut open(&path).await).await.2));
        assert_eq!(ids.last(), Some(&id(2, whole_frames as u64)), "{length} bytes");
    }
}

#[test]
fn a_log_that_ends_with_garbage_has_all_frames_before() {
    let folder = Folder::new("garbage");
    let path = folder.path().join("log");
    for garbage in [&[0; 100][..], b"\x02\0\0\0\0\0\0\0\xff\xff\xff\xff{}", &[0xff; 9]] {
        let _ = fs::remove_file(&path);
        nestling::block_on(adopt(async || {
            open(&path).await.blocking_append([entry(1, 0)]).await.unwrap();
        }));
        OpenOptions::new().append(true).open(&path).unwrap().write_all(garbage).unwrap();
        let ids = nestling::block_on(adopt(async || seen(&mut open(&path).await).await.2));
        assert_eq!(ids, [id(1, 0)], "{garbage:?}");
    }
}

/// A vote, and confirmed entries, are behind the frame that is bad: none of them may be forgotten.
#[test]
fn a_log_that_is_damaged_before_its_last_frame_is_not_opened() {
    let folder = Folder::new("damaged");
    let path = folder.path().join("log");
    let mut ends = vec![0];
    nestling::block_on(adopt(async || {
        let mut log = open(&path).await;
        for index in 0..3 {
            log.blocking_append([entry(1, index)]).await.unwrap();
            ends.push(fs::metadata(&path).unwrap().len() as usize);
        }
        log.save_vote(&VoteOf::<Kv>::new(7, 2)).await.unwrap();
    }));
    let sound = fs::read(&path).unwrap();
    for at in 0..ends[3] {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let opened = nestling::block_on(LogStore::open(path.clone()));
        let error = opened.err().unwrap_or_else(|| panic!("byte {at}"));
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let frame = ends.iter().rfind(|end| **end <= at).unwrap();
        let place = format!("{}: the frame at byte {frame} is damaged", path.display());
        assert!(error.to_string().starts_with(&place), "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "nothing is cut off");
    }
}

#[test]
fn a_snapshot_that_is_damaged_is_not_opened() {
    let folder = Folder::new("snapshot-damaged");
    let path = folder.path().join("snapshot");
    nestling::block_on(async {
        let mut machine = Machine::open(path.clone()).await.unwrap();
        machine.get_snapshot_builder().await.build_snapshot().await.unwrap();
    });
    let sound = fs::read(&path).unwrap();
    let flipped = (0..sound.len()).map(|at| {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        bytes
    });
    let cut = (0..sound.len()).map(|length| sound[..length].to_vec());
    for bytes in flipped.chain(cut).chain([[&sound[..], b"{"].concat()]) {
        fs::write(&path, &bytes).unwrap();
        let error = nestling::block_on(Machine::open(path.clone())).err().expect("it is damaged");
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.to_string().contains("the snapshot is damaged"), "{error}");
    }
    fs::write(&path, &sound).unwrap();
    assert!(nestling::block_on(Machine::open(path)).is_ok());
}

/// `/dev/null` takes every write, and nothing makes it sync them.
#[test]
fn what_is_written_but_not_synced_is_not_confirmed() {
    for change in ["entries", "a vote"] {
        nestling::block_on(adopt(async || {
            let (mut log, journal) = LogStore::open("/dev/null".into()).await.unwrap();
            let written = NestlingRuntime::spawn(journal.write());
            let is_confirmed = match change {
                "entries" => log.blocking_append([entry(1, 0)]).await.is_ok(),
                _ => log.save_vote(&VoteOf::<Kv>::new(7, 2)).await.is_ok(),
            };
            assert!(!is_confirmed, "{change}");
            let error = written.await.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "the node hears of it, too");
        }));
    }
}

#[test]
fn the_clients_that_are_remembered_are_the_newest() {
    let mut data = Data::default();
    let mut index = 0;
    let mut set = |client, value: &str| {
        index += 1;
        let (key, value) = ("key".to_owned(), value.to_owned());
        data.set(Set { key, value, client, number: 1 }, index);
        assert!(data.clients.len() <= CLIENTS);
        data.pairs["key"].clone()
    };
    for client in 0..=CLIENTS as u64 {
        assert_eq!(set(client, "first"), "first");
    }
    assert_eq!(set(CLIENTS as u64, "again"), "first");
    assert_eq!(set(1, "again"), "first");
    assert_eq!(set(0, "again"), "again", "client 0 was forgotten");
}
