//! `LogStore`: openraft's log of one node, in memory and on its way to the disk.

use crate::journal::{Change, Journal};
use crate::types::{Kv, PIECE};
use nestling::sync::channel::UnboundedSender;
use nestling_openraft::NestlingRuntime;
use openraft::alias::{EntryOf, LogIdOf, VoteOf};
use openraft::async_runtime::Oneshot;
use openraft::entry::RaftEntry;
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{AsyncRuntime, EntryPayload, OptionalSend, RaftLogReader};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::path::PathBuf;
use std::rc::Rc;

type Vote = VoteOf<Kv>;
type Entry = EntryOf<Kv>;
type LogId = LogIdOf<Kv>;

/// What the journal has: each record changes what those before it have said.
#[derive(Serialize, Deserialize)]
enum Record {
    Vote(Vote),
    Committed(Option<LogId>),
    Purged(LogId),
    Entries(Vec<Entry>),
}

#[derive(Default)]
struct Memory {
    vote: Option<Vote>,
    committed: Option<LogId>,
    purged: Option<LogId>,
    entries: BTreeMap<u64, Entry>,
}

impl Memory {
    fn take(&mut self, record: Record) {
        match record {
            Record::Vote(vote) => self.vote = Some(vote),
            Record::Committed(committed) => self.committed = committed,
            Record::Purged(purged) => self.purged = Some(purged),
            Record::Entries(entries) => {
                self.entries.extend(entries.into_iter().map(|entry| (entry.index(), entry)));
            }
        }
    }

    /// All of it, as the records of a new file.
    fn encode(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let vote = self.vote.map(Record::Vote);
        let purged = self.purged.map(Record::Purged);
        let entries = Record::Entries(self.entries.values().cloned().collect());
        let rest = [Record::Committed(self.committed), entries];
        for record in vote.into_iter().chain(purged).chain(rest) {
            serde_json::to_writer(&mut bytes, &record)?;
        }
        Ok(bytes)
    }
}

/// The log. Clones are the same.
#[derive(Clone)]
pub(crate) struct LogStore {
    memory: Rc<RefCell<Memory>>,
    changes: UnboundedSender<Change>,
}

impl LogStore {
    /// Reads the log from its file. Nothing is written until [`Journal::write`] runs.
    pub(crate) async fn open(path: PathBuf) -> io::Result<(Self, Journal)> {
        let mut memory = Memory::default();
        let (journal, changes) = Journal::open(path, |record| memory.take(record)).await?;
        Ok((Self { memory: Rc::new(RefCell::new(memory)), changes }, journal))
    }

    /// Changes the memory, and appends the same to the file.
    fn record(&self, record: Record, told: IOFlushed<Kv>) -> io::Result<()> {
        let bytes = serde_json::to_vec(&record)?;
        self.memory.borrow_mut().take(record);
        self.change(Change::Append(bytes, told))
    }

    /// Writes the file anew, as the memory is now, and waits until it is on the disk.
    async fn replace(&self) -> io::Result<()> {
        let bytes = self.memory.borrow().encode()?;
        let (tell, told) = signal();
        self.change(Change::Replace(bytes, tell))?;
        told.await.unwrap_or_else(|_| Err(gone()))
    }

    fn change(&self, change: Change) -> io::Result<()> {
        self.changes.send(change).map_err(|_| gone())
    }
}

type Told = <<NestlingRuntime as AsyncRuntime>::Oneshot as Oneshot>::Receiver<io::Result<()>>;

/// What is told of a write, and what hears of it.
fn signal() -> (IOFlushed<Kv>, Told) {
    let (tell, told) = <NestlingRuntime as AsyncRuntime>::Oneshot::channel();
    (IOFlushed::signal(tell), told)
}

fn gone() -> io::Error {
    io::Error::other("the journal is not written any more")
}

impl RaftLogReader<Kv> for LogStore {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: R,
    ) -> io::Result<Vec<Entry>> {
        Ok(self.memory.borrow().entries.range(range).map(|(_, entry)| entry.clone()).collect())
    }

    /// What is sent at once: about a [`PIECE`], and at least one entry.
    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        let mut length = 0;
        let has_room = |(_, entry): &(&u64, &Entry)| {
            let has_room = length < PIECE;
            if let EntryPayload::Normal(set) = &entry.payload {
                length += set.length();
            }
            has_room
        };
        let memory = self.memory.borrow();
        let entries = memory.entries.range(start..end).take_while(has_room);
        Ok(entries.map(|(_, entry)| entry.clone()).collect())
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(self.memory.borrow().vote)
    }
}

impl RaftLogStorage<Kv> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Kv>> {
        let memory = self.memory.borrow();
        let last = memory.entries.values().next_back().map(RaftEntry::log_id);
        Ok(LogState { last_purged_log_id: memory.purged, last_log_id: last.or(memory.purged) })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let (tell, told) = signal();
        self.record(Record::Vote(*vote), tell)?;
        told.await.unwrap_or_else(|_| Err(gone()))
    }

    /// A note for the next start, which need not be on the disk for anything else to happen. So a
    /// node may start with an old state, and must not be a leader before an election.
    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        self.record(Record::Committed(committed), IOFlushed::noop())
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        Ok(self.memory.borrow().committed)
    }

    async fn append<I>(&mut self, entries: I, flushed: IOFlushed<Kv>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        self.record(Record::Entries(entries.into_iter().collect()), flushed)
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        let next = last.map_or(0, |last| last.index() + 1);
        drop(self.memory.borrow_mut().entries.split_off(&next));
        self.replace().await
    }

    async fn purge(&mut self, last: LogId) -> io::Result<()> {
        {
            let mut memory = self.memory.borrow_mut();
            memory.entries = memory.entries.split_off(&(last.index() + 1));
            memory.purged = Some(last);
        }
        self.replace().await
    }
}
